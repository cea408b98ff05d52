// The voxel model: the densities of a tile's voxels from those before them, front by front.
//
// The twin of coding/voxel_coder.py.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "band_layout.hpp"
#include "layer.hpp"
#include "mixture.hpp"

namespace aiwave {

// Neighbours that reference and activity come from, the first of all; inputs beside the neighbours.
constexpr int NEAREST = 16, OTHER_INPUTS = 6;

// Numbers have 16 bits; offsets of neighbours are at most this along an axis.
constexpr std::int32_t MOST_NUMBER = (1 << 16) - 1;
constexpr int REACH = 8;

constexpr int INPUT_FRACTION = 6, ACTIVITY_LEVELS = 227, UNIT_LEVEL = 48, LEVELS_PER_E = 16;

// By activity level, see integer_voxels.py.
struct ActivityTables {
    std::vector<std::int32_t> thresholds;  // the least sum of differences of levels 1, 2, ...
    std::vector<std::int32_t> mantissa, shift;
    std::vector<std::int64_t> activity;  // in units of 2**-8
};

struct VoxelModel {
    Density density{};
    Tables tables;
    ActivityTables levels;
    std::vector<std::array<int, 3>> offsets;  // (z, y, x)
    std::vector<std::int32_t> reference;      // weights of the nearest, in eighths
    std::int32_t limit = 0;                   // of activations
    std::vector<Layer> hidden;
    Layer head, skip;

    int inputs() const { return static_cast<int>(offsets.size()) + OTHER_INPUTS; }
};

// The lowest and highest number of a tile.
using Bounds = std::array<std::int32_t, 2>;

// One tile. Its known numbers lie in planes of equal t = x + 2y + 4z, as many as neighbours reach back, so that the
// neighbours of consecutive positions are consecutive.
class VoxelContext {
   public:
    VoxelContext(const VoxelModel& model, const BandLayout& layout, Bounds bounds);

    // Parameters and centres of the densities of the front order[start] to order[end]; those before it are written.
    void mix(int start, int end);
    const std::int32_t* parameters() const { return out_.data(); }  // (count, stride)
    int stride() const { return model_.head.lanes(); }
    const std::int64_t* predicted() const { return predicted_.data(); }

    // Writes the numbers of that front.
    void write(const std::int64_t* numbers);

   private:
    // Positions of a front in one section: y grows by one from each to the next, x falls by two.
    struct Run {
        int first, length;  // positions, counted from the front's first
        int z, y, x;        // of the first
    };

    void find_runs(int start, int end);
    void gather(int first, int count);
    void relate(int count);
    void add_others(int first, int count);
    int place_of(const Run& run) const { return (run.z + REACH) * pitch_ + run.y + REACH; }
    void multiply(int first, int count);

    std::int32_t* plane(int t) { return planes_.data() + static_cast<std::size_t>(t % kept_ + kept_) % kept_ * size_; }
    int level_of(std::int32_t sum) const;

    const VoxelModel& model_;
    const BandLayout& layout_;
    Bounds bounds_;
    int pitch_, stride_;     // of rows in planes, and of inputs
    int kept_ = 1, t_ = -1;  // planes, and the last front
    std::size_t size_ = 0;   // of a plane
    std::vector<std::int32_t> planes_;
    std::vector<std::ptrdiff_t> shift_;      // of each neighbour, within planes
    std::vector<int> back_;                  // of each neighbour, in planes
    std::vector<std::uint8_t> small_;        // levels of small sums
    std::vector<const std::int32_t*> rows_;  // see Neighbours
    std::vector<Run> runs_;
    std::vector<Piece> pieces_;
    std::vector<std::int32_t> seen_;  // (neighbours and lowest number, VOXEL_BLOCK)
    std::array<std::int32_t, VOXEL_BLOCK> reference_{};
    std::array<int, VOXEL_BLOCK> level_{};
    std::vector<std::int16_t> inputs_, features_;
    std::vector<std::int32_t> sum_, out_;
    std::vector<std::int64_t> predicted_;
    std::vector<std::ptrdiff_t> only_tap_{0};
};

}  // namespace aiwave
