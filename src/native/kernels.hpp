// The inner loops, compiled once for every instruction set. All of them give the same integers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aiwave {

constexpr int BIN_EDGES = 14;
constexpr int BIN_STRIDE = 16;

// A layer whose inputs fit 16 bits and whose sums fit 32: out = (bias + sum weight * in) >> shift.
// `weight` holds, by tap and pair of inputs, `lanes` times two weights; `lanes` is a multiple of 16.
struct Product {
    const std::int32_t* weight;
    const std::int32_t* bias;
    const std::int32_t* shift;
    const std::int32_t* offsets;  // by tap, from a row's first input
    int taps;
    int pairs;  // per tap
    int lanes;
};

// Mixtures of `count` coefficients, whose arrays (component, coefficient) and (edge, coefficient) have rows of
// `stride`; see mixture.hpp for the units.
struct BinRows {
    const std::int32_t* weight;
    const float* factor;
    const float* origin;
    const std::int32_t* edges;
    int components;
    int count;
    int stride;
};

// Chains that the Viterbi algorithm follows side by side.
constexpr int CHAINS = 16;

// One coefficient of CHAINS chains: arrays (states, CHAINS), and `own` (4, CHAINS), the costs by quantiser and parity.
// `before` (2, states) holds the two transitions into each state, as 2 * (previous state) + parity.
struct ViterbiStep {
    const float* total;
    const float* own;
    const std::int32_t* before;
    int states;
    float* next;
    std::uint8_t* by_second;  // 1 where the second transition is the cheaper one
};

struct Kernels {
    // (rows) inputs -> (rows, lanes) outputs.
    void (*multiply)(const Product& layer, const std::int16_t* const* rows, int count, std::int32_t* out);
    // Cumulative frequencies below each inner edge, (count, BIN_STRIDE); `last` is the table's last index.
    void (*bin_tables)(const BinRows& rows, const std::int32_t* cdf, int last, std::int32_t* out);
    void (*viterbi_step)(const ViterbiStep& step);
};

// Those of the instruction set in use.
const Kernels& kernels();

namespace plain {
extern const Kernels KERNELS;
}
namespace avx2 {
extern const Kernels KERNELS;
}
namespace avx512 {
extern const Kernels KERNELS;
}

}  // namespace aiwave
