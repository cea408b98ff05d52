// The Python module aiwave._native: checks what Python hands over, releases the interpreter lock, and calls the coder.
#include <pybind11/stl.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <variant>

#include "border.hpp"
#include "coarse_context.hpp"
#include "layer_border.hpp"
#include "level_coder.hpp"
#include "range_coder.hpp"
#include "simd.hpp"
#include "trellis.hpp"

namespace aiwave {

namespace {

std::shared_ptr<Tables> make_tables(const Array<std::int32_t>& cdf, const Array<std::int32_t>& bin_cdf,
                                    const Array<std::int32_t>& mantissa, const Array<std::int32_t>& shift,
                                    const Array<std::int32_t>& scale, const Array<float>& inverse_scale,
                                    const Array<std::int32_t>& softmax) {
    constexpr int CDF_POINTS = 32 * 1024, SCALES = 20 * 256 + 1, DROPS = 16 * 256 + 1;
    require(cdf.size() == CDF_POINTS + 1 && bin_cdf.size() == CDF_POINTS / 2, "the cumulative densities do not fit");
    require(mantissa.size() == SCALES && shift.size() == SCALES && scale.size() == SCALES &&
                inverse_scale.size() == SCALES && softmax.size() == DROPS,
            "the tables of scales and weights do not fit");
    constexpr std::int32_t MOST_MANTISSA = 1 << 10, MOST_SHIFT = 40;
    require(within(cdf, 0, TOTAL) && within(bin_cdf, 0, TOTAL >> 8) && within(mantissa, 0, MOST_MANTISSA) &&
                within(shift, 0, MOST_SHIFT) && within(scale, 0, INT32_MAX >> 4) &&
                within(inverse_scale, 0.0F, float{MOST_MANTISSA}) && within(softmax, 0, 1 << 16) &&
                softmax.data()[0] > 0,
            "a table of densities is out of range");
    return std::make_shared<Tables>(Tables{values(cdf), values(bin_cdf), values(mantissa), values(shift), values(scale),
                                           values(inverse_scale), values(softmax)});
}

// Weights are (taps * width, channels), for the first `width` bands. A band needs those of the bands before it: an even
// number of them, from the level's first on.
Layer over_bands_before(const LayerPart& part, int first, int letters, int channels) {
    const int width = static_cast<int>(part.weight.shape(0)) / TAPS;
    const int needed = (std::max(letters - first, 0) + 1) / 2 * 2;
    std::vector<std::int16_t> weight(static_cast<std::size_t>(TAPS) * needed * channels, 0);
    for (int tap = 0; tap < TAPS; ++tap) {
        for (int band = first; band < std::min(first + needed, width); ++band) {
            const std::ptrdiff_t from = tap * width + band, to = tap * needed + band - first;
            std::copy_n(part.weight.data() + from * channels, channels, weight.begin() + to * channels);
        }
    }
    return Layer(weight.data(), part.bias.data(), part.shift.data(), TAPS, needed, channels);
}

// One layer for all bands, or one for each.
void add_siblings(ContextModel& model, const std::vector<LayerPart>& parts) {
    require(parts.size() <= 1 || parts.size() == BANDS, "a layer is there neither for all bands nor for each");
    for (const LayerPart& part : parts) {
        const int width = static_cast<int>(part.weight.shape(0)) / TAPS;
        require(width > 0 && width <= BANDS, "the layer siblings does not fit the model");
        made(part, TAPS, width, model.channels);  // checks all shapes
    }
    for (int letters = 0; !parts.empty() && letters < BANDS; ++letters) {
        const LayerPart& part = parts[parts.size() == 1 ? 0 : static_cast<std::size_t>(letters)];
        for (const int first : {0, 1}) {
            model.siblings[first].layers.push_back(over_bands_before(part, first, letters, model.channels));
        }
    }
}

void add_layer(ContextModel& model, const LayerPart& part) {
    const int c = model.channels;
    const auto add = [&](BandLayers& to, int taps, int width, int outputs) {
        to.layers.push_back(made(part, taps, width, outputs));
    };
    if (part.kind == "coarse0") {
        add(model.coarse0, TAPS, 2, c);
    } else if (part.kind == "coarse1") {
        add(model.coarse1, TAPS, c, c);
    } else if (part.kind == "own") {
        add(model.own, 1, CENTRE * model.own_inputs(), c);
    } else if (part.kind == "widen") {
        add(model.widen, 1, c, 2 * c);
    } else if (part.kind == "narrow") {
        add(model.narrowing, 1, 2 * c, c);
    } else if (part.kind == "mix") {
        add(model.mix, 1, c, c);
    } else if (part.kind == "head") {
        add(model.head, 1, c, model.density.size());
    } else if (part.kind == "block") {
        model.blocks.push_back(made(part, CENTRE + 1, c, c));
    } else {
        throw std::invalid_argument("a context model has no layer " + part.kind);
    }
}

std::shared_ptr<ContextModel> make_context(int channels, std::int32_t limit, bool dependent, bool cross,
                                           bool magnitudes, int components, bool weighted, const Tables& tables,
                                           const Array<std::int64_t>& thresholds, const Array<std::int32_t>& next_state,
                                           const Array<std::int32_t>& rough_per_width,
                                           const Array<std::int32_t>& rough_cells,
                                           const std::vector<py::tuple>& layers) {
    require(channels > 0 && channels < 1 << 16 && limit > 0 && limit < 1 << 24, "the activations do not fit");
    require(components > 0 && components <= 64 && (weighted || components == 1), "the density does not fit");
    auto model = std::make_shared<ContextModel>();
    model->channels = channels;
    model->limit = limit;
    model->narrow = limit < 1 << 15;
    model->dependent = dependent;
    model->cross = cross;
    model->magnitudes = magnitudes;
    model->density = {components, weighted};
    model->tables = tables;
    model->squash = Squash(values(thresholds));
    require(std::is_sorted(thresholds.data(), thresholds.data() + thresholds.size()) && thresholds.size() < 1 << 24,
            "the thresholds do not rise");
    model->next_state = values(next_state);
    const auto states = static_cast<std::int32_t>(next_state.size() / 2);
    for (std::int32_t state : model->next_state) require(state >= 0 && state < states, "the trellis does not fit");
    model->before = transitions_into(model->next_state);
    model->rough = {values(rough_per_width), values(rough_cells)};
    require(!dependent || (states > 0 && model->rough.fit()), "the trellis does not fit");
    std::vector<LayerPart> siblings;
    for (const py::tuple& layer : layers) {
        const LayerPart part = layer_part(layer);
        const bool of_coefficients = part.kind == "coarse0" || part.kind == "siblings" || part.kind == "own";
        require(part.limit >= (of_coefficients ? thresholds.size() : limit), "a layer is made for smaller inputs");
        if (part.kind == "coarse0") model->coarse_limit = std::min<std::int64_t>(model->coarse_limit, part.limit);
        model->narrow = model->narrow && is_narrow(part);
        if (part.kind == "siblings") {
            siblings.push_back(part);
        } else {
            add_layer(*model, part);
        }
    }
    add_siblings(*model, siblings);
    for (const BandLayers* kind :
         {&model->coarse0, &model->coarse1, &model->own, &model->widen, &model->narrowing, &model->mix, &model->head}) {
        const std::size_t count = kind->layers.size();
        require(count == 0 || count == 1 || count == BANDS, "a layer is there neither for all bands nor for each");
    }
    require(model->mix.exist() && model->head.exist() && model->widen.exist() == model->narrowing.exist() &&
                (!model->siblings[0].exist() || (model->coarse0.exist() && model->coarse1.exist())),
            "the model lacks a layer");
    return model;
}

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

}  // namespace aiwave

PYBIND11_MODULE(_native, m) {
    using namespace aiwave;
    m.doc() = "The exact coder in C++; `aiwave.coding` hands its models over.";
    py::register_exception<Damaged>(m, "Damaged", PyExc_ValueError);
    py::register_exception<Stopped>(m, "Stopped", PyExc_RuntimeError);
    py::class_<Stop, std::shared_ptr<Stop>>(m, "Stop", "Ends the calls of all threads that obey it, within a moment.")
        .def(py::init<>())
        .def("set", [](Stop& stop) { stop.raised = true; });
    m.def("obey", [](std::shared_ptr<Stop> stop) { obeyed = std::move(stop); }, py::arg("stop"));
    py::class_<Tables, std::shared_ptr<Tables>>(m, "Tables")
        .def(py::init(&make_tables), py::kw_only(), py::arg("cdf"), py::arg("bin_cdf"), py::arg("mantissa"),
             py::arg("shift"), py::arg("scale"), py::arg("inverse_scale"), py::arg("softmax"));
    py::class_<ContextModel, std::shared_ptr<ContextModel>>(m, "ContextModel")
        .def(py::init(&make_context), py::kw_only(), py::arg("channels"), py::arg("limit"), py::arg("dependent"),
             py::arg("cross"), py::arg("magnitudes"), py::arg("components"), py::arg("weighted"), py::arg("tables"),
             py::arg("thresholds"), py::arg("next_state"), py::arg("rough_per_width"), py::arg("rough_cells"),
             py::arg("layers"))
        .def_readonly("narrow", &ContextModel::narrow);
    py::class_<FactorizedModel, std::shared_ptr<FactorizedModel>>(m, "FactorizedModel")
        .def(py::init([](int components, bool weighted, const Tables& tables) {
                 require(components > 0 && components <= 64 && (weighted || components == 1),
                         "the density does not fit");
                 return std::make_shared<FactorizedModel>(FactorizedModel{{components, weighted}, tables});
             }),
             py::kw_only(), py::arg("components"), py::arg("weighted"), py::arg("tables"));
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
    m.def(
        "encode_intervals",
        [](const std::vector<std::uint32_t>& left, const std::vector<std::uint32_t>& frequency) {
            require(left.size() == frequency.size(), "a symbol has a left end and a frequency");
            RangeEncoder encoder;
            for (std::size_t k = 0; k < left.size(); ++k) encoder.put(left[k], frequency[k]);
            return py::bytes(encoder.finish());
        },
        py::arg("left"), py::arg("frequency"), "The range coder alone, for tests.");
    m.def("simd_levels", [] {
        std::vector<std::string> names;
        for (Simd level : available_simd()) names.push_back(name_of(level));
        return names;
    });
    m.def("simd", [] { return name_of(current_simd()); });
    m.def("use_simd", &use_simd);
    bind_transforms(m);
    bind_voxels(m);
}
