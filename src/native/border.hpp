// What the files of the border to Python share: arrays, complaints, and calls without the interpreter lock.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <stdexcept>
#include <vector>

#include "parallel.hpp"

namespace aiwave {

namespace py = pybind11;

constexpr int ALIGNED = 0x0100;  // NumPy's flag; others are copied

template <class T>
using Array = py::array_t<T, py::array::c_style | ALIGNED>;

inline void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

template <class T>
std::vector<T> values(const Array<T>& array) {
    return std::vector<T>(array.data(), array.data() + array.size());
}

// Whether all values are; false for NaN, too.
template <class T>
bool within(const Array<T>& array, typename Array<T>::value_type least, typename Array<T>::value_type most) {
    const T *begin = array.data(), *end = begin + array.size();
    return std::all_of(begin, end, [=](T value) { return least <= value && value <= most; });
}

// Raised by one thread to end the calls of others.
struct Stop {
    std::atomic<bool> raised{false};
};

// The flag that ends calls of this thread.
inline thread_local std::shared_ptr<Stop> obeyed;

inline std::function<bool()> interrupted() {
    return [stop = obeyed] {
        if (stop && stop->raised) return true;
        const py::gil_scoped_acquire lock;
        return PyErr_CheckSignals() != 0;
    };
}

// Runs without the interpreter lock; a signal's exception, such as KeyboardInterrupt, replaces Stopped.
template <class Work>
auto released(Work work) {
    try {
        const py::gil_scoped_release release;
        return work();
    } catch (const Stopped&) {
        if (PyErr_Occurred()) throw py::error_already_set();
        throw;
    }
}

// Each adds a part to the module; see context_module.cpp, level_module.cpp and so on.
void bind_models(py::module_& m);
void bind_levels(py::module_& m);
void bind_transforms(py::module_& m);
void bind_filters(py::module_& m);
void bind_coarse(py::module_& m);
void bind_voxels(py::module_& m);

}  // namespace aiwave
