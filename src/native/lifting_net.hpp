// The network of a lifting step in float32 (`LiftingNet`).
#pragma once

#include <optional>
#include <vector>

#include "conv.hpp"

namespace aiwave {

enum class Activation { tanh, relu, gelu, silu, elu };

// Applies it to a whole buffer, margins included.
void activate(Activation activation, Padded<float>& x);

// What a network adds to the filtered other half, and the factor of an affine step (empty: additive).
struct LiftingField {
    Volume<float> shift, scale;
};

struct LiftingNet {
    float intensity_scale;  // divides the input
    float out_scale;        // multiplies the shift: intensity scale times damping
    Activation activation;
    Padding padding, input_padding;  // of the inner convolutions and of the first
    float bound;                     // of the scale; 0: the published scale
    FloatConv first;
    std::vector<FloatConv> inner;
    FloatConv shift_head;
    std::optional<FloatConv> scale_head;

    // `skip` in intensity units; the first axis of its kernels is `axis`. For `fused` see FloatConv.
    LiftingField operator()(const Volume<float>& skip, int axis, bool fused, const Work& work) const;
};

// Copies between volumes and a channel inside its margin.
template <class T, class Value, class Function>
void put_channel(const Volume<Value>& from, Padded<T>& to, int channel, Function function) {
    const Value* in = from.data.data();
    for (int z = 0; z < from.size[0]; ++z) {
        for (int y = 0; y < from.size[1]; ++y, in += from.size[2]) {
            T* row = to.at(channel, z, y);
            for (int x = 0; x < from.size[2]; ++x) row[x] = function(in[x]);
        }
    }
}

template <class Value, class T, class Function>
Volume<Value> channel_of(const Padded<T>& from, int channel, Function function) {
    Volume<Value> volume(from.size());
    Value* out = volume.data.data();
    for (int z = 0; z < from.size()[0]; ++z) {
        for (int y = 0; y < from.size()[1]; ++y, out += from.size()[2]) {
            const T* row = from.at(channel, z, y);
            for (int x = 0; x < from.size()[2]; ++x) out[x] = function(row[x]);
        }
    }
    return volume;
}

}  // namespace aiwave
