// The separable transform: a one-dimensional split along every axis, over several levels
// (models/transform/separable.py).
#pragma once

#include <memory>
#include <vector>

#include "volume.hpp"
#include "work.hpp"

namespace aiwave {

// A one-dimensional transform of the even and odd samples along an axis, in place: they become the low and high half.
template <class T>
class Scheme {
   public:
    virtual ~Scheme() = default;
    virtual void forward(Volume<T>& even, Volume<T>& odd, int axis, const Work& work) const = 0;
    virtual void inverse(Volume<T>& low, Volume<T>& high, int axis, const Work& work) const = 0;
};

constexpr int PARTS = 7, DETAILS = 7;

// The size of a band, by its index among a level's eight, of a level that splits `size`.
inline Size3 band_size(Size3 size, int letters) {
    for (int axis = 0; axis < 3; ++axis) size = half_size(size, axis, letters >> (2 - axis) & 1);
    return size;
}

// The size that a level splits, where the finest level, 0, splits `size`.
inline Size3 split_at(Size3 size, int level) {
    for (int k = 0; k < level; ++k) size = band_size(size, 0);
    return size;
}

// A level splits z, then y of both halves, then x of all quarters; the next level splits LLL again.
template <class T>
struct Separable {
    int levels = 0;
    std::array<int, PARTS> scheme_of_part{};  // for the part split along z, the two along y, the four along x
    std::vector<std::shared_ptr<const Scheme<T>>> schemes;

    // A volume -> the bands of each level, from coarse to fine: (8, d, h, w) with LLL first, then (7, d, h, w), all
    // zero when called.
    void forward(Volume<T> x, const std::vector<T*>& stacks, const Work& work) const {
        for (int level = levels - 1; level >= 0; --level) {
            std::vector<Volume<T>> parts{std::move(x)};
            for (int axis = 0; axis < 3; ++axis) parts = split(std::move(parts), axis, work);
            const std::size_t band = positions(parts[0].size);
            T* stack = stacks[static_cast<std::size_t>(level)] + (level == 0 ? band : 0);
            for (std::size_t k = 1; k < parts.size(); ++k) store(parts[k], parts[0].size, stack + (k - 1) * band);
            x = std::move(parts[0]);
        }
        std::copy(x.data.begin(), x.data.end(), stacks[0]);
    }

    // The inverse: the bands of the coarsest levels -> the volume of `size`, which the finest of them splits.
    Volume<T> inverse(const std::vector<const T*>& stacks, const Size3& size, const Work& work) const {
        const int count = static_cast<int>(stacks.size());
        Volume<T> approx(band_size(split_at(size, count - 1), 0));
        std::copy_n(stacks[0], approx.data.size(), approx.data.begin());
        for (int level = 0; level < count; ++level) {
            const T* details = stacks[static_cast<std::size_t>(level)] + (level == 0 ? positions(approx.size) : 0);
            approx = merged(std::move(approx), details, split_at(size, count - 1 - level), work);
        }
        return approx;
    }

    // One level of the inverse: LLL and the seven other bands, as they are stored -> the volume of `size`.
    Volume<T> merged(Volume<T> low, const T* details, const Size3& size, const Work& work) const {
        const Size3 stored = low.size;
        std::vector<Volume<T>> parts{std::move(low)};
        for (int k = 1; k <= DETAILS; ++k) parts.push_back(loaded(details, stored, k, band_size(size, k)));
        for (int axis = 2; axis >= 0; --axis) parts = join(std::move(parts), axis, work);
        return std::move(parts[0]);
    }

   private:
    const Scheme<T>& scheme(int axis, std::size_t part) const {
        const std::size_t first = (std::size_t{1} << axis) - 1;
        return *schemes[static_cast<std::size_t>(scheme_of_part[first + part])];
    }

    std::vector<Volume<T>> split(std::vector<Volume<T>> parts, int axis, const Work& work) const {
        std::vector<Volume<T>> halves;
        for (std::size_t k = 0; k < parts.size(); ++k) {
            work.check();
            Volume<T> even = half_of(parts[k], axis, 0), odd = half_of(parts[k], axis, 1);
            parts[k] = Volume<T>();
            if (!even.data.empty()) scheme(axis, k).forward(even, odd, axis, work);
            halves.push_back(std::move(even));
            halves.push_back(std::move(odd));
        }
        return halves;
    }

    std::vector<Volume<T>> join(std::vector<Volume<T>> halves, int axis, const Work& work) const {
        std::vector<Volume<T>> parts;
        for (std::size_t k = 0; k < halves.size() / 2; ++k) {
            work.check();
            Volume<T>&low = halves[2 * k], &high = halves[2 * k + 1];
            if (!low.data.empty()) scheme(axis, k).inverse(low, high, axis, work);
            parts.push_back(interleaved(low, high, axis));
            low = high = Volume<T>();
        }
        return parts;
    }

    // Copies a band to the near corner of one of the size of its level's bands.
    static void store(const Volume<T>& band, const Size3& stored, T* out) {
        const T* in = band.data.data();
        for (int z = 0; z < band.size[0]; ++z) {
            for (int y = 0; y < band.size[1]; ++y, in += band.size[2]) {
                std::copy_n(in, band.size[2], out + (std::ptrdiff_t{z} * stored[1] + y) * stored[2]);
            }
        }
    }

    // The inverse of `store`, for band k of a level's details.
    static Volume<T> loaded(const T* details, const Size3& stored, int k, const Size3& own) {
        Volume<T> band(own);
        const T* in = details + static_cast<std::size_t>(k - 1) * positions(stored);
        T* out = band.data.data();
        for (int z = 0; z < own[0]; ++z) {
            for (int y = 0; y < own[1]; ++y, out += own[2]) {
                std::copy_n(in + (std::ptrdiff_t{z} * stored[1] + y) * stored[2], own[2], out);
            }
        }
        return band;
    }
};

}  // namespace aiwave
