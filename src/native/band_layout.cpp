#include "band_layout.hpp"

#include <algorithm>

namespace aiwave {

BandLayout::BandLayout(std::array<int, 3> size_, bool by_time) : size(size_) {
    const auto [depth, height, width] = size;
    const std::int32_t row = width + 2, plane = (height + 2) * row;
    positions = depth * height * width;
    cells = (depth + 2) * plane;
    const int last = front_of(depth - 1, height - 1, width - 1);
    std::vector<std::int32_t> first(last + 2, 0), time;
    time.reserve(positions);
    cell.reserve(positions);
    for (int z = 0; z < depth; ++z) {
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) {
                time.push_back(front_of(z, y, x));
                cell.push_back((z + 1) * plane + (y + 1) * row + x + 1);
                ++first[time.back() + 1];
            }
        }
    }
    for (int t = 0; t <= last; ++t) first[t + 1] += first[t];
    starts = first;
    order.resize(positions);
    for (int raster = 0; raster < positions; ++raster) order[first[time[raster]]++] = raster;
    if (by_time) {
        starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
    } else {
        starts.clear();
        for (int start = 0; start < positions; start += PIECE) starts.push_back(start);
        starts.push_back(positions);
    }
    int tap = 0;
    for (int z : {-1, 0, 1}) {
        for (int y : {-1, 0, 1}) {
            for (int x : {-1, 0, 1}) taps[tap++] = z * plane + y * row + x;
        }
    }
}

int BandLayout::longest_front() const {
    int longest = 0;
    for (int k = 0; k < fronts(); ++k) longest = std::max(longest, starts[k + 1] - starts[k]);
    return longest;
}

std::vector<std::ptrdiff_t> BandLayout::offsets(int count, int stride) const {
    std::vector<std::ptrdiff_t> result(taps.begin(), taps.begin() + count);
    for (auto& offset : result) offset *= stride;
    return result;
}

}  // namespace aiwave
