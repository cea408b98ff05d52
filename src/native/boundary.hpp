// The extension of a half signal beyond its ends, and the rows that a lifting step combines.
#pragma once

#include <vector>

#include "volume.hpp"

namespace aiwave {

// `symmetric` mirrors the full signal about its first and last sample, `published` each half separately.
enum class Boundary { symmetric, published };

// The indices, into the half `phase` (0 even, 1 odd) of `size` samples, of its samples -1 to `targets`, where the other
// half has `targets` samples; both have at least one.
std::vector<int> extended(int size, int targets, int phase, Boundary boundary);

// Calls row(to, before, centre, after, count) for runs of a lifting step along an axis: `count` targets side by side
// from offset `to` on, and the offsets of the sources before, at and after them. `at` is that of `extended`.
template <class Row>
void each_run(const Size3& targets, const Size3& sources, int axis, const std::vector<int>& at, Row row) {
    const Rows to(targets, axis), from(sources, axis);
    const std::ptrdiff_t inner = to.inner;
    for (std::ptrdiff_t o = 0; o < to.outer; ++o) {
        const std::ptrdiff_t start = o * to.length * inner, source = o * from.length * inner;
        const auto one = [&](std::ptrdiff_t t) {
            const auto k = static_cast<std::size_t>(t);
            row(start + t * inner, source + at[k] * inner, source + at[k + 1] * inner, source + at[k + 2] * inner,
                inner);
        };
        if (inner > 1) {
            for (std::ptrdiff_t t = 0; t < to.length; ++t) one(t);
            continue;
        }
        // along x: all targets between the ends at once
        const std::ptrdiff_t last = std::max<std::ptrdiff_t>(std::min(to.length, from.length - 1), 1);
        one(0);
        if (last > 1) row(start + 1, source, source + 1, source + 2, last - 1);
        for (std::ptrdiff_t t = last; t < to.length; ++t) one(t);
    }
}

}  // namespace aiwave
