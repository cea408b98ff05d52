#include "layer.hpp"

#include <algorithm>

namespace aiwave {

Layer::Layer(const std::int16_t* weight, const std::int64_t* bias, const std::int64_t* shift, int taps, int width,
             int outputs)
    : taps_(taps),
      width_(width),
      outputs_(outputs),
      weight_(weight, weight + static_cast<std::size_t>(taps) * width * outputs),
      wide_bias_(bias, bias + outputs),
      wide_shift_(shift, shift + outputs) {
    const int pairs = (width + 1) / 2;
    packed_.assign(static_cast<std::size_t>(std::max(taps * pairs, 1)) * lanes(), 0);
    bias_.assign(lanes(), 0);
    shift_.assign(lanes(), 0);
    for (int n = 0; n < outputs; ++n) {
        bias_[n] = static_cast<std::int32_t>(bias[n]);
        shift_[n] = static_cast<std::int32_t>(std::min<std::int64_t>(shift[n], 31));
        for (int tap = 0; tap < taps; ++tap) {
            const std::size_t row = static_cast<std::size_t>(tap) * width;
            for (int i = 0; i < width; ++i) {
                const auto value = static_cast<std::uint16_t>(weight_[(row + i) * outputs + n]);
                auto& pair = packed_[static_cast<std::size_t>(tap * pairs + i / 2) * lanes() + n];
                pair = static_cast<std::int32_t>(static_cast<std::uint32_t>(pair) | static_cast<std::uint32_t>(value)
                                                                                        << (16 * (i % 2)));
            }
        }
    }
}

void Layer::apply(const std::int16_t* const* rows, const std::vector<std::ptrdiff_t>& offsets, int count, bool adds,
                  std::int32_t* out) const {
    const Product product{packed_.data(), bias_.data(),     shift_.data(), offsets.data(),
                          taps_,          (width_ + 1) / 2, lanes()};
    kernels().multiply(product, rows, count, adds, out);
}

void Layer::apply(const std::int32_t* const* rows, const std::vector<std::ptrdiff_t>& offsets, int count, bool adds,
                  std::int32_t* out) const {
    std::vector<std::int64_t> sum(static_cast<std::size_t>(outputs_));
    for (int r = 0; r < count; ++r) {
        std::copy(wide_bias_.begin(), wide_bias_.end(), sum.begin());
        const std::int16_t* weight = weight_.data();
        for (int tap = 0; tap < taps_; ++tap) {
            const std::int32_t* in = rows[r] + offsets[tap];
            for (int i = 0; i < width_; ++i, weight += outputs_) {
                const std::int64_t x = in[i];
                for (int n = 0; n < outputs_; ++n) sum[n] += x * weight[n];
            }
        }
        std::int32_t* own = out + static_cast<std::ptrdiff_t>(r) * lanes();
        for (int n = 0; n < lanes(); ++n) {
            const auto value = n < outputs_ ? static_cast<std::int32_t>(sum[n] >> wide_shift_[n]) : 0;
            own[n] = adds ? own[n] + value : value;
        }
    }
}

}  // namespace aiwave
