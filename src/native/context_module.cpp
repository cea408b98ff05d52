// The border to Python of the coefficients' models and their tables: checks what Python hands over.
#include <pybind11/stl.h>

#include <algorithm>

#include "border.hpp"
#include "layer_border.hpp"
#include "level_coder.hpp"
#include "range_coder.hpp"
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

}  // namespace

void bind_models(py::module_& m) {
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
}

}  // namespace aiwave
