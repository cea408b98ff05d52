#include "level_coder.hpp"

#include "tile_coder.hpp"

namespace aiwave {

namespace {

// Calls work(coder, tile, first coefficient, positions per band) for every tile.
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
            work(coder, tile, at * task.tables.bands, std::ptrdiff_t{layout.positions});
        };
        if (task.factorized) {
            with(FactorizedContext(*task.factorized, task.tables, layout.longest_front()), *task.factorized);
        } else if (task.context->narrow) {
            with(LevelContext<std::int16_t>(*task.context, task.tables, layout, coarse, approx), *task.context);
        } else {
            with(LevelContext<std::int32_t>(*task.context, task.tables, layout, coarse, approx), *task.context);
        }
    });
}

}  // namespace

std::vector<std::vector<std::string>> encode_level(const LevelTask& task, const std::int32_t* q) {
    std::vector<std::vector<std::string>> segments(task.tiles, std::vector<std::string>(task.tables.bands));
    for_each_tile(task, [&](auto& coder, int tile, std::ptrdiff_t first, std::ptrdiff_t positions) {
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

// Bits of the candidates for a band, (6, positions), in the context of `q`.
template <class Coder>
void candidate_bits(Coder& coder, int band, const float* exact, const std::int32_t* q, std::ptrdiff_t positions,
                    std::vector<float>& bits) {
    constexpr std::int64_t FLOOR = 1 << 14;
    coder.visit_densities(band, q, [&](const Mixtures& mixtures, const std::vector<std::int32_t>& rasters, int second) {
        for (std::size_t row = 0; row < rasters.size(); ++row) {
            const Candidates candidates(exact[rasters[row]]);
            Edges edges(mixtures, static_cast<int>(row));
            for (int kind = 0; kind < CANDIDATES; ++kind) {
                if (QUANTISER[kind] != second) continue;
                const std::int64_t index = index_of(static_cast<std::int64_t>(2 * candidates.value[kind]), second);
                const std::int64_t mass = edges.below(index + 1) - edges.below(index);
                bits[kind * positions + rasters[row]] = bits_of(std::max(mass, FLOOR));
            }
        }
    });
}

}  // namespace

void choose_level(const LevelTask& task, const float* exact, const float* bits, float slope, std::int32_t* q) {
    for_each_tile(task, [&](auto& coder, int /*tile*/, std::ptrdiff_t first, std::ptrdiff_t positions) {
        std::vector<float> own(bits ? 0 : CANDIDATES * positions);
        for (int k = 0; k < task.tables.bands; ++k) {
            const std::ptrdiff_t at = first + k * positions;
            if (!bits) candidate_bits(coder, k, exact + at, q + at, positions, own);
            // Later bands see the choice before, which the context has kept.
            best_path(task, task.inside[k], exact + at, bits ? bits + CANDIDATES * at : own.data(), slope, q + at);
        }
    });
}

void decode_level(const LevelTask& task, const std::vector<std::vector<std::string>>& segments, std::int32_t* q) {
    for_each_tile(task, [&](auto& coder, int tile, std::ptrdiff_t first, std::ptrdiff_t positions) {
        for (int k = 0; k < task.tables.bands; ++k) {
            const std::string& segment = segments[tile][k];
            RangeDecoder decoder(segment.data(), segment.size());
            SymbolReader reader(decoder);
            coder.code(k, reader, q + first + k * positions);
        }
    });
}

}  // namespace aiwave
