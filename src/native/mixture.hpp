// Integer densities: mixtures of logistic or Laplace components, and their cumulative frequencies.
//
// The twin of coding/integer_mixture.py and of the first part of coding/symbols.py, in the same units.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "kernels.hpp"

namespace aiwave {

constexpr std::int64_t COEFFICIENT_LIMIT = (1 << 23) - 1;

// Lower edges of bins 1 to 14, in units of 4**k from the anchor; bins 0 and 14 are open.
constexpr std::array<int, BIN_EDGES> EDGES{-12, -8, -5, -3, -2, -1, 0, 1, 2, 3, 4, 6, 9, 13};
constexpr int BINS = BIN_EDGES + 1;
// Numbers of the inner edges that most coefficients lie between.
constexpr int COMMON_FIRST = 4, COMMON_END = 10;
constexpr int MAX_LOG4 = 10;

// The tables of coding/exact_tables.py, which integer arithmetic alone has made.
struct Tables {
    std::vector<std::int32_t> cdf;       // at -16, -16 + 1/1024, ..., 16, in units of 2**-24
    std::vector<std::int32_t> bin_cdf;   // at the midpoints of intervals of 1/512, in units of 2**-16
    std::vector<std::int32_t> mantissa;  // of 1 / scale, by log scale
    std::vector<std::int32_t> shift;
    std::vector<std::int32_t> scale;  // in units of 2**-4
    std::vector<float> inverse_scale;
    std::vector<std::int32_t> softmax;  // exp(-d) in units of 2**-16
};

// Rounds up to whole groups of SPLIT_ROWS.
constexpr int whole_rows(int count) { return (count + SPLIT_ROWS - 1) / SPLIT_ROWS * SPLIT_ROWS; }

struct Density {
    int components;
    bool weighted;  // false for a single component without a weight
    int size() const { return (weighted ? 3 : 2) * components; }
};

// Mixtures of up to `capacity` coefficients, rounded up by `whole_rows`; arrays by component are (components,
// capacity).
class Mixtures {
   public:
    Mixtures(const Tables& tables, const Density& density, int capacity);

    // Begins `count` coefficients, for `cumulative` alone. `parameters` (count, stride) in units of 2**-8; `predicted`
    // (count) in units of 2**-8 steps; `second` (count) is 1 where a coefficient is an index in the second quantiser,
    // else 0.
    void set_densities(const std::int32_t* parameters, int stride, const std::int64_t* predicted,
                       const std::uint8_t* second, int count);
    // The same, for everything.
    void set(const std::int32_t* parameters, int stride, const std::int64_t* predicted, const std::uint8_t* second,
             int count);

    // From now on all probability beyond these counts as theirs.
    void fold(std::int64_t lowest, std::int64_t highest) {
        lowest_ = lowest;
        highest_ = highest;
    }

    int count() const { return count_; }
    std::int64_t anchor(int row) const { return anchor_[row]; }
    int log4(int row) const { return bits_[row] / 2; }

    // Cumulative frequencies below the inner edges COMMON_FIRST to COMMON_END - 1, (count, BIN_STRIDE).
    const std::int32_t* bin_tables();
    // The same below one inner edge of each row, (count).
    void below_bins(const int* edge, std::int32_t* out) const;
    // The same below one inner edge.
    std::int32_t below_bin(int row, int edge) const;

    // Probability that a coefficient is less than `edge`, in units of 2**-38.
    std::int64_t cumulative(int row, std::int64_t edge) const;
    // The same at the ends of the SPLIT parts, 2**bits wide, from `start`[row] on, of SPLIT_ROWS rows from `first` on,
    // a multiple of these. False if that is not faster here than one by one.
    bool split(int first, const std::int64_t* start, int bits, SplitTable& out) const;

   private:
    void set_row(int row, const std::int32_t* parameters);
    void choose_bins(int row);
    BinRows bin_rows() const;
    CdfTable cdf() const { return {tables_.bin_cdf.data(), static_cast<int>(tables_.bin_cdf.size()) - 1}; }
    // A probability of less than `edge`, with what lies beyond the ends counted as these; `everything` is 1.
    template <class T>
    T folded(T probability, std::int64_t edge, T everything) const {
        return edge <= lowest_ ? 0 : edge > highest_ ? everything : probability;
    }
    std::int64_t edge_of(int row, int edge) const {
        return anchor_[row] + EDGES[edge] * (std::int64_t{1} << bits_[row]);
    }

    const Tables& tables_;
    Density density_;
    int capacity_, count_ = 0;
    std::int64_t lowest_ = INT64_MIN, highest_ = INT64_MAX;
    std::vector<std::int32_t> weight_, mean_, scale_;
    std::vector<std::int64_t> predicted_, anchor_;
    std::vector<std::uint8_t> second_;
    std::vector<float> factor_, origin_;
    std::vector<std::int32_t> base_, close_, bits_, bins_;  // see BinRows
};

}  // namespace aiwave
