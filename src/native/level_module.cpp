// The border to Python of coding a level: checks its tables and coefficients, and calls the coder.
#include <pybind11/stl.h>

#include <cmath>
#include <optional>
#include <variant>

#include "border.hpp"
#include "coarse_context.hpp"
#include "level_coder.hpp"
#include "trellis.hpp"

namespace aiwave {

namespace {

// The parts of a level's description that arrays hold; see LevelTables and LevelTask.
struct LevelPart {
    int first;
    std::array<int, 3> size;
    std::vector<std::array<int, 3>> inside;
    Array<std::int32_t> condition, head_offset, second_mix, second_head;
    Array<std::int64_t> prediction;
    Array<double> cross, cross_coarse;
    Array<std::int32_t> chains;
};

template <class T>
std::vector<T> table(const Array<T>& array, std::int64_t size, bool optional = true) {
    require(array.size() == size || (optional && array.size() == 0), "a table does not fit the level");
    return values(array);
}

// Whether magnitudes in every row of `length` numbers add up to less than `most`.
template <class T>
bool small_rows(const Array<T>& array, std::int64_t length, double most) {
    for (std::int64_t first = 0; first < array.size(); first += length) {
        double sum = 0;
        for (std::int64_t k = 0; k < length; ++k) sum += std::fabs(static_cast<double>(array.data()[first + k]));
        if (!(sum < most)) return false;
    }
    return true;
}

void fill_tables(LevelTask& task, const LevelPart& part, const Density& density) {
    task.size = part.size;
    task.inside = part.inside;
    LevelTables& tables = task.tables;
    tables.first = part.first;
    tables.bands = static_cast<int>(part.inside.size());
    std::int64_t positions = 1;
    for (int side : part.size) {
        require(side > 0 && side <= 1 << 16, "the size of a band is out of range");
        positions *= side;
    }
    require(positions < 1 << 28, "a band has too many coefficients");
    require(tables.first >= 0 && tables.bands > 0 && tables.first + tables.bands <= BANDS, "a level has eight bands");
    for (const auto& inside : part.inside) {
        for (int axis = 0; axis < 3; ++axis) {
            require(inside[axis] >= 0 && inside[axis] <= part.size[axis], "a band is larger than its level");
        }
    }
    constexpr std::int32_t SINGLE = 1 << 24;
    for (const auto* numbers : {&part.condition, &part.head_offset, &part.second_mix, &part.second_head}) {
        require(within(*numbers, -SINGLE, SINGLE), "an offset of the level is too large");
    }
    tables.head_offset = table(part.head_offset, std::int64_t{tables.bands} * density.size(), false);
    if (!task.context) return;
    const std::int64_t bands = tables.bands, channels = task.context->channels;
    tables.condition = table(part.condition, bands * channels, false);
    tables.second_mix = table(part.second_mix, bands * channels, !task.context->dependent);
    tables.second_head = table(part.second_head, bands * density.size(), !task.context->dependent);
    tables.prediction = table(part.prediction, bands * CENTRE);
    tables.cross = table(part.cross, bands * BANDS * TAPS, !task.context->cross);
    tables.cross_coarse = table(part.cross_coarse, bands * TAPS, !task.context->cross);
    require(small_rows(part.prediction, CENTRE, 1 << 30) && small_rows(part.cross, BANDS * TAPS, 1 << 22) &&
                small_rows(part.cross_coarse, TAPS, 1 << 18),
            "a prediction is too large");
    if (!task.context->dependent) return;
    require(part.chains.ndim() == 2 && part.chains.size() > 0, "chains have two axes");
    task.chains = values(part.chains);
    task.chain_length = static_cast<int>(part.chains.shape(1));
    for (std::int32_t at : task.chains) require(at >= -1 && at < positions, "a chain leaves its band");
    task.after = successors(task.chains, task.chain_length, positions);
}

using Model = std::variant<std::shared_ptr<ContextModel>, std::shared_ptr<FactorizedModel>>;
using Optional32 = std::optional<Array<std::int32_t>>;
using Optional64 = std::optional<Array<std::int64_t>>;

LevelTask make_task(const Model& model, const LevelPart& part, int tiles, const Optional32& coarse,
                    const Optional64& approx, int threads) {
    LevelTask task;
    if (const auto* context = std::get_if<std::shared_ptr<ContextModel>>(&model)) task.context = context->get();
    if (const auto* factorized = std::get_if<std::shared_ptr<FactorizedModel>>(&model)) {
        task.factorized = factorized->get();
    }
    require(task.context || task.factorized, "there is no model");
    fill_tables(task, part, task.context ? task.context->density : task.factorized->density);
    const std::int64_t positions = std::int64_t{part.size[0]} * part.size[1] * part.size[2];
    require(tiles > 0, "there is no tile");
    require(!coarse || coarse->size() == 2 * tiles * positions, "the coarse inputs do not fit the tiles");
    require(!approx || approx->size() == tiles * positions, "the reconstruction does not fit the tiles");
    if (coarse && task.context) {
        const std::int32_t limit = task.context->coarse_limit;
        require(within(*coarse, -limit, limit), "an input from coarser levels is out of range");
    }
    require(!approx || within(*approx, -APPROX_LIMIT, APPROX_LIMIT), "the reconstruction is out of range");
    task.tiles = tiles;
    task.coarse = coarse ? coarse->data() : nullptr;
    task.approx = approx ? approx->data() : nullptr;
    task.threads = threads;
    task.interrupted = interrupted();
    return task;
}

void check_shape(const Array<std::int32_t>& q, const LevelPart& part) {
    require(q.ndim() == 5 && q.shape(1) == static_cast<py::ssize_t>(part.inside.size()), "coefficients have five axes");
    for (int axis = 0; axis < 3; ++axis) {
        require(q.shape(axis + 2) == part.size[axis], "the coefficients do not fit the level");
    }
    require(within(q, -COEFFICIENT_LIMIT, COEFFICIENT_LIMIT), "a coefficient is too large");
}

py::list encode(const Model& model, const LevelPart& part, const Array<std::int32_t>& q, const Optional32& coarse,
                const Optional64& approx, int threads) {
    check_shape(q, part);
    const LevelTask task = make_task(model, part, static_cast<int>(q.shape(0)), coarse, approx, threads);
    const auto segments = released([&] { return encode_level(task, q.data()); });
    py::list tiles;
    for (const auto& bands : segments) {
        py::list tile;
        for (const std::string& segment : bands) tile.append(py::bytes(segment));
        tiles.append(tile);
    }
    return tiles;
}

void check_exact(const Array<float>& exact, py::ssize_t count, std::int64_t limit) {
    require(exact.size() == count, "the coefficients do not fit");
    const auto most = static_cast<float>(limit);
    require(within(exact, -most, most), "a coefficient is too large");
}

// exact (tiles, bands, d, h, w) float32, q like it with the choice before, or None for rough bits -> the choice.
Array<std::int32_t> path(const Model& model, const LevelPart& part, const Array<float>& exact, const Optional32& q,
                         float slope, const Optional32& coarse, const Optional64& approx, int threads) {
    require(exact.ndim() == 5, "coefficients have five axes");
    Array<std::int32_t> chosen(std::vector<py::ssize_t>(exact.shape(), exact.shape() + exact.ndim()));
    std::int32_t* data = chosen.mutable_data();
    require(!q || q->size() == exact.size(), "the coefficients do not fit");
    std::fill_n(data, chosen.size(), 0);
    if (q) std::copy_n(q->data(), chosen.size(), data);
    check_shape(chosen, part);
    check_exact(exact, chosen.size(), COEFFICIENT_LIMIT / 2);
    const LevelTask task = make_task(model, part, static_cast<int>(exact.shape(0)), coarse, approx, threads);
    require(task.context && task.context->dependent, "only dependent quantisation has a trellis");
    released([&] { choose_path(task, exact.data(), slope, !q, data); });
    return chosen;
}

// exact (tiles, bands, d, h, w) float32, q like it with the nearest integers -> the choice.
Array<std::int32_t> integers(const Model& model, const LevelPart& part, const Array<float>& exact,
                             const Array<std::int32_t>& q, float slope, const Optional32& coarse,
                             const Optional64& approx, int threads) {
    check_shape(q, part);
    check_exact(exact, q.size(), COEFFICIENT_LIMIT);
    const LevelTask task = make_task(model, part, static_cast<int>(q.shape(0)), coarse, approx, threads);
    require(!task.context || !task.context->dependent, "dependent quantisation has a trellis");
    Array<std::int32_t> chosen(std::vector<py::ssize_t>(q.shape(), q.shape() + q.ndim()), q.data());
    std::int32_t* data = chosen.mutable_data();
    released([&] { choose_integers(task, exact.data(), slope, data); });
    return chosen;
}

Array<std::int32_t> decode(const Model& model, const LevelPart& part,
                           const std::vector<std::vector<std::string>>& segments, const Optional32& coarse,
                           const Optional64& approx, int threads) {
    const LevelTask task = make_task(model, part, static_cast<int>(segments.size()), coarse, approx, threads);
    for (const auto& bands : segments) require(bands.size() == part.inside.size(), "a tile lacks a segment");
    Array<std::int32_t> q({static_cast<py::ssize_t>(segments.size()), static_cast<py::ssize_t>(part.inside.size()),
                           py::ssize_t{part.size[0]}, py::ssize_t{part.size[1]}, py::ssize_t{part.size[2]}});
    std::int32_t* data = q.mutable_data();
    std::fill_n(data, q.size(), 0);
    released([&] { decode_level(task, segments, data); });
    return q;
}

}  // namespace

void bind_levels(py::module_& m) {
    py::class_<LevelPart>(m, "Level")
        .def(py::init<int, std::array<int, 3>, std::vector<std::array<int, 3>>, Array<std::int32_t>,
                      Array<std::int32_t>, Array<std::int32_t>, Array<std::int32_t>, Array<std::int64_t>, Array<double>,
                      Array<double>, Array<std::int32_t>>(),
             py::kw_only(), py::arg("first"), py::arg("size"), py::arg("inside"), py::arg("condition"),
             py::arg("head_offset"), py::arg("second_mix"), py::arg("second_head"), py::arg("prediction"),
             py::arg("cross"), py::arg("cross_coarse"), py::arg("chains"));
    m.def("encode_level", &encode, py::arg("model"), py::arg("level"), py::arg("q"), py::arg("coarse"),
          py::arg("approx"), py::arg("threads"));
    m.def("choose_path", &path, py::arg("model"), py::arg("level"), py::arg("exact"), py::arg("q"), py::arg("slope"),
          py::arg("coarse"), py::arg("approx"), py::arg("threads"));
    m.def("choose_integers", &integers, py::arg("model"), py::arg("level"), py::arg("exact"), py::arg("q"),
          py::arg("slope"), py::arg("coarse"), py::arg("approx"), py::arg("threads"));
    m.def("decode_level", &decode, py::arg("model"), py::arg("level"), py::arg("segments"), py::arg("coarse"),
          py::arg("approx"), py::arg("threads"));
}

}  // namespace aiwave
