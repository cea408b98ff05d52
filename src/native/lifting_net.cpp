#include "lifting_net.hpp"

#include <cmath>

namespace aiwave {

void activate(Activation activation, Padded<float>& x) {
    float* data = x.data();
    switch (activation) {
        case Activation::tanh:
            return conv_kernels().tanh(data, x.count());
        case Activation::silu:
            return conv_kernels().silu(data, x.count());
        case Activation::elu:
            return conv_kernels().elu(data, x.count());
        case Activation::relu:
            for (std::size_t k = 0; k < x.count(); ++k) data[k] = data[k] > 0 ? data[k] : 0.0F;
            return;
        case Activation::gelu:
            for (std::size_t k = 0; k < x.count(); ++k) {
                data[k] = 0.5F * data[k] * (1.0F + std::erf(data[k] * 0.70710678F));
            }
    }
}

LiftingField LiftingNet::operator()(const Volume<float>& skip, int axis, bool fused, const Work& work) const {
    Padded<float> start(first.outputs(), skip.size);
    {
        Padded<float> input(1, skip.size);
        put_channel(skip, input, 0, [this](float x) { return x / intensity_scale; });
        input.fill_margin(input_padding);
        first(input, start, axis, fused, work);
    }
    Padded<float> features = start;
    if (!inner.empty()) {
        Padded<float> hidden(first.outputs(), skip.size);
        for (const FloatConv& conv : inner) {
            activate(activation, features);
            features.fill_margin(padding);
            conv(features, hidden, axis, fused, work);
            std::swap(features, hidden);
        }
    }
    for (std::size_t k = 0; k < features.count(); ++k) features.data()[k] = start.data()[k] + features.data()[k];
    Padded<float> raw(1, skip.size);
    features.fill_margin(padding);
    shift_head(features, raw, axis, fused, work);
    LiftingField field{channel_of<float>(raw, 0, [this](float x) { return x * out_scale; }), {}};
    if (!scale_head) return field;
    features.fill_margin(Padding::zeros);
    (*scale_head)(features, raw, axis, fused, work);
    field.scale = channel_of<float>(raw, 0, [this](float x) {
        return bound > 0 ? std::exp(bound * std::tanh(x / bound)) : 1.0F / (1.0F + std::exp(-(256.0F * x + 2.0F)));
    });
    return field;
}

}  // namespace aiwave
