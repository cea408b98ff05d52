// Integer layers as Python hands them over.
#pragma once

#include <cstdlib>
#include <string>

#include "border.hpp"
#include "layer.hpp"

namespace aiwave {

struct LayerPart {
    std::string kind;
    Array<std::int16_t> weight;
    Array<std::int64_t> bias, shift;
    std::int64_t limit;
};

// Kind, weight (K, N), bias, shift and limit.
inline LayerPart layer_part(const py::tuple& layer) {
    const LayerPart part{layer[0].cast<std::string>(), layer[1].cast<Array<std::int16_t>>(),
                         layer[2].cast<Array<std::int64_t>>(), layer[3].cast<Array<std::int64_t>>(),
                         layer[4].cast<std::int64_t>()};
    require(part.weight.ndim() == 2 && part.limit >= 0, "a layer does not fit the model");
    return part;
}

// Whether inputs of at most `limit` fit 16 bits and all sums 32.
inline bool is_narrow(const LayerPart& part) {
    const py::ssize_t inputs = part.weight.shape(0), outputs = part.weight.shape(1);
    for (py::ssize_t n = 0; n < outputs; ++n) {
        std::int64_t bound = std::abs(part.bias.data()[n]);
        for (py::ssize_t k = 0; k < inputs; ++k) {
            bound += std::abs(std::int64_t{part.weight.data()[k * outputs + n]}) * part.limit;
        }
        if (bound >= std::int64_t{1} << 31) return false;
    }
    return part.limit < 1 << 15;
}

inline Layer made(const LayerPart& part, int taps, int width, int outputs) {
    const bool fits = part.weight.ndim() == 2 && part.weight.shape(0) == std::int64_t{taps} * width &&
                      part.weight.shape(1) == outputs && part.bias.size() == outputs && part.shift.size() == outputs;
    if (!fits) throw std::invalid_argument("the layer " + part.kind + " does not fit the model");
    for (int n = 0; n < outputs; ++n) {
        require(part.shift.data()[n] >= 0 && part.shift.data()[n] < 63, "a shift is out of range");
    }
    return Layer(part.weight.data(), part.bias.data(), part.shift.data(), taps, width, outputs);
}

}  // namespace aiwave
