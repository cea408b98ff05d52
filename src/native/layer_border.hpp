// Integer layers as Python hands them over.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>

#include "border.hpp"
#include "layer.hpp"

namespace aiwave {

struct LayerPart {
    std::string kind;
    Array<std::int16_t> weight;  // (K, N)
    Array<std::int64_t> bias, shift;
    std::int64_t limit;     // of inputs
    std::int64_t most = 0;  // bounds every partial sum
};

// The bound of every partial sum of output n.
inline std::int64_t bound_of(const LayerPart& part, py::ssize_t n) {
    const py::ssize_t inputs = part.weight.shape(0), outputs = part.weight.shape(1);
    std::int64_t sum = 0;
    for (py::ssize_t k = 0; k < inputs; ++k) {
        sum += std::abs(std::int64_t{part.weight.data()[k * outputs + n]});
    }
    return sum * part.limit + std::abs(part.bias.data()[n]);
}

// Kind, weight, bias, shift and limit. Throws std::invalid_argument for layers that IntegerLayer refuses.
inline LayerPart layer_part(const py::tuple& layer) {
    LayerPart part{layer[0].cast<std::string>(), layer[1].cast<Array<std::int16_t>>(),
                   layer[2].cast<Array<std::int64_t>>(), layer[3].cast<Array<std::int64_t>>(),
                   layer[4].cast<std::int64_t>()};
    constexpr std::int64_t SINGLE = 1 << 24, DOUBLE = std::int64_t{1} << 53;
    require(part.weight.ndim() == 2 && part.weight.shape(0) < 1 << 20 && part.limit >= 0 && part.limit < SINGLE &&
                part.bias.size() == part.weight.shape(1) && part.shift.size() == part.weight.shape(1),
            "a layer does not fit the model");
    for (py::ssize_t n = 0; n < part.weight.shape(1); ++n) {
        const std::int64_t bias = part.bias.data()[n], shift = part.shift.data()[n];
        require(shift >= 0 && shift < 63, "a shift is out of range");
        require(bias > -DOUBLE && bias < DOUBLE, "a bias is out of range");
        const std::int64_t bound = bound_of(part, n);
        require(bound < DOUBLE, "a sum may not fit float64");
        require((bound >> shift) + 1 < SINGLE, "an output may not fit float32");
        part.most = std::max(part.most, bound);
    }
    return part;
}

// Whether inputs fit 16 bits and all sums 32.
inline bool is_narrow(const LayerPart& part) { return part.limit < 1 << 15 && part.most < std::int64_t{1} << 31; }

inline Layer made(const LayerPart& part, int taps, int width, int outputs) {
    const bool fits = part.weight.shape(0) == std::int64_t{taps} * width && part.weight.shape(1) == outputs;
    if (!fits) throw std::invalid_argument("the layer " + part.kind + " does not fit the model");
    return Layer(part.weight.data(), part.bias.data(), part.shift.data(), taps, width, outputs);
}

}  // namespace aiwave
