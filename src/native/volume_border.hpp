// What the borders of transforms, filters and the coarse context share: volumes, numbers and float convolutions.
#pragma once

#include <cmath>
#include <utility>
#include <vector>

#include "border.hpp"
#include "conv.hpp"
#include "volume.hpp"

namespace aiwave {

constexpr int MOST_CHANNELS = 1024;

// Checks a volume's size, each at least 1.
inline Size3 checked(const Size3& size) {
    std::int64_t count = 1;
    for (const int side : size) {
        require(side > 0 && side <= 1 << 16, "the size of a volume is out of range");
        count *= side;
    }
    require(count < 1 << 28, "a volume has too many voxels");
    return size;
}

// The size of the last three axes.
template <class T>
Size3 size_of(const Array<T>& array, int axes) {
    require(array.ndim() == axes, "an array has the wrong number of axes");
    Size3 size{};
    for (int axis = 0; axis < 3; ++axis) {
        const py::ssize_t side = array.shape(axes - 3 + axis);
        require(side > 0 && side <= 1 << 16, "the size of a volume is out of range");
        size[static_cast<std::size_t>(axis)] = static_cast<int>(side);
    }
    return checked(size);
}

template <class T>
void require_finite(const Array<T>& array) {
    for (py::ssize_t k = 0; k < array.size(); ++k) require(std::isfinite(array.data()[k]), "a number is not finite");
}

inline float finite(double value) {
    const auto single = static_cast<float>(value);
    require(std::isfinite(value) && std::isfinite(single), "a number is not finite");
    return single;
}

template <class T>
Volume<T> volume_of(const Array<T>& array) {
    Volume<T> volume(size_of(array, 3));
    std::copy_n(array.data(), volume.data.size(), volume.data.begin());
    return volume;
}

template <class T>
Array<T> array_of(const Volume<T>& volume) {
    Array<T> array({py::ssize_t{volume.size[0]}, py::ssize_t{volume.size[1]}, py::ssize_t{volume.size[2]}});
    std::copy(volume.data.begin(), volume.data.end(), array.mutable_data());
    return array;
}

// Weight (outputs, inputs, 3, 3, 3) and bias (outputs).
using ConvArrays = std::pair<Array<float>, Array<float>>;

inline FloatConv conv_of(const ConvArrays& arrays) {
    const auto& [weight, bias] = arrays;
    require(weight.ndim() == 5 && weight.shape(2) == 3 && weight.shape(3) == 3 && weight.shape(4) == 3,
            "a convolution has no kernel of 3x3x3");
    const py::ssize_t outputs = weight.shape(0), inputs = weight.shape(1);
    require(outputs > 0 && outputs <= MOST_CHANNELS && inputs > 0 && inputs <= MOST_CHANNELS && bias.ndim() == 1 &&
                bias.size() == outputs,
            "the channels of a convolution do not fit");
    require_finite(weight);
    require_finite(bias);
    return FloatConv(weight.data(), bias.data(), static_cast<int>(inputs), static_cast<int>(outputs));
}

inline std::vector<FloatConv> convs_of(const std::vector<ConvArrays>& parts) {
    std::vector<FloatConv> convs;
    for (const ConvArrays& part : parts) convs.push_back(conv_of(part));
    return convs;
}

}  // namespace aiwave
