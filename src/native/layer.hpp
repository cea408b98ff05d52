// Integer linear layers: out = floor((bias + sum weight * in) / 2**shift).
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels.hpp"

namespace aiwave {

// Rounds up to a multiple of 16, the width of a row of outputs.
constexpr int lanes_for(int outputs) { return (outputs + 15) / 16 * 16; }

// A layer over the inputs at `taps` places, `width` of them at each, padded with zeros to `lanes_for` outputs.
//
// Weights are (taps * width, outputs). `Narrow` layers, whose inputs fit 16 bits and whose sums fit 32, use the
// kernels; all others are computed in 64 bits, which hold whatever `IntegerLayer` allows.
class Layer {
   public:
    Layer() = default;
    Layer(const std::int16_t* weight, const std::int64_t* bias, const std::int64_t* shift, int taps, int width,
          int outputs);

    int lanes() const { return lanes_for(outputs_); }

    // rows: `count` pointers to each row's first input; `offsets` those of the taps, in inputs. The inputs at a tap are
    // followed by a readable one if `width` is odd. Outputs (count, lanes) replace those in `out`, or are added to
    // them.
    template <class Element>
    void set(const Element* const* rows, const std::vector<std::ptrdiff_t>& offsets, int count,
             std::int32_t* out) const {
        apply(rows, offsets, count, false, out);
    }
    template <class Element>
    void add(const Element* const* rows, const std::vector<std::ptrdiff_t>& offsets, int count,
             std::int32_t* out) const {
        apply(rows, offsets, count, true, out);
    }

   private:
    void apply(const std::int16_t* const* rows, const std::vector<std::ptrdiff_t>& offsets, int count, bool adds,
               std::int32_t* out) const;
    void apply(const std::int32_t* const* rows, const std::vector<std::ptrdiff_t>& offsets, int count, bool adds,
               std::int32_t* out) const;

    int taps_ = 0, width_ = 0, outputs_ = 0;
    std::vector<std::int32_t> packed_, bias_, shift_;  // for the kernels
    std::vector<std::int16_t> weight_;
    std::vector<std::int64_t> wide_bias_, wide_shift_;
};

}  // namespace aiwave
