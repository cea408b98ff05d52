// The border to Python of the post-filters: every array is checked here, once.
#include <pybind11/stl.h>

#include "post_filter.hpp"
#include "volume_border.hpp"

namespace aiwave {

namespace {

Array<float> filtered(const Filter& filter, const Array<float>& voxels, double step, double known, int threads) {
    const float width = finite(step), trained = finite(known);
    require(width > 0 && trained > 0, "a quantisation step must be positive");
    const Volume<float> x = volume_of(voxels);
    const Work work(threads, interrupted());
    return array_of(released([&] { return filter(x, width, trained, work); }));
}

}  // namespace

void bind_filters(py::module_& m) {
    py::class_<Filter, std::shared_ptr<Filter>>(m, "Filter")
        .def("__call__", &filtered, py::arg("voxels"), py::arg("step"), py::arg("known"), py::arg("threads"));
    m.def(
        "step_filter",
        [](const ConvArrays& first, const std::vector<ConvArrays>& inner,
           const ConvArrays& last) -> std::shared_ptr<Filter> {
            return std::make_shared<StepFilter>(conv_of(first), convs_of(inner), conv_of(last));
        },
        py::kw_only(), py::arg("first"), py::arg("inner"), py::arg("last"));
    m.def(
        "published_filter",
        [](double peak, const ConvArrays& first, const std::vector<std::pair<ConvArrays, ConvArrays>>& blocks,
           const ConvArrays& collect, const ConvArrays& last) -> std::shared_ptr<Filter> {
            std::vector<std::pair<FloatConv, FloatConv>> convs;
            for (const auto& [one, other] : blocks) convs.emplace_back(conv_of(one), conv_of(other));
            return std::make_shared<PublishedFilter>(finite(peak), conv_of(first), std::move(convs), conv_of(collect),
                                                     conv_of(last));
        },
        py::kw_only(), py::arg("peak"), py::arg("first"), py::arg("blocks"), py::arg("collect"), py::arg("last"));
}

}  // namespace aiwave
