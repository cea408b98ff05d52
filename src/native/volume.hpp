// Volumes in memory, and their halves along an axis.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <vector>

namespace aiwave {

// Depth, height and width.
using Size3 = std::array<int, 3>;

inline std::size_t positions(const Size3& size) {
    return static_cast<std::size_t>(size[0]) * static_cast<std::size_t>(size[1]) * static_cast<std::size_t>(size[2]);
}

// Samples in the order (z, y, x).
template <class T>
struct Volume {
    Size3 size{};
    std::vector<T> data;

    Volume() = default;
    explicit Volume(const Size3& own) : size(own), data(positions(own)) {}
};

// The rows of a volume seen along an axis as (outer, n, inner): `inner` samples that lie side by side.
struct Rows {
    std::ptrdiff_t outer, length, inner;
    Rows(const Size3& size, int axis) : outer(1), length(size[axis]), inner(1) {
        for (int k = 0; k < axis; ++k) outer *= size[k];
        for (int k = axis + 1; k < 3; ++k) inner *= size[k];
    }
};

// The size of the even (phase 0) or the odd samples (phase 1) along an axis.
inline Size3 half_size(Size3 size, int axis, int phase) {
    size[axis] = (size[axis] + 1 - phase) / 2;
    return size;
}

// The even or odd samples of a volume along an axis.
template <class T>
Volume<T> half_of(const Volume<T>& whole, int axis, int phase) {
    Volume<T> half(half_size(whole.size, axis, phase));
    const Rows from(whole.size, axis), to(half.size, axis);
    for (std::ptrdiff_t o = 0; o < to.outer; ++o) {
        const T* in = whole.data.data() + (o * from.length + phase) * from.inner;
        T* out = half.data.data() + o * to.length * to.inner;
        if (to.inner == 1) {
            for (std::ptrdiff_t k = 0; k < to.length; ++k) out[k] = in[2 * k];
            continue;
        }
        for (std::ptrdiff_t k = 0; k < to.length; ++k) std::copy_n(in + 2 * k * to.inner, to.inner, out + k * to.inner);
    }
    return half;
}

// The inverse of `half_of`: interleaves the even and the odd samples.
template <class T>
Volume<T> interleaved(const Volume<T>& even, const Volume<T>& odd, int axis) {
    Size3 size = even.size;
    size[axis] += odd.size[axis];
    Volume<T> whole(size);
    const Rows to(size, axis);
    for (int phase = 0; phase < 2; ++phase) {
        const Volume<T>& half = phase ? odd : even;
        const Rows from(half.size, axis);
        for (std::ptrdiff_t o = 0; o < to.outer; ++o) {
            const T* in = half.data.data() + o * from.length * from.inner;
            T* out = whole.data.data() + (o * to.length + phase) * to.inner;
            if (to.inner == 1) {
                for (std::ptrdiff_t k = 0; k < from.length; ++k) out[2 * k] = in[k];
                continue;
            }
            for (std::ptrdiff_t k = 0; k < from.length; ++k) {
                std::copy_n(in + k * to.inner, to.inner, out + 2 * k * to.inner);
            }
        }
    }
    return whole;
}

// The sum over `Size` neighbours along an axis, with the faces repeated outside.
template <int Size, class T>
Volume<T> box_sum(const Volume<T>& x, int axis) {
    Volume<T> sum(x.size);
    const Rows rows(x.size, axis);
    const std::ptrdiff_t last = rows.length - 1;
    for (std::ptrdiff_t o = 0; o < rows.outer; ++o) {
        const T* in = x.data.data() + o * rows.length * rows.inner;
        T* out = sum.data.data() + o * rows.length * rows.inner;
        const auto sum_at = [&](std::ptrdiff_t k) {
            for (std::ptrdiff_t n = k - Size / 2; n <= k + Size / 2; ++n) {
                const T* from = in + std::clamp<std::ptrdiff_t>(n, 0, last) * rows.inner;
                T* to = out + k * rows.inner;
                for (std::ptrdiff_t i = 0; i < rows.inner; ++i) to[i] += from[i];
            }
        };
        if (rows.inner > 1 || rows.length < 2 * Size) {
            for (std::ptrdiff_t k = 0; k <= last; ++k) sum_at(k);
            continue;
        }
        // along x: all between the ends at once, in the same order
        for (std::ptrdiff_t k = Size / 2; k <= last - Size / 2; ++k) {
            T total{};
            for (int n = 0; n < Size; ++n) total += in[k - Size / 2 + n];
            out[k] = total;
        }
        for (std::ptrdiff_t k = 0; k < Size / 2; ++k) {
            sum_at(k);
            sum_at(last - k);
        }
    }
    return sum;
}

}  // namespace aiwave
