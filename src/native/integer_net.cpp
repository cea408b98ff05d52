#include "integer_net.hpp"

#include <algorithm>
#include <stdexcept>

#include "lifting_net.hpp"

namespace aiwave {

namespace {

constexpr std::int64_t SKIP_LIMIT = std::int64_t{1} << 40;
constexpr std::int64_t MANTISSA_LIMIT = 1 << 22;

}  // namespace

std::int64_t Factor::operator()(std::int64_t x) const {
    return (x * mantissa + (std::int64_t{1} << (shift - 1))) >> shift;
}

IntegerNet::IntegerNet(Factor scale_in, Factor scale_out, Padding padding, Padding input_padding, IntegerConv first,
                       std::vector<IntegerConv> inner, IntegerConv head, std::vector<std::int16_t> tanh)
    : scale_in_(scale_in),
      scale_out_(scale_out),
      padding_(padding),
      input_padding_(input_padding),
      first_(std::move(first)),
      inner_(std::move(inner)),
      head_(std::move(head)),
      tanh_(std::move(tanh)) {
    for (const Factor& factor : {scale_in, scale_out}) {
        if (factor.mantissa <= 0 || factor.mantissa >= MANTISSA_LIMIT || factor.shift <= 0 || factor.shift >= 63) {
            throw std::invalid_argument("a factor of a lifting network is out of range");
        }
    }
    const int width = first_.outputs();
    bool fits = first_.inputs() == 1 && head_.inputs() == width && head_.outputs() == 1 &&
                static_cast<std::int64_t>(tanh_.size()) == 2 * head_.limit() + 1;
    for (const std::int16_t value : tanh_) {
        for (const IntegerConv& conv : inner_) fits = fits && value <= conv.limit() && -value <= conv.limit();
    }
    for (const IntegerConv& conv : inner_) fits = fits && conv.inputs() == width && conv.outputs() == width;
    if (!fits) throw std::invalid_argument("the layers of a lifting network do not fit together");
}

Volume<std::int64_t> IntegerNet::operator()(const Volume<std::int64_t>& skip, int axis, const Work& work) const {
    using Features = Padded<std::int32_t>;
    Features start(first_.outputs(), skip.size);
    {
        Features input(1, skip.size);
        put_channel(skip, input, 0, [this](std::int64_t x) {
            const std::int64_t scaled = scale_in_(std::clamp(x, -SKIP_LIMIT, SKIP_LIMIT));
            return static_cast<std::int32_t>(std::clamp(scaled, -first_.limit(), first_.limit()));
        });
        input.fill_margin(input_padding_);
        first_(input, start, axis, work);
    }
    Features features = start;
    const auto limit = static_cast<std::int32_t>(head_.limit());
    if (!inner_.empty()) {
        Features hidden(first_.outputs(), skip.size);
        for (const IntegerConv& conv : inner_) {
            std::int32_t* data = features.data();
            for (std::size_t k = 0; k < features.count(); ++k) {
                data[k] = tanh_[static_cast<std::size_t>(std::clamp(data[k], -limit, limit) + limit)];
            }
            features.fill_margin(padding_);
            conv(features, hidden, axis, work);
            std::swap(features, hidden);
        }
    }
    std::int32_t* data = features.data();
    for (std::size_t k = 0; k < features.count(); ++k) {
        data[k] = std::clamp(start.data()[k] + data[k], -limit, limit);  // both below 2**24
    }
    features.fill_margin(padding_);
    Features shift(1, skip.size);
    head_(features, shift, axis, work);
    return channel_of<std::int64_t>(shift, 0, [this](std::int32_t x) { return scale_out_(x); });
}

}  // namespace aiwave
