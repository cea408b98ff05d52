// Feeds arbitrary segments to the decoder of voxels, with arbitrary voxel models, for libFuzzer: `make fuzz`.
//
// Whatever it decodes lies within the ends of its tile, must encode, and decode to the same again.
#include "fuzz_input.hpp"
#include "fuzz_models.hpp"
#include "voxel_coder.hpp"

namespace {

using namespace aiwave;

ActivityTables some_levels() {
    ActivityTables levels;
    for (int level = 0; level < ACTIVITY_LEVELS; ++level) {
        const double activity = std::exp((level - UNIT_LEVEL) / 16.0), inverse = 64 / activity;
        const int shift = 14 - static_cast<int>(std::floor(std::log2(inverse)));
        if (level > 0) {
            const double least = 16 * std::exp((level - UNIT_LEVEL - 0.5) / 16);
            levels.thresholds.push_back(static_cast<std::int32_t>(std::ceil(least)));
        }
        levels.mantissa.push_back(static_cast<std::int32_t>(std::ldexp(inverse, shift)));
        levels.shift.push_back(shift);
        levels.activity.push_back(static_cast<std::int64_t>(256 * activity));
    }
    return levels;
}

// Offsets before a voxel; the model's first need not be the nearest here.
std::vector<std::array<int, 3>> some_offsets(std::mt19937& random, int count) {
    std::vector<std::array<int, 3>> offsets;
    while (static_cast<int>(offsets.size()) < count) {
        const auto step = [&] { return static_cast<int>(random() % (2 * REACH + 1)) - REACH; };
        const std::array<int, 3> offset{-static_cast<int>(random() % (REACH + 1)), step(), step()};
        if (front_of(offset[0], offset[1], offset[2]) < 0) offsets.push_back(offset);
    }
    return offsets;
}

VoxelModel some_model(Input& input, std::mt19937& random) {
    static const Tables tables = some_tables();
    static const ActivityTables levels = some_levels();
    VoxelModel model;
    const Density density{1 + input.below(4), input.below(8) != 0};
    model.density = density.weighted ? density : Density{1, false};
    model.tables = tables;
    model.levels = levels;
    model.offsets = some_offsets(random, NEAREST + input.below(20));
    for (int k = 0; k < NEAREST; ++k) model.reference.push_back(k < 8 ? 1 : 0);
    model.limit = 4095;
    int width = model.inputs();
    for (int k = input.below(3); k >= 0; --k) {
        const int outputs = 1 + input.below(20);
        model.hidden.push_back(layer(random, false, 1, width, outputs));
        width = outputs;
    }
    model.head = layer(random, false, 1, width, model.density.size() + 1);
    model.skip = layer(random, false, 1, model.inputs(), model.density.size() + 1);
    return model;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    std::mt19937 random(static_cast<unsigned>(input.below(256)));
    const VoxelModel model = some_model(input, random);
    VoxelTask task{model, {}, {}, 1 + input.below(2), [] { return false; }};
    for (int& side : task.size) side = 1 + input.below(9);
    const int tiles = 1 + input.below(2);
    for (int tile = 0; tile < tiles; ++tile) {
        const std::int32_t lowest = input.below(256) << input.below(9);
        task.bounds.push_back({std::min(lowest, MOST_NUMBER), MOST_NUMBER});
        if (input.below(2)) task.bounds.back()[1] = std::min(lowest + input.below(256), MOST_NUMBER);
        task.bounds.back()[0] = std::min(task.bounds.back()[0], task.bounds.back()[1]);
    }
    std::vector<std::string> coded(task.bounds.size());
    const std::size_t each = input.left() / coded.size() + 1;
    for (auto& segment : coded) segment = input.segment(each);
    const std::size_t positions = static_cast<std::size_t>(task.size[0]) * task.size[1] * task.size[2];
    std::vector<std::int32_t> found(coded.size() * positions, 0), again(found.size(), 0);
    try {
        decode_voxels(task, coded, found.data());
    } catch (const Damaged&) {
        return 0;
    }
    for (std::size_t k = 0; k < found.size(); ++k) {
        const Bounds& ends = task.bounds[k / positions];
        require(ends[0] <= found[k] && found[k] <= ends[1]);
        add_to_digest(found[k]);
    }
    decode_voxels(task, encode_voxels(task, found.data()), again.data());
    require(found == again);
    return 0;
}
