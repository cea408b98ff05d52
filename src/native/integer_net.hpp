// The network of a lifting step in integers (`IntegerNet`), the same on every machine.
#pragma once

#include <cstdint>
#include <vector>

#include "conv.hpp"

namespace aiwave {

// Multiplies by mantissa * 2**-shift, to the nearest integer; exact for factors up to 2**40 in magnitude.
struct Factor {
    std::int64_t mantissa;
    int shift;
    std::int64_t operator()(std::int64_t x) const;
};

class IntegerNet {
   public:
    // The input and features are clamped to the limits of `first` and `head`; `tanh` (2 * limit of head + 1) holds its
    // values for all features. Throws std::invalid_argument if the parts do not fit together.
    IntegerNet(Factor scale_in, Factor scale_out, Padding padding, Padding input_padding, IntegerConv first,
               std::vector<IntegerConv> inner, IntegerConv head, std::vector<std::int16_t> tanh);

    // `skip` and the shift are intensities in units of 2**-16; the first axis of the kernels is `axis`.
    Volume<std::int64_t> operator()(const Volume<std::int64_t>& skip, int axis, const Work& work) const;

   private:
    Factor scale_in_, scale_out_;
    Padding padding_, input_padding_;
    IntegerConv first_;
    std::vector<IntegerConv> inner_;
    IntegerConv head_;
    std::vector<std::int16_t> tanh_;
};

}  // namespace aiwave
