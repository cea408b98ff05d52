// The border to Python of what a level sees of the coarser ones: every array is checked here, once.
#include <pybind11/stl.h>

#include "coarse_context.hpp"
#include "volume_border.hpp"

namespace aiwave {

namespace {

// details (tiles, 7, d, h, w) and approx (tiles, d, h, w) -> (tiles, D, H, W)
Array<std::int64_t> next_approx(const CoarseTransform& transform, const Array<std::int32_t>& details,
                                const Array<std::int64_t>& approx, const Size3& size, bool halves, int threads) {
    const Size3 band = band_size(checked(size), 0);
    require(size_of(details, 5) == band && size_of(approx, 4) == band && details.shape(1) == DETAILS &&
                details.shape(0) == approx.shape(0) && approx.shape(0) > 0 && approx.shape(0) < 1 << 20,
            "the bands do not fit the size");
    constexpr std::int32_t MOST = (1 << 24) - 1;
    require(within(details, -MOST, MOST), "a coefficient is too large");
    require(within(approx, -APPROX_LIMIT, APPROX_LIMIT), "the reconstruction is too large");
    const auto tiles = static_cast<int>(details.shape(0));
    Array<std::int64_t> next({py::ssize_t{tiles}, py::ssize_t{size[0]}, py::ssize_t{size[1]}, py::ssize_t{size[2]}});
    std::int64_t* out = next.mutable_data();
    const std::int32_t* high = details.data();
    const std::int64_t* low = approx.data();
    const Work work(threads, interrupted());
    released([&] {
        work.each(tiles, [&](int tile) {
            const auto own = static_cast<std::size_t>(tile);
            transform.next(high + own * DETAILS * positions(band), low + own * positions(band), size, halves,
                           out + own * positions(size));
        });
    });
    return next;
}

// approx (tiles, d, h, w) -> (tiles, 2, d, h, w)
Array<std::int32_t> coarse_inputs(const CoarseInputs& inputs, const Array<std::int64_t>& approx, int threads) {
    const Size3 size = size_of(approx, 4);
    require(approx.shape(0) > 0 && approx.shape(0) < 1 << 20, "there is no tile");
    require(within(approx, -APPROX_LIMIT, APPROX_LIMIT), "the reconstruction is too large");
    const auto tiles = static_cast<int>(approx.shape(0));
    Array<std::int32_t> both(
        {py::ssize_t{tiles}, py::ssize_t{2}, py::ssize_t{size[0]}, py::ssize_t{size[1]}, py::ssize_t{size[2]}});
    std::int32_t* out = both.mutable_data();
    const std::int64_t* in = approx.data();
    const Work work(threads, interrupted());
    released([&] {
        work.each(tiles, [&](int tile) {
            const std::size_t first = static_cast<std::size_t>(tile) * positions(size);
            inputs(in + first, size, out + 2 * first);
        });
    });
    return both;
}

}  // namespace

void bind_coarse(py::module_& m) {
    py::class_<CoarseTransform>(m, "CoarseTransform")
        .def(py::init<const std::array<std::int64_t, 7>&, bool, bool>(), py::kw_only(), py::arg("factors"),
             py::arg("reversible"), py::arg("sections"))
        .def("next", &next_approx, py::arg("details"), py::arg("approx"), py::arg("size"), py::arg("halves"),
             py::arg("threads"));
    py::class_<CoarseInputs>(m, "CoarseInputs")
        .def(py::init([](const Array<std::int64_t>& of_detail, const Array<std::int64_t>& of_whole) {
                 return CoarseInputs(values(of_detail), values(of_whole));
             }),
             py::kw_only(), py::arg("of_detail"), py::arg("of_whole"))
        .def("__call__", &coarse_inputs, py::arg("approx"), py::arg("threads"));
}

}  // namespace aiwave
