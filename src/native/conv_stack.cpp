#include "conv_stack.hpp"

namespace aiwave {

namespace {

constexpr int NEIGHBOURS = 3;

// Planes that several threads compute at a time; each also computes some that its neighbours need, too.
constexpr int SLAB = 32;

// The latest planes of several channels, with a margin of zeros, and one plane of zeros for all outside the volume.
class PlaneRing {
   public:
    PlaneRing(int channels, const Size3& size, int capacity)
        : channels_(channels),
          size_(size),
          capacity_(capacity),
          row_(size[2] + 2),
          channel_(row_ * (size[1] + 2)),
          data_(static_cast<std::size_t>((capacity + 1) * channels * channel_) + CONV_SLACK) {}

    int channels() const { return channels_; }
    std::ptrdiff_t row() const { return row_; }
    std::ptrdiff_t channel() const { return channel_; }
    std::ptrdiff_t run() const { return (size_[1] - 1) * row_ + size_[2]; }
    std::ptrdiff_t count() const { return channels_ * channel_; }

    // All of a plane, margins included, and its first voxel inside the margin.
    float* plane(int z) {
        const int slot = z < 0 || z >= size_[0] ? capacity_ : z % capacity_;
        return data_.data() + slot * count();
    }
    float* inside(int z) { return plane(z) + row_ + 1; }

    // Zeros in the margins that a run passes over.
    void clear_between_rows(int z) {
        for (int c = 0; c < channels_; ++c) {
            float* row = inside(z) + c * channel_;
            for (int y = 0; y + 1 < size_[1]; ++y, row += row_) row[size_[2]] = row[size_[2] + 1] = 0;
        }
    }

   private:
    int channels_;
    Size3 size_;
    int capacity_;
    std::ptrdiff_t row_, channel_;
    LargeBuffer<float> data_;
};

// A run of the layers over the planes from `first` to `end`.
class PlaneStack {
   public:
    PlaneStack(const std::vector<StackLayer>& layers, const std::vector<Volume<float>>& inputs)
        : layers_(layers), inputs_(inputs), size_(inputs[0].size) {
        const auto count = static_cast<int>(layers.size());
        seen_.emplace_back(static_cast<int>(inputs.size()), size_, NEIGHBOURS);
        for (int k = 0; k < count; ++k) {
            int needed = 1;
            for (int later = k; later < count; ++later) {
                if (layers[static_cast<std::size_t>(later)].plus == k) needed = later - k + 1;
            }
            const int channels = layers[static_cast<std::size_t>(k)].conv->outputs();
            results_.emplace_back(channels, size_, needed);
            seen_.emplace_back(channels, size_, NEIGHBOURS);
        }
    }

    // Calls done(z, row of the first voxel, distance of rows) for each plane, and pause() before each.
    template <class Pause, class Done>
    void operator()(int first, int end, Pause pause, Done done) {
        const auto count = static_cast<int>(layers_.size());
        // Every layer is one plane behind the layer before it, of which it sees the next plane as well.
        for (int front = first - count; front < end + count; ++front) {
            pause();
            for (int k = 0; k <= count; ++k) {
                const int z = front - k, more = count - k;
                if (z < std::max(0, first - more) || z >= std::min(size_[0], end + more)) continue;
                k == 0 ? put_inputs(z) : put_layer(static_cast<std::size_t>(k - 1), z);
                if (k == count) done(z, results_.back().inside(z), results_.back().row());
            }
        }
    }

   private:
    void put_inputs(int z) {
        PlaneRing& to = seen_[0];
        for (std::size_t c = 0; c < inputs_.size(); ++c) {
            const float* in = inputs_[c].data.data() + std::ptrdiff_t{z} * size_[1] * size_[2];
            float* row = to.inside(z) + static_cast<std::ptrdiff_t>(c) * to.channel();
            for (int y = 0; y < size_[1]; ++y, row += to.row(), in += size_[2]) std::copy_n(in, size_[2], row);
        }
    }

    void put_layer(std::size_t k, int z) {
        const StackLayer& layer = layers_[k];
        PlaneRing &from = seen_[k], &to = results_[k], &next = seen_[k + 1];
        float* in = from.inside(z);
        const PlaneTaps taps = plane_taps(from.inside(z - 1) - in, from.inside(z + 1) - in, from.row());
        layer.conv->plane(in, from.channel(), taps, to.inside(z), to.channel(), to.run());
        to.clear_between_rows(z);
        float* sum = to.plane(z);
        if (layer.plus != StackLayer::NONE) {
            const float* other = results_[static_cast<std::size_t>(layer.plus)].plane(z);
            for (std::ptrdiff_t n = 0; n < to.count(); ++n) sum[n] += other[n];
        }
        float* out = next.plane(z);
        for (std::ptrdiff_t n = 0; n < to.count(); ++n) out[n] = layer.relu && !(sum[n] > 0) ? 0.0F : sum[n];
    }

    const std::vector<StackLayer>& layers_;
    const std::vector<Volume<float>>& inputs_;
    Size3 size_;
    std::vector<PlaneRing> results_, seen_;  // of each layer, before ReLU; what each layer sees
};

}  // namespace

Volume<float> run_stack(const std::vector<StackLayer>& layers, const std::vector<Volume<float>>& inputs,
                        const Work& work) {
    Volume<float> out(inputs[0].size);
    const int depth = out.size[0], slab = work.alone() ? depth : SLAB;
    work.each((depth + slab - 1) / slab, [&](int k) {
        const auto pause = [&] {
            if (work.alone()) work.check();
        };
        PlaneStack(layers, inputs)(k * slab, std::min((k + 1) * slab, depth), pause,
                                   [&](int z, const float* row, std::ptrdiff_t stride) {
                                       const int height = out.size[1], width = out.size[2];
                                       float* to = out.data.data() + std::ptrdiff_t{z} * height * width;
                                       for (int y = 0; y < height; ++y, row += stride, to += width) {
                                           std::copy_n(row, width, to);
                                       }
                                   });
    });
    return out;
}

}  // namespace aiwave
