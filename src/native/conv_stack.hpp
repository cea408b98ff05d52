// Convolutions one after the other, plane by plane: only a few planes of every layer are in memory, and in the cache.
#pragma once

#include <vector>

#include "conv.hpp"

namespace aiwave {

// A convolution with zeros outside, to whose result that of another layer may be added, and then ReLU applied.
struct StackLayer {
    static constexpr int NONE = -1;

    const FloatConv* conv;
    int plus;   // the layer whose result, before its ReLU, is added: an earlier one, the layer itself, or NONE
    bool relu;  // whether the next layer sees max(0, result)
};

// Runs layers, the first of which sees `inputs`, all of one size, as its channels: the first channel of the last one's
// result. Multiplications and additions round once where the processor can. Layers must fit together.
Volume<float> run_stack(const std::vector<StackLayer>& layers, const std::vector<Volume<float>>& inputs,
                        const Work& work);

}  // namespace aiwave
