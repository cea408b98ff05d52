// The kernels in plain C++, for any processor; products of pairs by SSE2 where it is always there.
#include <cmath>
#include <cstdlib>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "kernels.hpp"
#include "simd.hpp"

namespace aiwave::plain {

namespace {

// Four lanes in the vector extension of g++ and clang++, which any processor has in some form.
typedef std::int32_t Vec __attribute__((vector_size(16)));

constexpr int LANES = 4;
constexpr int ROWS = 2;

inline Vec load(const std::int32_t* from) {
    Vec v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

inline void store(std::int32_t* to, const Vec& v) { std::memcpy(to, &v, sizeof v); }

// Two weights share a lane: the first in its low half.
#if defined(__SSE2__)  // every 64-bit x86 has it, and it has no product of 32-bit lanes
inline Vec both(const std::int16_t* from) {
    std::int32_t pair;
    std::memcpy(&pair, from, sizeof pair);
    return Vec{} + pair;
}

inline Vec add_products(Vec sum, Vec x, Vec w) {
    return sum + reinterpret_cast<Vec>(_mm_madd_epi16(reinterpret_cast<__m128i>(x), reinterpret_cast<__m128i>(w)));
}
#else
struct Pair {
    Vec first, second;
};

inline Pair both(const std::int16_t* from) { return {Vec{} + from[0], Vec{} + from[1]}; }

inline Vec add_products(Vec sum, const Pair& x, Vec w) {
    return sum + x.first * ((w << 16) >> 16) + x.second * (w >> 16);
}
#endif

inline Vec added(Vec a, Vec b) { return a + b; }

inline Vec shifted(Vec v, Vec shift) { return v >> shift; }

inline void add_cdf(const float* at, const float* factor, const float* origin, const std::int32_t* weight, int width,
                    const std::int32_t* cdf, int last, std::int32_t* total) {
    for (int i = 0; i < width; ++i) {
        float x = std::floor(at[i] * factor[i]) - origin[i];
        x = x < 0 ? 0 : x > static_cast<float>(last) ? static_cast<float>(last) : x;
        total[i] += cdf[static_cast<int>(x)] * weight[i];
    }
}

// next = min(one + its cost, other + its cost) for every chain -> the chains whose other sum is less, one bit each.
inline std::uint16_t add_compare_select(const float* one, const float* one_cost, const float* other,
                                        const float* other_cost, float* next) {
    std::uint32_t less = 0;
    for (int chain = 0; chain < CHAINS; ++chain) {
        const float a = one[chain] + one_cost[chain], b = other[chain] + other_cost[chain];
        next[chain] = b < a ? b : a;
        less |= std::uint32_t{b < a} << chain;
    }
    return static_cast<std::uint16_t>(less);
}

#include "kernels_body.hpp"

}  // namespace

const Kernels KERNELS{multiply, clamp,   clamp_changed, add_tap, below_edges, bin_tables,
                      nullptr,  collect, activity,      relate,  kind_costs,  viterbi_step};

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
