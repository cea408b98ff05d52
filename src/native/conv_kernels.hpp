// The inner loops of 3x3x3 convolutions and activations, compiled once for every instruction set.
//
// All of them but `fused_floats` give the same bits: every output adds its products one by one in a fixed order (input
// channels, then taps), multiplication and addition round separately, and vectors only hold neighbouring outputs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aiwave {

constexpr int CONV_TAPS = 27;

// Output channels are computed in blocks of 8, then of 4, 2 and 1: the width of a block with `left` channels to go.
constexpr int conv_block_width(int left) { return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1; }

// Sums of a run of positions: out[n][p] = bias[n] + sum over c and tap of weight[n][c][tap] * in[c][p + offset[tap]].
//
// T is float, double or, for two 16-bit inputs per lane whose products are added in 32 bits, int32_t. Weights are
// stored by block of output channels (see above) as [input][tap][output of the block]. Up to CONV_SLACK inputs beyond
// the last position are read.
template <class T>
struct ConvRun {
    const T* in;
    std::ptrdiff_t in_channel;  // distance of two channels
    const std::ptrdiff_t* offset;
    int inputs;
    const T* weight;
    const T* bias;
    int outputs;
    T* out;
    std::ptrdiff_t out_channel;
    std::ptrdiff_t count;
};

constexpr std::size_t CONV_SLACK = 64;

struct ConvKernels {
    void (*floats)(const ConvRun<float>& run);
    // Multiplication and addition round once where the instruction set has that: for what no encoder depends on.
    void (*fused_floats)(const ConvRun<float>& run);
    void (*doubles)(const ConvRun<double>& run);
    void (*pairs)(const ConvRun<std::int32_t>& run);
    // In place, good to a few units in the last place.
    void (*tanh)(float* x, std::size_t count);
    void (*silu)(float* x, std::size_t count);
    void (*elu)(float* x, std::size_t count);
};

// Those of the instruction set in use.
const ConvKernels& conv_kernels();

namespace plain {
extern const ConvKernels CONV_KERNELS;
}
namespace avx2 {
extern const ConvKernels CONV_KERNELS;
}
namespace avx512 {
extern const ConvKernels CONV_KERNELS;
}

}  // namespace aiwave
