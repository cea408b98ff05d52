// The positions of a band: in memory with a margin of one on all sides, and in the order of coding.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace aiwave {

constexpr int TAPS = 27;
constexpr int CENTRE = 13;

// A causal network decodes positions of equal t = x + 2y + 4z, a front, at once.
constexpr int FRONT_Z = 4, FRONT_Y = 2, FRONT_X = 1;
constexpr int front_of(int z, int y, int x) { return FRONT_Z * z + FRONT_Y * y + FRONT_X * x; }

struct BandLayout {
    // Positions per front in a band without context of its own.
    static constexpr int PIECE = 4096;

    // `by_time` says whether fronts are positions of equal t, or merely pieces of fixed length.
    BandLayout(std::array<int, 3> size, bool by_time);

    std::array<int, 3> size;              // depth, height, width
    int positions;                        // without the margin
    int cells;                            // with the margin
    std::vector<std::int32_t> order;      // raster indices sorted by t, then by raster
    std::vector<std::int32_t> cell;       // cell of each raster index
    std::vector<std::int32_t> starts;     // front k is order[starts[k]] to order[starts[k + 1]]
    std::array<std::int32_t, TAPS> taps;  // offsets of the 3x3x3 neighbours, in cells

    int fronts() const { return static_cast<int>(starts.size()) - 1; }
    int longest_front() const;
    // The offsets of the first `count` taps, `stride` inputs per cell.
    std::vector<std::ptrdiff_t> offsets(int count, int stride) const;
};

}  // namespace aiwave
