// 3x3x3 convolutions of volumes of several channels, in float32 and in integers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "conv_kernels.hpp"
#include "large_buffer.hpp"
#include "volume.hpp"
#include "work.hpp"

namespace aiwave {

// What a convolution sees beyond the faces, named as by `torch.nn.Conv3d`; `reflect` replicates along axes of one
// voxel.
enum class Padding { zeros, reflect, replicate, circular };

// Channels of a volume with a margin of one voxel on every side: (channels, D + 2, H + 2, W + 2).
template <class T>
class Padded {
   public:
    Padded(int channels, const Size3& size)
        : channels_(channels),
          size_(size),
          row_(size[2] + 2),
          plane_(row_ * (size[1] + 2)),
          channel_(plane_ * (size[0] + 2)),
          data_(static_cast<std::size_t>(channels) * static_cast<std::size_t>(channel_) + CONV_SLACK) {}

    int channels() const { return channels_; }
    const Size3& size() const { return size_; }
    std::ptrdiff_t row() const { return row_; }
    std::ptrdiff_t plane() const { return plane_; }
    std::ptrdiff_t channel() const { return channel_; }
    std::size_t count() const { return data_.size(); }
    T* data() { return data_.data(); }
    const T* data() const { return data_.data(); }

    // The first voxel of a row inside the margin.
    T* at(int c, int z, int y) { return data_.data() + c * channel_ + (z + 1) * plane_ + (y + 1) * row_ + 1; }
    const T* at(int c, int z, int y) const {
        return data_.data() + c * channel_ + (z + 1) * plane_ + (y + 1) * row_ + 1;
    }

    // The run of positions from the first to the last voxel of a plane, which passes over margins.
    std::ptrdiff_t run() const { return (size_[1] - 1) * row_ + size_[2]; }

    void fill_margin(Padding padding);

   private:
    int channels_;
    Size3 size_;
    std::ptrdiff_t row_, plane_, channel_;
    LargeBuffer<T> data_;
};

// A kernel's entries and the bias in the order of `ConvRun`.
template <class T>
struct PackedConv {
    int inputs = 0, outputs = 0;
    std::vector<T> weight, bias;
};

// The distance in memory of each tap from the centre, given those of the planes before and after, and of rows.
using PlaneTaps = std::array<std::ptrdiff_t, CONV_TAPS>;
PlaneTaps plane_taps(std::ptrdiff_t before, std::ptrdiff_t after, std::ptrdiff_t row);

// Convolutions in a transform act on volumes whose first axis is swapped with the one that is lifted: `swapped` is that
// axis, 0 for none. `in` has its margin filled, the margin of `out` is arbitrary. `fused` for what no encoder depends
// on: faster where the instruction set has that, and the last bits depend on it (see `ConvKernels`).
class FloatConv {
   public:
    // `weight` (outputs, inputs, 3, 3, 3), `bias` (outputs).
    FloatConv(const float* weight, const float* bias, int inputs, int outputs);

    int inputs() const { return conv_.inputs; }
    int outputs() const { return conv_.outputs; }
    void operator()(const Padded<float>& in, Padded<float>& out, int swapped, bool fused, const Work& work) const;

    // `count` positions of a plane, from the first on, fused; see ConvRun.
    void plane(const float* in, std::ptrdiff_t in_channel, const PlaneTaps& taps, float* out,
               std::ptrdiff_t out_channel, std::ptrdiff_t count) const;

   private:
    PackedConv<float> conv_;
};

// out = floor((weight * in + bias) / 2**shift), all in integers (coding/integer_conv.py).
//
// Sums of 32 bits over inputs of 16 are computed in integers, all others in float64, which holds them exactly.
class IntegerConv {
   public:
    // `weight` (27 * inputs, outputs), the inputs in the order (tap, channel); inputs are at most `limit` in magnitude.
    // Throws std::invalid_argument for layers that IntegerLayer refuses.
    IntegerConv(const std::int16_t* weight, const std::int64_t* bias, const std::int64_t* shift, int inputs,
                int outputs, std::int64_t limit);

    int inputs() const { return inputs_; }
    int outputs() const { return outputs_; }
    std::int64_t limit() const { return limit_; }
    void operator()(const Padded<std::int32_t>& in, Padded<std::int32_t>& out, int swapped, const Work& work) const;

   private:
    void by_pairs(const Padded<std::int32_t>& in, Padded<std::int32_t>& out, int swapped, const Work& work) const;
    void by_doubles(const Padded<std::int32_t>& in, Padded<std::int32_t>& out, int swapped, const Work& work) const;

    int inputs_, outputs_;
    std::int64_t limit_;
    std::vector<std::int64_t> shift_;
    bool narrow_;
    PackedConv<std::int32_t> pairs_;
    PackedConv<double> doubles_;
};

}  // namespace aiwave
