// The kernels in terms of a vector `Vec` of 32-bit lanes; included once by each instruction set, inside its namespace.
// No include guard: every inclusion makes another set of functions.

// `Rows` rows times `Vecs` vectors of outputs, kept in registers while the inputs pass by.
template <int Rows, int Vecs>
static inline void multiply_block(const Product& layer, const std::int16_t* const* rows, int first, bool adds,
                                  std::int32_t* out) {
    Vec sum[Rows][Vecs];
    for (int v = 0; v < Vecs; ++v) {
        const Vec bias = load(layer.bias + first + v * LANES);
        for (int r = 0; r < Rows; ++r) sum[r][v] = bias;
    }
    const std::int32_t* weight = layer.weight + first;
    for (int tap = 0; tap < layer.taps; ++tap) {
        const std::int16_t* in[Rows];
        for (int r = 0; r < Rows; ++r) in[r] = rows[r] + layer.offsets[tap];
        for (int pair = 0; pair < layer.pairs; ++pair) {
            Vec w[Vecs];
            for (int v = 0; v < Vecs; ++v) w[v] = load(weight + v * LANES);
            for (int r = 0; r < Rows; ++r) {
                const auto x = both(in[r] + 2 * pair);
                for (int v = 0; v < Vecs; ++v) sum[r][v] = add_products(sum[r][v], x, w[v]);
            }
            weight += layer.lanes;
        }
    }
    for (int v = 0; v < Vecs; ++v) {
        const Vec shift = load(layer.shift + first + v * LANES);
        for (int r = 0; r < Rows; ++r) {
            std::int32_t* to = out + r * layer.lanes + first + v * LANES;
            const Vec result = shifted(sum[r][v], shift);
            store(to, adds ? added(load(to), result) : result);
        }
    }
}

template <int Rows>
static inline void multiply_rows(const Product& layer, const std::int16_t* const* rows, bool adds, std::int32_t* out) {
    int first = 0;
    for (; first + 2 * LANES <= layer.lanes; first += 2 * LANES) multiply_block<Rows, 2>(layer, rows, first, adds, out);
    for (; first < layer.lanes; first += LANES) multiply_block<Rows, 1>(layer, rows, first, adds, out);
}

static void multiply(const Product& layer, const std::int16_t* const* rows, int count, bool adds, std::int32_t* out) {
    int r = 0;
    const std::ptrdiff_t lanes = layer.lanes;
    for (; r + ROWS <= count; r += ROWS) multiply_rows<ROWS>(layer, rows + r, adds, out + r * lanes);
    for (; r + 2 <= count; r += 2) multiply_rows<2>(layer, rows + r, adds, out + r * lanes);
    for (; r < count; ++r) multiply_rows<1>(layer, rows + r, adds, out + r * lanes);
}

static void clamp(const std::int32_t* in, std::size_t count, std::int32_t limit, std::int16_t* out) {
    for (std::size_t k = 0; k < count; ++k) {
        const std::int32_t positive = in[k] < 0 ? 0 : in[k];
        out[k] = static_cast<std::int16_t>(positive > limit ? limit : positive);
    }
}

static void clamp_changed(const ChangedRows& rows, std::int32_t limit, std::int16_t* out) {
    for (int r = 0; r < rows.count; ++r) {
        const std::int32_t* from = rows.features + static_cast<std::ptrdiff_t>(rows.index[r]) * rows.lanes;
        const std::int32_t* change = rows.change + rows.which[r] * static_cast<std::ptrdiff_t>(rows.lanes);
        std::int32_t sum[16];
        for (int first = 0; first < rows.lanes; first += 16, out += 16) {
            for (int k = 0; k < 16; ++k) sum[k] = from[first + k] + change[first + k];
            clamp(sum, 16, limit, out);
        }
    }
}

static void add_tap(const std::int32_t* in, std::size_t count, double weight, double* total) {
    for (std::size_t k = 0; k < count; ++k) total[k] += weight * in[k];
}

// Of up to 16 rows from `first` on, each below its own edge.
static inline void below_block(const BinRows& rows, const CdfTable& cdf, int first, int width, const std::int32_t* edge,
                               std::int32_t* out, int stride) {
    float at[16] = {};
    std::int32_t total[16] = {};
    for (int i = 0; i < width; ++i) {
        const int row = first + i;
        const std::int32_t place = edge[i] * (1 << rows.bits[row]) + rows.anchor[row];
        const std::int32_t shift = rows.second[row] ? nearer_edge(place) >> rows.bits[row] : 0;
        at[i] = static_cast<float>(edge[i] * 256 + rows.base[row] - shift);
    }
    for (int k = 0; k < rows.components; ++k) {
        const std::ptrdiff_t own = static_cast<std::ptrdiff_t>(k) * rows.stride + first;
        add_cdf(at, rows.factor + own, rows.origin + own, rows.weight + own, width, cdf.value, cdf.last, total);
    }
    for (int i = 0; i < width; ++i) out[i * stride] = (total[i] >> 6) - (total[i] >> 26);
}

static void below_edges(const BinRows& rows, const CdfTable& cdf, const std::int32_t* edges, std::int32_t* out) {
    for (int first = 0; first < rows.count; first += 16) {
        const int width = rows.count - first < 16 ? rows.count - first : 16;
        below_block(rows, cdf, first, width, edges + first, out + first, 1);
    }
}

static void bin_tables(const BinRows& rows, const CdfTable& cdf, const EdgeRange& edges, std::int32_t* out) {
    for (int first = 0; first < rows.count; first += 16) {
        const int width = rows.count - first < 16 ? rows.count - first : 16;
        for (int edge = edges.first; edge < edges.end; ++edge) {
            std::int32_t same[16];
            for (std::int32_t& own : same) own = edges.all[edge];
            below_block(rows, cdf, first, width, same, out + first * BIN_STRIDE + edge, BIN_STRIDE);
        }
    }
}

static inline void copy_pieces(const Neighbours& neighbours, const std::int32_t* plane, std::int32_t* to) {
    for (int n = 0; n < neighbours.piece_count; ++n) {
        const Piece& piece = neighbours.pieces[n];
        // The next piece overwrites what is too much.
        for (int k = 0; k < piece.length; k += PIECE_STEP) {
            std::memcpy(to + piece.to + k, plane + piece.from + k, PIECE_STEP * sizeof *to);
        }
    }
}

static void collect(const Neighbours& neighbours, std::int32_t* seen) {
    std::int32_t nearest[VOXEL_BLOCK], before[VOXEL_BLOCK + PIECE_STEP] = {};
    for (std::int32_t& number : nearest) number = neighbours.lowest;
    for (int axis = 0; axis < BEFORE; ++axis) {
        copy_pieces(neighbours, neighbours.planes[axis], before);
        for (int k = 0; k < VOXEL_BLOCK; ++k) nearest[k] = before[k] == OUTSIDE ? nearest[k] : before[k];
    }
    for (int row = 0; row < neighbours.count; ++row, seen += VOXEL_BLOCK) {
        copy_pieces(neighbours, neighbours.planes[BEFORE + row], seen);
        for (int k = 0; k < VOXEL_BLOCK; ++k) seen[k] = seen[k] == OUTSIDE ? nearest[k] : seen[k];
    }
}

static void activity(const std::int32_t* seen, const std::int32_t* weight, int rows, std::int32_t* reference,
                     std::int32_t* sum) {
    for (int k = 0; k < VOXEL_BLOCK; ++k) reference[k] = 4;
    for (int row = 0; row < rows; ++row) {
        if (weight[row] == 0) continue;
        const std::int32_t* own = seen + row * VOXEL_BLOCK;
        for (int k = 0; k < VOXEL_BLOCK; ++k) reference[k] += weight[row] * own[k];
    }
    for (int k = 0; k < VOXEL_BLOCK; ++k) {
        reference[k] >>= 3;
        sum[k] = 0;
    }
    for (int row = 0; row < rows; ++row) {
        const std::int32_t* own = seen + row * VOXEL_BLOCK;
        for (int k = 0; k < VOXEL_BLOCK; ++k) sum[k] += std::abs(own[k] - reference[k]);
    }
}

static void relate(const Differences& differences, int rows, int count, int stride, std::int16_t* out) {
    std::int32_t pair[2][VOXEL_BLOCK];
    std::uint32_t packed[VOXEL_BLOCK];
    for (int row = 0; row < rows; row += 2) {
        for (int side = 0; side < 2; ++side) {
            const std::int32_t* own = differences.seen + (row + side < rows ? row + side : row) * VOXEL_BLOCK;
            for (int k = 0; k < VOXEL_BLOCK; ++k) {
                const std::int32_t product = (own[k] - differences.reference[k]) * differences.mantissa[k];
                const std::int32_t value = product >> differences.shift[k];
                const std::int32_t most = value < INPUT_LIMIT ? value : INPUT_LIMIT;
                pair[side][k] = most > -INPUT_LIMIT ? most : -INPUT_LIMIT;
            }
        }
        for (int k = 0; k < VOXEL_BLOCK; ++k) {
            packed[k] = static_cast<std::uint16_t>(pair[0][k]) | static_cast<std::uint32_t>(pair[1][k]) << 16;
        }
        for (int k = 0; k < count; ++k) std::memcpy(out + k * stride + row, &packed[k], sizeof packed[k]);
    }
}

static void kind_costs(const Choices& choices, float slope, KindCosts& out) {
    for (int chain = 0; chain < CHAINS; ++chain) {
        const float exact = choices.exact[chain], size = std::fabs(exact), sign = exact < 0 ? -1.0F : 1.0F;
        const float above = std::nearbyint((size - 1.5F) / 2), below = std::nearbyint((size - 0.5F) / 2);
        const float half_even = 2 * (above < 0 ? 0.0F : above) + 1.5F;
        const float value[KINDS] = {sign * (2 * std::nearbyint(size / 2)), sign * (2 * std::floor(size / 2) + 1),
                                    sign * (size < 0.75F ? 0.0F : half_even),
                                    sign * (2 * (below < 0 ? 0.0F : below) + 0.5F)};
        const float absent = choices.absent[chain];
        for (int kind = 0; kind < KINDS; ++kind) {
            const float error = value[kind] - exact;
            out.cost[kind][chain] = error * error + slope * choices.bits[kind][chain] + (kind % 2 ? absent : 0.0F);
            out.value[kind][chain] = value[kind];
        }
        for (int second = 0; second < 2; ++second) {
            const float zero = exact * exact + slope * choices.bits[KINDS + second][chain];
            const bool better = zero < out.cost[2 * second][chain];
            out.cost[2 * second][chain] = better ? zero : out.cost[2 * second][chain];
            out.value[2 * second][chain] = better ? 0.0F : out.value[2 * second][chain];
        }
    }
}

static void viterbi_step(const ViterbiStep& step) {
    for (int state = 0; state < step.states; ++state) {
        const std::int32_t first = step.before[state], second = step.before[step.states + state];
        // Odd states have the second quantiser.
        step.by_second[state] = add_compare_select(step.total + (first >> 1) * CHAINS, step.own->cost[first & 3],
                                                   step.total + (second >> 1) * CHAINS, step.own->cost[second & 3],
                                                   step.next + state * CHAINS);
    }
}
