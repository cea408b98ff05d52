#include "level_coder.hpp"

#include <cmath>

#include "rough_bits.hpp"
#include "tile_coder.hpp"

namespace aiwave {

namespace {

// Calls work(coder, tile, first coefficient, positions per band, stop) for every tile.
template <class Work>
void for_each_tile(const LevelTask& task, Work work) {
    const bool by_time = task.context && task.context->own.exist();
    const BandLayout layout(task.size, by_time);
    StopFlag stop;
    parallel_for(task.tiles, task.threads, stop, task.interrupted, [&](int tile) {
        const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(tile) * layout.positions;
        const std::int32_t* coarse = task.coarse ? task.coarse + 2 * at : nullptr;
        const std::int64_t* approx = task.approx ? task.approx + at : nullptr;
        const auto with = [&](auto context, const auto& model) {
            TileCoder coder(task, layout, model.density, model.tables, context, stop);
            work(coder, tile, at * task.tables.bands, std::ptrdiff_t{layout.positions}, stop);
        };
        if (task.factorized) {
            with(FactorizedContext(*task.factorized, task.tables, layout.longest_front()), *task.factorized);
        } else if (task.context->narrow) {
            with(LevelContext<std::int16_t>(*task.context, task.tables, layout, coarse, approx, stop), *task.context);
        } else {
            with(LevelContext<std::int32_t>(*task.context, task.tables, layout, coarse, approx, stop), *task.context);
        }
    });
}

}  // namespace

std::vector<std::vector<std::string>> encode_level(const LevelTask& task, const std::int32_t* q) {
    std::vector<std::vector<std::string>> segments(task.tiles, std::vector<std::string>(task.tables.bands));
    for_each_tile(task, [&](auto& coder, int tile, std::ptrdiff_t first, std::ptrdiff_t positions, const StopFlag&) {
        std::vector<std::int32_t> band(positions);
        for (int k = 0; k < task.tables.bands; ++k) {
            std::copy_n(q + first + k * positions, positions, band.begin());
            RangeEncoder encoder;
            SymbolWriter writer(encoder);
            coder.code(k, writer, band.data());
            segments[tile][k] = encoder.finish();
        }
    });
    return segments;
}

namespace {

// Cumulative probabilities of one row, each computed once: candidates share edges.
class Edges {
   public:
    Edges(const Mixtures& mixtures, int row) : mixtures_(mixtures), row_(row) {}

    std::int64_t below(std::int64_t edge) {
        for (int k = 0; k < count_; ++k) {
            if (edge_[k] == edge) return value_[k];
        }
        edge_[count_] = edge;
        return value_[count_++] = mixtures_.cumulative(row_, edge);
    }

   private:
    const Mixtures& mixtures_;
    int row_, count_ = 0;
    std::int64_t edge_[2 * CANDIDATES], value_[2 * CANDIDATES];
};

constexpr std::int64_t FLOOR = 1 << 14;  // lower bound of probabilities, in units of 2**-38

// Bits of the candidates for a band, (positions, CANDIDATES), in the context of `q`. Those of zero are 0 where no bits
// could make it better than an even index: where its error alone costs as much.
template <class Coder>
void candidate_bits(Coder& coder, int band, const float* exact, const std::int32_t* q, float slope, float* bits) {
    const auto all = [](std::int32_t) { return true; };
    const auto visit = [&](const Mixtures& mixtures, const std::vector<std::int32_t>& rasters, int second) {
        const int even = 2 * second, odd = even + 1, zero = KINDS + second;
        for (std::size_t row = 0; row < rasters.size(); ++row) {
            const float wanted = exact[rasters[row]];
            const Candidates candidates(wanted);
            Edges edges(mixtures, static_cast<int>(row));
            float* own = bits + static_cast<std::ptrdiff_t>(rasters[row]) * CANDIDATES;
            const auto bits_as = [&](int kind) {
                const std::int64_t index = index_of(static_cast<std::int64_t>(2 * candidates.value[kind]), second);
                return bits_of(std::max(edges.below(index + 1) - edges.below(index), FLOOR));
            };
            own[even] = bits_as(even);
            own[odd] = bits_as(odd);
            const float error = candidates.value[even] - wanted;
            own[zero] = wanted * wanted < error * error + slope * own[even] ? bits_as(zero) : 0.0F;
        }
    };
    coder.visit_densities(band, q, 2, all, visit);
}

// Moves a band's nearest integers `q` one towards zero where the bits saved outweigh the squared error added.
template <class Coder>
void move_nearer(Coder& coder, int band, const float* exact, const std::int32_t* q, float slope, std::int32_t* out) {
    const auto may_move = [&](std::int32_t raster) {
        return std::fabs(static_cast<float>(q[raster])) > std::fabs(exact[raster]);
    };
    const auto visit = [&](const Mixtures& mixtures, const std::vector<std::int32_t>& rasters, int /*second*/) {
        for (std::size_t row = 0; row < rasters.size(); ++row) {
            const std::int32_t raster = rasters[row], nearest = q[raster];
            const auto smaller = static_cast<std::int32_t>(nearest - sign_of(nearest));
            Edges edges(mixtures, static_cast<int>(row));
            const auto bits = [&](std::int64_t value) {
                return bits_of(std::max(edges.below(value + 1) - edges.below(value), FLOOR));
            };
            const float saved = bits(nearest) - bits(smaller);
            const float far = exact[raster] - static_cast<float>(smaller);
            const float near = exact[raster] - static_cast<float>(nearest);
            if (far * far - near * near < slope * saved) out[raster] = smaller;
        }
    };
    coder.visit_densities(band, q, 1, may_move, visit);
}

}  // namespace

void choose_path(const LevelTask& task, const float* exact, float slope, bool rough, std::int32_t* q) {
    for_each_tile(task, [&](auto& coder, int, std::ptrdiff_t first, std::ptrdiff_t positions, const StopFlag& stop) {
        std::vector<float> bits(CANDIDATES * positions);
        PathFinder path(task, stop);
        for (int k = 0; k < task.tables.bands; ++k) {
            const std::ptrdiff_t at = first + k * positions;
            if (rough) {
                rough_bits(task.context->rough, task.size, exact + at, stop, bits.data());
            } else {
                candidate_bits(coder, k, exact + at, q + at, slope, bits.data());
            }
            // Later bands see the choice before, which the context has kept.
            path.find(task.inside[k], exact + at, bits.data(), slope, q + at);
        }
    });
}

void choose_integers(const LevelTask& task, const float* exact, float slope, std::int32_t* q) {
    for_each_tile(task, [&](auto& coder, int, std::ptrdiff_t first, std::ptrdiff_t positions, const StopFlag&) {
        std::vector<std::int32_t> nearest(positions);
        for (int k = 0; k < task.tables.bands; ++k) {
            const std::ptrdiff_t at = first + k * positions;
            std::copy_n(q + at, positions, nearest.begin());
            move_nearer(coder, k, exact + at, nearest.data(), slope, q + at);
        }
    });
}

void decode_level(const LevelTask& task, const std::vector<std::vector<std::string>>& segments, std::int32_t* q) {
    for_each_tile(task, [&](auto& coder, int tile, std::ptrdiff_t first, std::ptrdiff_t positions, const StopFlag&) {
        for (int k = 0; k < task.tables.bands; ++k) {
            const std::string& segment = segments[tile][k];
            RangeDecoder decoder(segment.data(), segment.size());
            SymbolReader reader(decoder);
            coder.code(k, reader, q + first + k * positions);
        }
    });
}

}  // namespace aiwave
