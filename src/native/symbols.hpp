// Binarisation of coefficients into small alphabets: a bin about the centre, subdivisions of the bin, an escape.
//
// The twin of coding/symbols.py. Symbols of a batch are coded phase by phase, and by row within a phase.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "mixture.hpp"
#include "symbol_coder.hpp"

namespace aiwave {

// Codes the coefficients of a batch of mixtures with a SymbolWriter, or decodes them with a SymbolReader.
class BatchCoder {
   public:
    explicit BatchCoder(int capacity)
        : value_(whole_rows(capacity)),
          bin_(capacity),
          edge_(capacity),
          left_(capacity),
          right_(capacity),
          ends_(capacity) {}

    // `q` (count) holds the coefficients; a reader fills it.
    template <class Coder>
    void code(Mixtures& mixtures, Coder& coder, std::int64_t* q) {
        code_bins(mixtures, coder, q);
        code_inside(mixtures, coder, q);
        code_escapes(mixtures, coder, q);
        for (int row = 0; row < mixtures.count(); ++row) {
            q[row] = std::clamp(value_[row], -COEFFICIENT_LIMIT, COEFFICIENT_LIMIT);
        }
    }

   private:
    template <class Coder>
    void code_bins(Mixtures& mixtures, Coder& coder, const std::int64_t* q);
    void find_bins(const Mixtures& mixtures, const std::int64_t* q);
    template <class Coder>
    void code_inside(const Mixtures& mixtures, Coder& coder, const std::int64_t* q);
    template <class Coder>
    void code_escapes(const Mixtures& mixtures, Coder& coder, const std::int64_t* q);
    template <class Coder>
    void code_level(const Mixtures& mixtures, Coder& coder, const std::int64_t* q, int level);
    template <class Coder, class At>
    void split(Coder& coder, const std::int64_t* q, int row, int log4, int parts, At at);

    // Cumulative probabilities at the ends of the interval that is still possible.
    struct Ends {
        std::int64_t low, high;
        bool known;
    };

    bool open(int row) const { return bin_[row] == 0 || bin_[row] == BINS - 1; }

    std::vector<std::int64_t> value_;  // the smallest coefficient that is still possible
    std::vector<int> bin_, edge_;
    std::vector<std::int32_t> left_, right_;  // cumulative frequencies at the ends of bins, when writing
    std::vector<Ends> ends_;
    std::vector<int> escaped_;
    std::vector<std::int64_t> coded_, distance_;
    std::vector<int> length_;
};

template <class Coder>
void BatchCoder::code_bins(Mixtures& mixtures, Coder& coder, const std::int64_t* q) {
    constexpr int MIDDLE = BINS / 2;
    const std::int32_t* tables = nullptr;
    if constexpr (Coder::READS) {
        tables = mixtures.bin_tables();
    } else {
        find_bins(mixtures, q);
    }
    for (int row = 0; row < mixtures.count(); ++row) {
        const int known = bin_[row];
        const auto below = [&](int symbol) -> std::int64_t {
            if (symbol == 0) return 0;
            if (symbol == BINS) return TOTAL;
            if constexpr (!Coder::READS) return (symbol == known ? left_[row] : right_[row]) + symbol;
            const bool common = symbol > COMMON_FIRST && symbol <= COMMON_END;
            return (common ? tables[row * BIN_STRIDE + symbol - 1] : mixtures.below_bin(row, symbol - 1)) + symbol;
        };
        bin_[row] = coder.symbol(known, BINS, below, MIDDLE);
        value_[row] =
            mixtures.anchor(row) + EDGES[std::max(bin_[row] - 1, 0)] * (std::int64_t{1} << 2 * mixtures.log4(row));
    }
}

// The bins of known coefficients, and the cumulative frequencies at their ends.
inline void BatchCoder::find_bins(const Mixtures& mixtures, const std::int64_t* q) {
    const int count = mixtures.count();
    for (int row = 0; row < count; ++row) {
        const std::int64_t place = (q[row] - mixtures.anchor(row)) >> 2 * mixtures.log4(row);
        const int near = static_cast<int>(std::clamp<std::int64_t>(place, EDGES.front() - 1, EDGES.back()));
        int bin = 0;
        for (int inner : EDGES) bin += near >= inner;
        bin_[row] = bin;
        edge_[row] = std::max(bin - 1, 0);
    }
    mixtures.below_bins(edge_.data(), left_.data());
    for (int row = 0; row < count; ++row) edge_[row] = std::min(bin_[row], BIN_EDGES - 1);
    mixtures.below_bins(edge_.data(), right_.data());
}

template <class Coder>
void BatchCoder::code_inside(const Mixtures& mixtures, Coder& coder, const std::int64_t* q) {
    int deepest = 0;
    for (int row = 0; row < mixtures.count(); ++row) {
        ends_[row].known = false;
        if (open(row)) continue;
        const int width = EDGES[bin_[row]] - EDGES[bin_[row] - 1], log4 = mixtures.log4(row);
        deepest = std::max(deepest, log4);
        if (width == 1) continue;
        const std::int64_t start = value_[row];
        split(coder, q, row, log4, width,
              [&](int part) { return mixtures.cumulative(row, start + (std::int64_t{part} << 2 * log4)); });
    }
    for (int level = deepest - 1; level >= 0; --level) code_level(mixtures, coder, q, level);
}

// Splits the rows whose intervals are wider than 4**level.
template <class Coder>
void BatchCoder::code_level(const Mixtures& mixtures, Coder& coder, const std::int64_t* q, int level) {
    const auto wanted = [&](int row) { return row < mixtures.count() && !open(row) && mixtures.log4(row) > level; };
    for (int first = 0; first < mixtures.count(); first += SPLIT_ROWS) {
        int count = 0;
        for (int row = first; row < first + SPLIT_ROWS; ++row) count += wanted(row);
        SplitTable table;
        const bool at_once = count > 1 && mixtures.split(first, value_.data(), 2 * level, table);
        for (int row = first; row < first + SPLIT_ROWS; ++row) {
            if (!wanted(row)) continue;
            const std::int64_t start = value_[row];
            split(coder, q, row, level, SPLIT, [&](int part) {
                return at_once ? table[part][row - first]
                               : mixtures.cumulative(row, start + (std::int64_t{part} << 2 * level));
            });
        }
    }
}

// One of `parts` parts from `value_` on, each 4**log4 wide; `at` is the cumulative probability where a part begins.
template <class Coder, class At>
void BatchCoder::split(Coder& coder, const std::int64_t* q, int row, int log4, int parts, At at) {
    constexpr std::int64_t FREE = TOTAL - SPLIT;
    const std::int64_t start = value_[row];
    Ends& ends = ends_[row];
    if (!ends.known) ends = {at(0), at(parts), true};
    const std::int64_t first = ends.low, total = ends.high - first + parts;
    if (total <= 0) throw Damaged();
    std::int64_t edge[SPLIT + 1] = {first};
    edge[parts] = ends.high;
    int known = 0, evaluated = 0;
    if constexpr (!Coder::READS) known = static_cast<int>((q[row] - start) >> 2 * log4);
    const int part = coder.symbol(known, parts, [&](int symbol) -> std::int64_t {
        if (symbol == 0) return 0;
        if (symbol >= parts) return FREE + symbol;
        if (symbol > evaluated) edge[evaluated = symbol] = at(symbol);
        return (edge[symbol] - first + symbol) * FREE / total + symbol;
    });
    ends.low = edge[part];
    ends.high = edge[part + 1];
    value_[row] = start + (static_cast<std::int64_t>(part) << 2 * log4);
}

// An Exp-Golomb code of the distance from the outermost edge.
template <class Coder>
void BatchCoder::code_escapes(const Mixtures& mixtures, Coder& coder, const std::int64_t* q) {
    constexpr int LENGTH_BITS = 5, CHUNK = 12, CHUNKS = 3;
    escaped_.clear();
    for (int row = 0; row < mixtures.count(); ++row) {
        if (open(row)) escaped_.push_back(row);
    }
    length_.assign(escaped_.size(), 0);
    coded_.assign(escaped_.size(), 1);
    distance_.assign(escaped_.size(), 1);
    const auto unit = [&](int row) { return std::int64_t{1} << 2 * mixtures.log4(row); };
    const auto edge = [&](int row) {
        return mixtures.anchor(row) + (bin_[row] ? EDGES.back() : EDGES.front()) * unit(row);
    };
    for (std::size_t k = 0; k < escaped_.size(); ++k) {
        const int row = escaped_[k];
        if constexpr (!Coder::READS) {
            distance_[k] = (bin_[row] ? q[row] - edge(row) : edge(row) - 1 - q[row]) + unit(row);
            length_[k] = 63 - __builtin_clzll(static_cast<unsigned long long>(distance_[k]));
        }
        length_[k] = static_cast<int>(coder.uniform(length_[k], LENGTH_BITS));
    }
    for (int chunk = 0; chunk < CHUNKS; ++chunk) {
        for (std::size_t k = 0; k < escaped_.size(); ++k) {
            const int take = std::clamp(length_[k] - chunk * CHUNK, 0, CHUNK);
            if (take == 0) continue;
            const int left = length_[k] - chunk * CHUNK - take;
            const std::int64_t digits = distance_[k] >> left & ((std::int64_t{1} << take) - 1);
            coded_[k] = (coded_[k] << take) + coder.uniform(digits, take);
        }
    }
    for (std::size_t k = 0; k < escaped_.size(); ++k) {
        const int row = escaped_[k];
        const std::int64_t beyond = coded_[k] - unit(row);
        value_[row] = bin_[row] ? edge(row) + beyond : edge(row) - 1 - beyond;
    }
}

}  // namespace aiwave
