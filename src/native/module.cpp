// The Python module aiwave._native: how calls end, the range coder alone, instruction sets, and the borders of the
// rest.
#include <pybind11/stl.h>

#include "border.hpp"
#include "range_coder.hpp"
#include "simd.hpp"

PYBIND11_MODULE(_native, m) {
    using namespace aiwave;
    m.doc() = "The exact coder in C++; `aiwave.coding` hands its models over.";
    py::register_exception<Damaged>(m, "Damaged", PyExc_ValueError);
    py::register_exception<Stopped>(m, "Stopped", PyExc_RuntimeError);
    py::class_<Stop, std::shared_ptr<Stop>>(m, "Stop", "Ends the calls of all threads that obey it, within a moment.")
        .def(py::init<>())
        .def("set", [](Stop& stop) { stop.raised = true; });
    m.def("obey", [](std::shared_ptr<Stop> stop) { obeyed = std::move(stop); }, py::arg("stop"));
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
    bind_models(m);
    bind_levels(m);
    bind_transforms(m);
    bind_filters(m);
    bind_coarse(m);
    bind_voxels(m);
}
