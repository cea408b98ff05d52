// Tiles of voxels to segments and back, by the voxel model.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "voxel_context.hpp"

namespace aiwave {

// Tiles of one size (d, h, w), with the bounds of each.
struct VoxelTask {
    const VoxelModel& model;
    std::array<int, 3> size;
    std::vector<Bounds> bounds;
    int threads = 1;
    std::function<bool()> interrupted;
};

// Numbers (tiles, d, h, w) within their bounds -> a segment for each tile.
std::vector<std::string> encode_voxels(const VoxelTask& task, const std::int32_t* numbers);

// The inverse of `encode_voxels`. Throws Damaged for data that no encoder writes.
void decode_voxels(const VoxelTask& task, const std::vector<std::string>& segments, std::int32_t* numbers);

}  // namespace aiwave
