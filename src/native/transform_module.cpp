// The border to Python of the transforms: every array is checked here, once.
#include <pybind11/stl.h>

#include <optional>

#include "float_lifting.hpp"
#include "integer_lifting.hpp"
#include "volume_border.hpp"

namespace aiwave {

namespace {

constexpr int MOST_LEVELS = 8;

// A gain, which is divided by.
float gain(double value) {
    const float single = finite(value);
    require(single != 0, "a gain is zero");
    return single;
}

template <class T>
T named(const std::string& name, const std::vector<std::pair<std::string, T>>& known) {
    for (const auto& [own, value] : known) {
        if (own == name) return value;
    }
    throw std::invalid_argument("'" + name + "' is unknown");
}

Boundary boundary_of(const std::string& name) {
    return named<Boundary>(name, {{"symmetric", Boundary::symmetric}, {"published", Boundary::published}});
}

Padding padding_of(const std::string& name) {
    return named<Padding>(name, {{"zeros", Padding::zeros},
                                 {"reflect", Padding::reflect},
                                 {"replicate", Padding::replicate},
                                 {"circular", Padding::circular}});
}

Activation activation_of(const std::string& name) {
    return named<Activation>(name, {{"Tanh", Activation::tanh},
                                    {"ReLU", Activation::relu},
                                    {"GELU", Activation::gelu},
                                    {"SiLU", Activation::silu},
                                    {"ELU", Activation::elu}});
}

std::shared_ptr<LiftingNet> make_net(double intensity_scale, double damping, const std::string& activation,
                                     const std::string& padding, const std::string& input_padding, double bound,
                                     const ConvArrays& first, const std::vector<ConvArrays>& inner,
                                     const ConvArrays& shift_head, const std::optional<ConvArrays>& scale_head) {
    require(finite(intensity_scale) > 0 && finite(bound) >= 0, "a scale is not positive");
    auto net = std::make_shared<LiftingNet>(LiftingNet{finite(intensity_scale),
                                                       finite(intensity_scale * damping),
                                                       activation_of(activation),
                                                       padding_of(padding),
                                                       padding_of(input_padding),
                                                       finite(bound),
                                                       conv_of(first),
                                                       convs_of(inner),
                                                       conv_of(shift_head),
                                                       {}});
    if (scale_head) net->scale_head = conv_of(*scale_head);
    const int width = net->first.outputs();
    bool fit = net->first.inputs() == 1 && net->shift_head.inputs() == width && net->shift_head.outputs() == 1;
    fit = fit && (!net->scale_head || (net->scale_head->inputs() == width && net->scale_head->outputs() == 1));
    for (const FloatConv& conv : net->inner) fit = fit && conv.inputs() == width && conv.outputs() == width;
    require(fit, "the layers of a lifting network do not fit together");
    return net;
}

std::shared_ptr<Scheme<float>> make_float_scheme(
    const std::vector<std::pair<Array<float>, std::shared_ptr<LiftingNet>>>& parts, const std::string& boundary,
    double low_gain, double high_gain, double flat_gain) {
    std::vector<FloatStep> steps;
    for (const auto& [taps, net] : parts) {
        require(taps.ndim() == 1 && taps.size() == 3, "a lifting step has three taps");
        require_finite(taps);
        steps.push_back({{taps.data()[0], taps.data()[1], taps.data()[2]}, net});
    }
    require(steps.size() % 2 == 0, "a lifting scheme has pairs of steps");
    return std::make_shared<FloatScheme>(std::move(steps), boundary_of(boundary), gain(low_gain), gain(high_gain),
                                         gain(flat_gain));
}

// Weight (27 * inputs, outputs), bias (outputs), shift (outputs) and limit.
using LayerArrays = std::tuple<Array<std::int16_t>, Array<std::int64_t>, Array<std::int64_t>, std::int64_t>;

IntegerConv layer_of(const LayerArrays& arrays) {
    const auto& [weight, bias, shift, limit] = arrays;
    require(weight.ndim() == 2 && weight.shape(0) > 0 && weight.shape(0) % CONV_TAPS == 0,
            "a layer of a lifting network does not have 27 taps");
    const py::ssize_t inputs = weight.shape(0) / CONV_TAPS, outputs = weight.shape(1);
    require(outputs > 0 && outputs <= MOST_CHANNELS && inputs <= MOST_CHANNELS && bias.size() == outputs &&
                shift.size() == outputs,
            "the channels of a convolution do not fit");
    require(within(weight, -INT16_MAX, INT16_MAX), "a weight is out of range");
    return IntegerConv(weight.data(), bias.data(), shift.data(), static_cast<int>(inputs), static_cast<int>(outputs),
                       limit);
}

std::shared_ptr<IntegerNet> make_integer_net(const std::array<std::int64_t, 4>& factors, const std::string& padding,
                                             const std::string& input_padding, const LayerArrays& first,
                                             const std::vector<LayerArrays>& inner, const LayerArrays& head,
                                             const Array<std::int16_t>& tanh) {
    for (const int k : {1, 3})
        require(factors[k] > 0 && factors[k] < 63, "a factor of a lifting network is out of range");
    std::vector<IntegerConv> convs;
    for (const LayerArrays& layer : inner) convs.push_back(layer_of(layer));
    return std::make_shared<IntegerNet>(Factor{factors[0], static_cast<int>(factors[1])},
                                        Factor{factors[2], static_cast<int>(factors[3])}, padding_of(padding),
                                        padding_of(input_padding), layer_of(first), std::move(convs), layer_of(head),
                                        values(tanh));
}

std::shared_ptr<Scheme<std::int64_t>> make_integer_scheme(
    const std::vector<std::pair<std::array<std::int64_t, 3>, std::shared_ptr<IntegerNet>>>& parts,
    const std::string& boundary) {
    std::vector<IntegerStep> steps;
    for (const auto& [taps, net] : parts) steps.push_back({taps, net});
    return std::make_shared<IntegerScheme>(std::move(steps), boundary_of(boundary));
}

template <class T>
std::shared_ptr<Separable<T>> make_transform(int levels, const std::array<int, PARTS>& scheme_of_part,
                                             const std::vector<std::shared_ptr<Scheme<T>>>& schemes) {
    require(levels > 0 && levels <= MOST_LEVELS, "the number of levels is impossible");
    auto transform = std::make_shared<Separable<T>>();
    transform->levels = levels;
    transform->scheme_of_part = scheme_of_part;
    for (const int index : scheme_of_part) {
        require(index >= 0 && index < static_cast<int>(schemes.size()) && schemes[static_cast<std::size_t>(index)],
                "a direction has no scheme");
    }
    transform->schemes.assign(schemes.begin(), schemes.end());
    return transform;
}

template <class T>
std::vector<Array<T>> forward(const Separable<T>& transform, const Array<T>& voxels, int threads) {
    Volume<T> x = volume_of(voxels);
    std::vector<Array<T>> stacks;
    std::vector<T*> data;
    for (int level = 0; level < transform.levels; ++level) {
        const Size3 band = band_size(split_at(x.size, transform.levels - 1 - level), 0);
        stacks.push_back(Array<T>({py::ssize_t{level == 0 ? DETAILS + 1 : DETAILS}, py::ssize_t{band[0]},
                                   py::ssize_t{band[1]}, py::ssize_t{band[2]}}));
        data.push_back(stacks.back().mutable_data());
        std::fill_n(data.back(), stacks.back().size(), T{});
    }
    const Work work(threads, interrupted());
    released([&] { transform.forward(std::move(x), data, work); });
    return stacks;
}

template <class T>
Array<T> inverse(const Separable<T>& transform, const std::vector<Array<T>>& stacks, const Size3& size, int threads) {
    const int count = static_cast<int>(stacks.size());
    checked(size);
    require(count > 0 && count <= transform.levels, "the number of levels does not fit the transform");
    const Size3 result = split_at(size, transform.levels - count);
    std::vector<const T*> data;
    for (int level = 0; level < count; ++level) {
        const Array<T>& stack = stacks[static_cast<std::size_t>(level)];
        require(stack.ndim() == 4 && stack.shape(0) == (level == 0 ? DETAILS + 1 : DETAILS) &&
                    size_of(stack, 4) == band_size(split_at(result, count - 1 - level), 0),
                "the bands do not fit the size");
        data.push_back(stack.data());
    }
    const Work work(threads, interrupted());
    return array_of(released([&] { return transform.inverse(data, result, work); }));
}

template <class T>
void bind_transform(py::module_& m, const char* name) {
    py::class_<Separable<T>, std::shared_ptr<Separable<T>>>(m, name)
        .def(py::init(&make_transform<T>), py::kw_only(), py::arg("levels"), py::arg("scheme_of_part"),
             py::arg("schemes"))
        .def("forward", &forward<T>, py::arg("voxels"), py::arg("threads"))
        .def("inverse", &inverse<T>, py::arg("stacks"), py::arg("size"), py::arg("threads"));
}

}  // namespace

void bind_transforms(py::module_& m) {
    py::class_<LiftingNet, std::shared_ptr<LiftingNet>>(m, "LiftingNet")
        .def(py::init(&make_net), py::kw_only(), py::arg("intensity_scale"), py::arg("damping"), py::arg("activation"),
             py::arg("padding"), py::arg("input_padding"), py::arg("bound"), py::arg("first"), py::arg("inner"),
             py::arg("shift_head"), py::arg("scale_head"));
    py::class_<IntegerNet, std::shared_ptr<IntegerNet>>(m, "IntegerNet")
        .def(py::init(&make_integer_net), py::kw_only(), py::arg("factors"), py::arg("padding"),
             py::arg("input_padding"), py::arg("first"), py::arg("inner"), py::arg("head"), py::arg("tanh"));
    py::class_<Scheme<float>, std::shared_ptr<Scheme<float>>>(m, "FloatScheme")
        .def(py::init(&make_float_scheme), py::kw_only(), py::arg("steps"), py::arg("boundary"), py::arg("low_gain"),
             py::arg("high_gain"), py::arg("flat_gain"));
    py::class_<Scheme<std::int64_t>, std::shared_ptr<Scheme<std::int64_t>>>(m, "IntegerScheme")
        .def(py::init(&make_integer_scheme), py::kw_only(), py::arg("steps"), py::arg("boundary"));
    bind_transform<float>(m, "FloatTransform");
    bind_transform<std::int64_t>(m, "IntegerTransform");
}

}  // namespace aiwave
