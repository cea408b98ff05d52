// What a band's densities see outside it: coarser levels, and the level's bands coded before.
#include <algorithm>

#include "context.hpp"
#include "kernels.hpp"

namespace aiwave {

// Two convolutions over the inputs from coarser levels, with zeros outside.
template <class Element>
void LevelContext<Element>::add_coarse(const std::int32_t* coarse) {
    const std::size_t positions = layout_.positions;
    std::vector<Element> pairs(static_cast<std::size_t>(layout_.cells) * 2), between(layout_.cells * lanes_);
    for (std::size_t raster = 0; raster < positions; ++raster) {
        for (std::size_t channel = 0; channel < 2; ++channel) {
            pairs[static_cast<std::size_t>(layout_.cell[raster]) * 2 + channel] =
                static_cast<Element>(coarse[channel * positions + raster]);
        }
    }
    coarse_.resize(positions * lanes_);
    const auto first_taps = layout_.offsets(TAPS, 2), second_taps = layout_.offsets(TAPS, model_.lanes());
    const auto convolve = [&](const Layer& layer, const std::vector<Element>& in, std::size_t stride,
                              const std::vector<std::ptrdiff_t>& taps, auto&& take) {
        for (std::size_t start = 0; start < positions; start += BATCH) {
            stop_.check();
            const int count = static_cast<int>(std::min<std::size_t>(BATCH, positions - start));
            for (int r = 0; r < count; ++r) rows_[r] = in.data() + layout_.cell[start + r] * stride;
            layer.set(rows_.data(), taps, count, out_.data());
            take(start, count);
        }
    };
    convolve(model_.coarse0.of(0), pairs, 2, first_taps, [&](std::size_t start, int count) {
        for (int r = 0; r < count; ++r) {
            clamped(out_.data() + r * lanes_, lanes_, between.data() + layout_.cell[start + r] * lanes_);
        }
    });
    convolve(model_.coarse1.of(0), between, lanes_, second_taps, [&](std::size_t start, int count) {
        std::copy(out_.begin(), out_.begin() + count * lanes_, coarse_.begin() + start * lanes_);
    });
}

// A layer over the bands coded before, from the level's first on: the others are zero.
template <class Element>
void LevelContext<Element>::add_siblings() {
    const Layer& layer = model_.siblings[tables_.first].of(letters());
    for (int start = 0; start < layout_.positions; start += BATCH) {
        stop_.check();
        const int count = std::min(BATCH, layout_.positions - start);
        for (int r = 0; r < count; ++r) {
            rows_[r] = seen_.data() + static_cast<std::ptrdiff_t>(layout_.cell[start + r]) * BANDS + tables_.first;
        }
        layer.add(rows_.data(), taps_, count, outside_.data() + start * lanes_);
    }
}

// Filters over the bands before and over differences of the reconstruction to its value at the centre.
template <class Element>
void LevelContext<Element>::predict_from_others() {
    const auto [depth, height, width] = layout_.size;
    const double* coarse = tables_.cross_coarse.data() + static_cast<std::ptrdiff_t>(band_) * TAPS;
    const double* siblings = tables_.cross.data() + static_cast<std::ptrdiff_t>(band_) * BANDS * TAPS;
    std::fill(from_others_.begin(), from_others_.end(), 0.0);
    for (int z = 0; z < depth; ++z) {
        for (int y = 0; y < height; ++y) {
            stop_.check();
            const std::ptrdiff_t raster = (static_cast<std::ptrdiff_t>(z) * height + y) * width;
            double* total = from_others_.data() + raster;
            for (int tap = 0; tap < TAPS; ++tap) {
                for (int other = tables_.first; other < letters(); ++other) {
                    const double weight = siblings[other * TAPS + tap] * (1 << APPROX_SHIFT);
                    const std::int32_t* q = known_[other].data() + layout_.cell[raster] + layout_.taps[tap];
                    kernels().add_tap(q, static_cast<std::size_t>(width), weight, total);
                }
                const int dz = tap / 9 - 1, dy = tap / 3 % 3 - 1, dx = tap % 3 - 1;
                const bool outside = z + dz < 0 || z + dz >= depth || y + dy < 0 || y + dy >= height;
                if (!approx_ || outside || tap == CENTRE) continue;
                const std::int64_t* centre = approx_ + raster;
                const std::int64_t* other = centre + (static_cast<std::ptrdiff_t>(dz) * height + dy) * width + dx;
                for (int x = std::max(0, -dx); x < std::min(width, width - dx); ++x) {
                    total[x] += coarse[tap] * static_cast<double>(other[x] - centre[x]);
                }
            }
        }
    }
}

template void LevelContext<std::int16_t>::add_coarse(const std::int32_t*);
template void LevelContext<std::int32_t>::add_coarse(const std::int32_t*);
template void LevelContext<std::int16_t>::add_siblings();
template void LevelContext<std::int32_t>::add_siblings();
template void LevelContext<std::int16_t>::predict_from_others();
template void LevelContext<std::int32_t>::predict_from_others();

}  // namespace aiwave
