// The border to Python of the voxel model: checks what Python hands over.
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "border.hpp"
#include "layer_border.hpp"
#include "voxel_coder.hpp"

namespace aiwave {

namespace {

using Size = std::array<py::ssize_t, 3>;  // of a tile: depth, height, width
using Offsets = std::vector<std::array<int, 3>>;

constexpr int MOST_NEIGHBOURS = 4095, WIDEST = 1024;
constexpr std::int64_t MOST_POSITIONS = 1 << 28;

void check(const Offsets& offsets) {
    require(offsets.size() >= NEAREST && offsets.size() <= MOST_NEIGHBOURS, "the neighbours do not fit the model");
    for (const auto& [z, y, x] : offsets) {
        require(-REACH <= std::min({z, y, x}) && std::max({z, y, x}) <= REACH && z <= 0 && front_of(z, y, x) < 0,
                "a neighbour is not known before a voxel");
    }
}

void check_reference(const std::vector<std::int32_t>& weights) {
    require(weights.size() == NEAREST, "the reference does not fit");
    for (std::int32_t weight : weights) require(weight >= 0 && weight <= 8, "the reference does not fit");
    require(std::accumulate(weights.begin(), weights.end(), 0) == 8, "the reference does not fit");
}

ActivityTables activity_tables(const Array<std::int32_t>& thresholds, const Array<std::int32_t>& mantissa,
                               const Array<std::int32_t>& shift, const Array<std::int64_t>& activity) {
    require(thresholds.size() == ACTIVITY_LEVELS - 1 && mantissa.size() == ACTIVITY_LEVELS &&
                shift.size() == ACTIVITY_LEVELS && activity.size() == ACTIVITY_LEVELS,
            "the tables of activities do not fit");
    for (int level = 0; level < ACTIVITY_LEVELS; ++level) {
        const bool fits = mantissa.data()[level] >= 0 && mantissa.data()[level] < 1 << 15 && shift.data()[level] >= 0 &&
                          shift.data()[level] < 32 && activity.data()[level] >= 0 && activity.data()[level] < 1 << 30;
        require(fits, "a table of activities is out of range");
    }
    require(std::is_sorted(thresholds.data(), thresholds.data() + thresholds.size()), "the activities do not rise");
    return {values(thresholds), values(mantissa), values(shift), values(activity)};
}

// The hidden layers, then head and skip.
void add_layers(VoxelModel& model, const std::vector<py::tuple>& layers) {
    require(layers.size() >= 3, "the model lacks a layer");
    const auto next = [](const LayerPart& part, int inputs, std::int64_t limit, int outputs) {
        require(is_narrow(part) && part.limit >= limit, "a layer of voxels does not fit 32 bits");
        return made(part, 1, inputs, outputs);
    };
    int width = model.inputs();
    std::int64_t largest = INPUT_LIMIT;
    for (std::size_t k = 0; k + 2 < layers.size(); ++k) {
        const LayerPart part = layer_part(layers[k]);
        const py::ssize_t outputs = part.weight.shape(1);
        require(outputs > 0 && outputs <= WIDEST, "a layer of voxels is too wide");
        model.hidden.push_back(next(part, width, largest, static_cast<int>(outputs)));
        width = static_cast<int>(outputs);
        largest = model.limit;
    }
    const int outputs = model.density.size() + 1;
    model.head = next(layer_part(layers[layers.size() - 2]), width, largest, outputs);
    model.skip = next(layer_part(layers.back()), model.inputs(), INPUT_LIMIT, outputs);
}

std::shared_ptr<VoxelModel> make_voxels(std::int32_t limit, int components, bool weighted, const Tables& tables,
                                        const Array<std::int32_t>& thresholds, const Array<std::int32_t>& mantissa,
                                        const Array<std::int32_t>& shift, const Array<std::int64_t>& activity,
                                        const Offsets& offsets, const std::vector<std::int32_t>& reference,
                                        const std::vector<py::tuple>& layers) {
    require(limit > 0 && limit < 1 << 15, "the activations do not fit");
    require(components > 0 && components <= 64 && (weighted || components == 1), "the density does not fit");
    check_reference(reference);
    check(offsets);
    auto model = std::make_shared<VoxelModel>();
    model->density = {components, weighted};
    model->tables = tables;
    model->levels = activity_tables(thresholds, mantissa, shift, activity);
    model->offsets = offsets;
    model->reference = reference;
    model->limit = limit;
    add_layers(*model, layers);
    return model;
}

VoxelTask make_task(const VoxelModel& model, const Size& size, const Array<std::int32_t>& bounds, int threads) {
    VoxelTask task{model, {}, {}, threads, interrupted()};
    std::int64_t positions = 1;
    for (std::size_t axis = 0; axis < size.size(); ++axis) {
        require(size[axis] > 0 && size[axis] <= 1 << 16, "the size of a tile is out of range");
        positions *= size[axis];
        task.size[axis] = static_cast<int>(size[axis]);
    }
    require(positions < MOST_POSITIONS, "a tile has too many voxels");
    require(bounds.ndim() == 2 && bounds.shape(1) == 2, "a tile has two bounds");
    for (py::ssize_t k = 0; k < bounds.shape(0); ++k) {
        const Bounds own{bounds.at(k, 0), bounds.at(k, 1)};
        require(0 <= own[0] && own[0] <= own[1] && own[1] <= MOST_NUMBER, "the bounds of a tile do not fit");
        task.bounds.push_back(own);
    }
    return task;
}

py::list encode(const VoxelModel& model, const Array<std::int32_t>& numbers, const Array<std::int32_t>& bounds,
                int threads) {
    require(numbers.ndim() == 4, "voxels have four axes");
    const VoxelTask task = make_task(model, {numbers.shape(1), numbers.shape(2), numbers.shape(3)}, bounds, threads);
    require(numbers.shape(0) == bounds.shape(0), "a tile lacks its bounds");
    const py::ssize_t positions = numbers.shape(1) * numbers.shape(2) * numbers.shape(3);
    const std::int32_t* tile = numbers.data();
    for (const auto& [lowest, highest] : task.bounds) {
        const auto [least, most] = std::minmax_element(tile, tile + positions);
        require(lowest <= *least && *most <= highest, "a number is out of bounds");
        tile += positions;
    }
    const auto segments = released([&] { return encode_voxels(task, numbers.data()); });
    py::list tiles;
    for (const std::string& segment : segments) tiles.append(py::bytes(segment));
    return tiles;
}

Array<std::int32_t> decode(const VoxelModel& model, const std::vector<std::string>& segments,
                           const Array<std::int32_t>& bounds, const Size& size, int threads) {
    const VoxelTask task = make_task(model, size, bounds, threads);
    require(segments.size() == task.bounds.size(), "a tile lacks a segment");
    Array<std::int32_t> numbers({static_cast<py::ssize_t>(segments.size()), size[0], size[1], size[2]});
    std::int32_t* data = numbers.mutable_data();
    std::fill_n(data, numbers.size(), 0);
    released([&] { decode_voxels(task, segments, data); });
    return numbers;
}

}  // namespace

void bind_voxels(py::module_& m) {
    py::class_<VoxelModel, std::shared_ptr<VoxelModel>>(m, "VoxelModel")
        .def(py::init(&make_voxels), py::kw_only(), py::arg("limit"), py::arg("components"), py::arg("weighted"),
             py::arg("tables"), py::arg("thresholds"), py::arg("mantissa"), py::arg("shift"), py::arg("activity"),
             py::arg("offsets"), py::arg("reference"), py::arg("layers"));
    m.def("encode_voxels", &encode, py::arg("model"), py::arg("numbers"), py::arg("bounds"), py::arg("threads"));
    m.def("decode_voxels", &decode, py::arg("model"), py::arg("segments"), py::arg("bounds"), py::arg("size"),
          py::arg("threads"));
}

}  // namespace aiwave
