#include "voxel_context.hpp"

#include <algorithm>

namespace aiwave {

namespace {

constexpr int BLOCK = VOXEL_BLOCK;
constexpr int SMALL = 1 << 12;

// Steps to the voxels before along z, y and x, see Neighbours.
constexpr std::array<std::array<int, 3>, BEFORE> STEPS{{{-1, 0, 0}, {0, -1, 0}, {0, 0, -1}}};

// The activity level of a sum of differences.
int level_above(const std::vector<std::int32_t>& thresholds, std::int32_t sum) {
    return static_cast<int>(std::upper_bound(thresholds.begin(), thresholds.end(), sum) - thresholds.begin());
}

}  // namespace

VoxelContext::VoxelContext(const VoxelModel& model, const BandLayout& layout, Bounds bounds)
    : model_(model),
      layout_(layout),
      bounds_(bounds),
      pitch_(layout.size[1] + 2 * REACH),
      stride_((model.inputs() + 1) / 2 * 2) {
    size_ = static_cast<std::size_t>(layout.size[0] + REACH) * pitch_;
    std::vector<std::array<int, 3>> offsets(STEPS.begin(), STEPS.end());
    offsets.insert(offsets.end(), model.offsets.begin(), model.offsets.end());
    for (const auto& [z, y, x] : offsets) {
        back_.push_back(-front_of(z, y, x));
        shift_.push_back(static_cast<std::ptrdiff_t>(z) * pitch_ + y);
        kept_ = std::max(kept_, 1 + back_.back());
    }
    planes_.assign(static_cast<std::size_t>(kept_) * size_ + PIECE_STEP, OUTSIDE);
    rows_.resize(offsets.size());
    for (std::int32_t sum = 0; sum < SMALL; ++sum) {
        small_.push_back(static_cast<std::uint8_t>(level_above(model.levels.thresholds, sum)));
    }
    const auto longest = static_cast<std::size_t>(layout.longest_front());
    int widest = model.head.lanes();
    for (const Layer& layer : model.hidden) widest = std::max(widest, layer.lanes());
    seen_.assign((model.offsets.size() + 1) * BLOCK, 0);
    inputs_.assign(static_cast<std::size_t>(stride_) * BLOCK, 0);
    features_.assign(static_cast<std::size_t>(widest) * BLOCK, 0);
    sum_.resize(static_cast<std::size_t>(widest) * BLOCK);
    out_.resize(longest * static_cast<std::size_t>(model.head.lanes()));
    predicted_.resize(longest);
}

void VoxelContext::mix(int start, int end) {
    const int raster = layout_.order[start], height = layout_.size[1], width = layout_.size[2];
    const int t = front_of(raster / width / height, raster / width % height, raster % width);
    while (t_ < t) std::fill_n(plane(++t_), size_, OUTSIDE);
    find_runs(start, end);
    for (int first = 0; first < end - start; first += BLOCK) {
        const int count = std::min(BLOCK, end - start - first);
        gather(first, count);
        relate(count);
        add_others(first, count);
        multiply(first, count);
    }
}

void VoxelContext::find_runs(int start, int end) {
    const int height = layout_.size[1], width = layout_.size[2];
    runs_.clear();
    for (int at = start; at < end;) {
        const int raster = layout_.order[at], y = raster / width % height, z = raster / width / height;
        // The next position of the front has one more y, as long as x stays inside.
        const int x = raster % width;
        const int length = std::min({height - y, x / FRONT_Y + 1, end - at});
        runs_.push_back({at - start, length, z, y, x});
        at += length;
    }
}

// The neighbours of a block's positions, by neighbour; the lowest number is the last.
void VoxelContext::gather(int first, int count) {
    pieces_.clear();
    for (const Run& run : runs_) {
        const int a = std::max(run.first, first), b = std::min(run.first + run.length, first + count);
        if (a < b) pieces_.push_back({a - first, b - a, place_of(run) + a - run.first});
    }
    for (std::size_t n = 0; n < rows_.size(); ++n) rows_[n] = plane(t_ - back_[n]) + shift_[n];
    const int neighbours = static_cast<int>(model_.offsets.size());
    kernels().collect({pieces_.data(), static_cast<int>(pieces_.size()), rows_.data(), neighbours, bounds_[0]},
                      seen_.data());
    std::fill_n(seen_.data() + neighbours * BLOCK, BLOCK, bounds_[0]);
}

int VoxelContext::level_of(std::int32_t sum) const {
    return sum < SMALL ? small_[sum] : level_above(model_.levels.thresholds, sum);
}

// References, activities, and the inputs that are relative to them.
void VoxelContext::relate(int count) {
    std::array<std::int32_t, BLOCK> sum, mantissa{}, shift{};
    kernels().activity(seen_.data(), model_.reference.data(), NEAREST, reference_.data(), sum.data());
    for (int k = 0; k < count; ++k) {
        level_[k] = level_of(sum[k]);
        mantissa[k] = model_.levels.mantissa[level_[k]];
        shift[k] = model_.levels.shift[level_[k]];
    }
    const Differences differences{seen_.data(), reference_.data(), mantissa.data(), shift.data()};
    kernels().relate(differences, static_cast<int>(model_.offsets.size()) + 1, count, stride_, inputs_.data());
}

// The activity, and ones at the tile's beginning.
void VoxelContext::add_others(int first, int count) {
    constexpr int ONE = 1 << INPUT_FRACTION;
    for (const Run& run : runs_) {
        const int end = std::min(run.first + run.length, first + count);
        for (int at = std::max(run.first, first); at < end; ++at) {
            const int k = at - first, y = run.y + at - run.first, x = run.x - FRONT_Y * (at - run.first);
            std::int16_t* to = inputs_.data() + static_cast<std::size_t>(k) * stride_ + model_.offsets.size() + 1;
            *to++ = static_cast<std::int16_t>((level_[k] - UNIT_LEVEL) * (ONE / LEVELS_PER_E));
            for (bool flag : {run.z == 0, run.z == 1, y == 0, x == 0}) {
                *to++ = static_cast<std::int16_t>(flag ? ONE : 0);
            }
        }
    }
}

// The network, and what its outputs mean in grey levels.
void VoxelContext::multiply(int first, int count) {
    std::array<const std::int16_t*, BLOCK> inputs, rows;
    for (int k = 0; k < count; ++k) inputs[k] = rows[k] = inputs_.data() + static_cast<std::size_t>(k) * stride_;
    for (const Layer& layer : model_.hidden) {
        layer.set(rows.data(), only_tap_, count, sum_.data());
        const std::size_t lanes = layer.lanes();
        kernels().clamp(sum_.data(), count * lanes, model_.limit, features_.data());
        for (int k = 0; k < count; ++k) rows[k] = features_.data() + static_cast<std::size_t>(k) * lanes;
    }
    std::int32_t* out = out_.data() + static_cast<std::ptrdiff_t>(first) * stride();
    model_.head.set(rows.data(), only_tap_, count, out);
    model_.skip.add(inputs.data(), only_tap_, count, out);
    const int size = model_.density.size(), components = model_.density.components;
    for (int k = 0; k < count; ++k, out += stride()) {
        const std::int32_t log_activity = (level_[k] - UNIT_LEVEL) * ((1 << PARAMETER_FRACTION) / LEVELS_PER_E);
        for (int c = size - components; c < size; ++c) out[c] += log_activity;
        const std::int64_t moved = out[size] * model_.levels.activity[level_[k]];
        constexpr std::int64_t HALF = std::int64_t{1} << (PARAMETER_FRACTION - 1);
        predicted_[first + k] =
            std::int64_t{reference_[k]} * (1 << PREDICTION_FRACTION) + ((moved + HALF) >> PARAMETER_FRACTION);
    }
}

void VoxelContext::write(const std::int64_t* numbers) {
    std::int32_t* to = plane(t_);
    for (const Run& run : runs_) {
        const int place = place_of(run);
        for (int k = 0; k < run.length; ++k) to[place + k] = static_cast<std::int32_t>(numbers[run.first + k]);
    }
}

}  // namespace aiwave
