// The kernels in plain C++, for any processor.
#include <cmath>

#include "kernels.hpp"
#include "simd.hpp"

namespace aiwave::plain {

namespace {

constexpr int LANES = 8;
constexpr int ROWS = 4;

struct Vec {
    std::int32_t lane[LANES];
};

inline Vec load(const std::int32_t* from) {
    Vec v;
    for (int i = 0; i < LANES; ++i) v.lane[i] = from[i];
    return v;
}

inline void store(std::int32_t* to, const Vec& v) {
    for (int i = 0; i < LANES; ++i) to[i] = v.lane[i];
}

struct Pair {
    std::int32_t first, second;
};

inline Pair both(const std::int16_t* from) { return {from[0], from[1]}; }

// Two weights share a lane: the first in its low half.
inline Vec add_products(Vec sum, Pair x, const Vec& w) {
    for (int i = 0; i < LANES; ++i) {
        const auto bits = static_cast<std::uint32_t>(w.lane[i]);
        sum.lane[i] +=
            x.first * static_cast<std::int16_t>(bits & 0xFFFF) + x.second * static_cast<std::int16_t>(bits >> 16);
    }
    return sum;
}

inline Vec added(Vec a, const Vec& b) {
    for (int i = 0; i < LANES; ++i) a.lane[i] += b.lane[i];
    return a;
}

inline Vec shifted(Vec v, const Vec& shift) {
    for (int i = 0; i < LANES; ++i) v.lane[i] >>= shift.lane[i];
    return v;
}

inline void add_cdf(const float* at, const float* factor, const float* origin, const std::int32_t* weight, int width,
                    const std::int32_t* cdf, int last, std::int32_t* total) {
    for (int i = 0; i < width; ++i) {
        float x = std::floor(at[i] * factor[i]) - origin[i];
        x = x < 0 ? 0 : x > static_cast<float>(last) ? static_cast<float>(last) : x;
        total[i] += cdf[static_cast<int>(x)] * weight[i];
    }
}

#include "kernels_body.hpp"

}  // namespace

const Kernels KERNELS{multiply, clamp, add_tap, bin_tables, viterbi_step};

}  // namespace aiwave::plain

namespace aiwave {

const Kernels& kernels() {
#if defined(__x86_64__)
    switch (current_simd()) {
        case Simd::avx512:
            return avx512::KERNELS;
        case Simd::avx2:
            return avx2::KERNELS;
        default:
            break;
    }
#endif
    return plain::KERNELS;
}

}  // namespace aiwave
