#include "conv.hpp"

#include <cstdlib>
#include <stdexcept>

namespace aiwave {

namespace {

// The place inside an axis of n voxels that a margin repeats: that of -1 or of n.
int repeated(Padding padding, int n, bool far) {
    if (padding == Padding::circular) return far ? 0 : n - 1;
    const int inwards = padding == Padding::reflect && n > 1 ? 1 : 0;
    return far ? n - 1 - inwards : inwards;
}

// The distance in memory of each tap from the centre, where the first axis of the kernel is that of `swapped`.
template <class T>
std::array<std::ptrdiff_t, CONV_TAPS> tap_offsets(const Padded<T>& in, int swapped) {
    std::array<std::ptrdiff_t, 3> stride{in.plane(), in.row(), 1};
    std::swap(stride[0], stride[static_cast<std::size_t>(swapped)]);
    std::array<std::ptrdiff_t, CONV_TAPS> offsets{};
    for (int tap = 0; tap < CONV_TAPS; ++tap) {
        offsets[static_cast<std::size_t>(tap)] =
            (tap / 9 - 1) * stride[0] + (tap / 3 % 3 - 1) * stride[1] + (tap % 3 - 1) * stride[2];
    }
    return offsets;
}

// weight(n, c, tap) in the order of `ConvRun`.
template <class T, class Weight>
PackedConv<T> packed(int inputs, int outputs, std::vector<T> bias, Weight weight) {
    PackedConv<T> conv{inputs, outputs, {}, std::move(bias)};
    conv.weight.reserve(static_cast<std::size_t>(inputs) * static_cast<std::size_t>(outputs) * CONV_TAPS);
    for (int first = 0, width; first < outputs; first += width) {
        width = conv_block_width(outputs - first);
        for (int c = 0; c < inputs; ++c) {
            for (int tap = 0; tap < CONV_TAPS; ++tap) {
                for (int n = first; n < first + width; ++n) conv.weight.push_back(weight(n, c, tap));
            }
        }
    }
    return conv;
}

// The sums of plane z, to `out`, whose channels are `out_channel` apart.
template <class T>
ConvRun<T> plane_run(const PackedConv<T>& conv, const Padded<T>& in, const std::ptrdiff_t* offsets, int z, T* out,
                     std::ptrdiff_t out_channel) {
    return {in.at(0, z, 0),   in.channel(), offsets, conv.inputs, conv.weight.data(),
            conv.bias.data(), conv.outputs, out,     out_channel, in.run()};
}

// |weight| * limit + |bias|: bounds every partial sum of output n.
std::int64_t bound(const std::int16_t* weight, std::int64_t bias, std::int64_t limit, int rows, int outputs, int n) {
    std::int64_t sum = 0;
    for (int k = 0; k < rows; ++k) sum += std::abs(std::int64_t{weight[static_cast<std::ptrdiff_t>(k) * outputs + n]});
    return sum * limit + std::abs(bias);
}

std::int32_t pair_of(std::int32_t first, std::int32_t second) {
    return static_cast<std::int32_t>((static_cast<std::uint32_t>(first) & 0xFFFFU) | static_cast<std::uint32_t>(second)
                                                                                         << 16);
}

}  // namespace

template <class T>
void Padded<T>::fill_margin(Padding padding) {
    const bool zeros = padding == Padding::zeros;
    for (int c = 0; c < channels_; ++c) {
        for (int z = 0; z < size_[0]; ++z) {
            for (int y = 0; y < size_[1]; ++y) {
                T* row = at(c, z, y);
                row[-1] = zeros ? T{} : row[repeated(padding, size_[2], false)];
                row[size_[2]] = zeros ? T{} : row[repeated(padding, size_[2], true)];
            }
            for (const bool far : {false, true}) {
                T* to = at(c, z, far ? size_[1] : -1) - 1;
                if (zeros) {
                    std::fill_n(to, row_, T{});
                } else {
                    std::copy_n(at(c, z, repeated(padding, size_[1], far)) - 1, row_, to);
                }
            }
        }
        for (const bool far : {false, true}) {
            T* to = at(c, far ? size_[0] : -1, -1) - 1;
            if (zeros) {
                std::fill_n(to, plane_, T{});
            } else {
                std::copy_n(at(c, repeated(padding, size_[0], far), -1) - 1, plane_, to);
            }
        }
    }
}

template class Padded<float>;
template class Padded<double>;
template class Padded<std::int32_t>;

FloatConv::FloatConv(const float* weight, const float* bias, int inputs, int outputs)
    : conv_(packed(inputs, outputs, std::vector<float>(bias, bias + outputs), [=](int n, int c, int tap) {
          return weight[(static_cast<std::ptrdiff_t>(n) * inputs + c) * CONV_TAPS + tap];
      })) {}

void FloatConv::operator()(const Padded<float>& in, Padded<float>& out, int swapped, bool fused,
                           const Work& work) const {
    const auto offsets = tap_offsets(in, swapped);
    const auto run = fused ? conv_kernels().fused_floats : conv_kernels().floats;
    work.each(in.size()[0],
              [&](int z) { run(plane_run(conv_, in, offsets.data(), z, out.at(0, z, 0), out.channel())); });
}

PlaneTaps plane_taps(std::ptrdiff_t before, std::ptrdiff_t after, std::ptrdiff_t row) {
    PlaneTaps taps{};
    const std::array<std::ptrdiff_t, 3> plane{before, 0, after};
    for (int tap = 0; tap < CONV_TAPS; ++tap) {
        taps[static_cast<std::size_t>(tap)] =
            plane[static_cast<std::size_t>(tap / 9)] + (tap / 3 % 3 - 1) * row + tap % 3 - 1;
    }
    return taps;
}

void FloatConv::plane(const float* in, std::ptrdiff_t in_channel, const PlaneTaps& taps, float* out,
                      std::ptrdiff_t out_channel, std::ptrdiff_t count) const {
    conv_kernels().fused_floats({in, in_channel, taps.data(), conv_.inputs, conv_.weight.data(), conv_.bias.data(),
                                 conv_.outputs, out, out_channel, count});
}

IntegerConv::IntegerConv(const std::int16_t* weight, const std::int64_t* bias, const std::int64_t* shift, int inputs,
                         int outputs, std::int64_t limit)
    : inputs_(inputs), outputs_(outputs), limit_(limit), shift_(shift, shift + outputs), narrow_(limit < 1 << 15) {
    if (limit < 0 || limit >= 1 << 24) throw std::invalid_argument("the limit of a layer is out of range");
    for (int n = 0; n < outputs; ++n) {
        if (shift[n] < 0 || shift[n] >= 63) throw std::invalid_argument("a shift is out of range");
        if (bias[n] <= -(std::int64_t{1} << 53) || bias[n] >= std::int64_t{1} << 53) {
            throw std::invalid_argument("a bias is out of range");
        }
        const std::int64_t most = bound(weight, bias[n], limit, CONV_TAPS * inputs, outputs, n);
        if (most >= std::int64_t{1} << 53) throw std::invalid_argument("a sum may not fit float64");
        if ((most >> shift[n]) + 1 >= 1 << 24) throw std::invalid_argument("an output may not fit float32");
        narrow_ = narrow_ && most < std::int64_t{1} << 31;
    }
    const auto entry = [=](int n, int c, int tap) -> std::int32_t {
        return c < inputs ? weight[(static_cast<std::ptrdiff_t>(tap) * inputs + c) * outputs + n] : 0;
    };
    if (narrow_) {
        pairs_ = packed((inputs + 1) / 2, outputs, std::vector<std::int32_t>(bias, bias + outputs),
                        [&](int n, int c, int tap) { return pair_of(entry(n, 2 * c, tap), entry(n, 2 * c + 1, tap)); });
    } else {
        doubles_ = packed(inputs, outputs, std::vector<double>(bias, bias + outputs),
                          [&](int n, int c, int tap) { return static_cast<double>(entry(n, c, tap)); });
    }
}

void IntegerConv::operator()(const Padded<std::int32_t>& in, Padded<std::int32_t>& out, int swapped,
                             const Work& work) const {
    narrow_ ? by_pairs(in, out, swapped, work) : by_doubles(in, out, swapped, work);
}

void IntegerConv::by_pairs(const Padded<std::int32_t>& in, Padded<std::int32_t>& out, int swapped,
                           const Work& work) const {
    Padded<std::int32_t> pairs(pairs_.inputs, in.size());
    work.each(pairs_.inputs, [&](int c) {
        const std::int32_t *first = in.data() + 2 * c * in.channel(), *second = first + in.channel();
        std::int32_t* to = pairs.data() + c * pairs.channel();
        const bool both = 2 * c + 1 < inputs_;
        for (std::ptrdiff_t k = 0; k < in.channel(); ++k) to[k] = pair_of(first[k], both ? second[k] : 0);
    });
    const auto offsets = tap_offsets(in, swapped);
    const ConvKernels& kernels = conv_kernels();
    work.each(in.size()[0], [&](int z) {
        kernels.pairs(plane_run(pairs_, pairs, offsets.data(), z, out.at(0, z, 0), out.channel()));
        for (int n = 0; n < outputs_; ++n) {
            const int shift = static_cast<int>(std::min<std::int64_t>(shift_[static_cast<std::size_t>(n)], 31));
            std::int32_t* sums = out.at(n, z, 0);
            for (std::ptrdiff_t k = 0; k < out.run(); ++k) sums[k] >>= shift;
        }
    });
}

void IntegerConv::by_doubles(const Padded<std::int32_t>& in, Padded<std::int32_t>& out, int swapped,
                             const Work& work) const {
    Padded<double> values(inputs_, in.size());
    std::copy_n(in.data(), static_cast<std::ptrdiff_t>(in.count() - CONV_SLACK), values.data());
    const auto offsets = tap_offsets(in, swapped);
    const ConvKernels& kernels = conv_kernels();
    work.each(in.size()[0], [&](int z) {
        std::vector<double> sums(static_cast<std::size_t>(outputs_) * static_cast<std::size_t>(in.run()));
        kernels.doubles(plane_run(doubles_, values, offsets.data(), z, sums.data(), in.run()));
        for (int n = 0; n < outputs_; ++n) {
            const double* sum = sums.data() + n * in.run();
            std::int32_t* to = out.at(n, z, 0);
            for (std::ptrdiff_t k = 0; k < in.run(); ++k) {
                to[k] =
                    static_cast<std::int32_t>(static_cast<std::int64_t>(sum[k]) >> shift_[static_cast<std::size_t>(n)]);
            }
        }
    });
}

}  // namespace aiwave
