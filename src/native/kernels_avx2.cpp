// The kernels for AVX2: eight lanes, products of 16-bit pairs.
#if defined(__x86_64__)

#include <immintrin.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

namespace aiwave::avx2 {

namespace {

using Vec = __m256i;

constexpr int LANES = 8;
constexpr int ROWS = 4;

inline Vec load(const std::int32_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }

inline void store(std::int32_t* to, Vec v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), v); }

inline Vec both(const std::int16_t* from) {
    std::int32_t pair;
    std::memcpy(&pair, from, sizeof pair);
    return _mm256_set1_epi32(pair);
}

inline Vec add_products(Vec sum, Vec x, Vec w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(x, w)); }

inline Vec added(Vec a, Vec b) { return _mm256_add_epi32(a, b); }

inline Vec shifted(Vec v, Vec shift) { return _mm256_srav_epi32(v, shift); }

inline void add_cdf(const float* at, const float* factor, const float* origin, const std::int32_t* weight, int width,
                    const std::int32_t* cdf, int last, std::int32_t* total) {
    const __m256 end = _mm256_set1_ps(static_cast<float>(last));
    for (int i = 0; i < width; i += LANES) {
        // Beyond `width` lanes read zeros and are not stored.
        const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i here = _mm256_cmpgt_epi32(_mm256_set1_epi32(width - i), lanes);
        __m256 x = _mm256_mul_ps(_mm256_maskload_ps(at + i, here), _mm256_maskload_ps(factor + i, here));
        x = _mm256_sub_ps(_mm256_floor_ps(x), _mm256_maskload_ps(origin + i, here));
        x = _mm256_min_ps(_mm256_max_ps(x, _mm256_setzero_ps()), end);
        const __m256i value = _mm256_i32gather_epi32(cdf, _mm256_cvttps_epi32(x), 4);
        const __m256i part = _mm256_mullo_epi32(value, _mm256_maskload_epi32(weight + i, here));
        _mm256_maskstore_epi32(total + i, here, _mm256_add_epi32(_mm256_maskload_epi32(total + i, here), part));
    }
}

// next = min(one + its cost, other + its cost) for every chain -> the chains whose other sum is less, one bit each.
inline std::uint16_t add_compare_select(const float* one, const float* one_cost, const float* other,
                                        const float* other_cost, float* next) {
    int less = 0;
    for (int chain = 0; chain < CHAINS; chain += LANES) {
        const __m256 a = _mm256_add_ps(_mm256_loadu_ps(one + chain), _mm256_loadu_ps(one_cost + chain));
        const __m256 b = _mm256_add_ps(_mm256_loadu_ps(other + chain), _mm256_loadu_ps(other_cost + chain));
        _mm256_storeu_ps(next + chain, _mm256_min_ps(b, a));
        less |= _mm256_movemask_ps(_mm256_cmp_ps(b, a, _CMP_LT_OQ)) << chain;
    }
    return static_cast<std::uint16_t>(less);
}

#include "kernels_body.hpp"

}  // namespace

const Kernels KERNELS{multiply, clamp,   clamp_changed, add_tap, below_edges, bin_tables,
                      nullptr,  collect, activity,      relate,  kind_costs,  viterbi_step};

}  // namespace aiwave::avx2

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
