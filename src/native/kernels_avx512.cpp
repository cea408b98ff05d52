// The kernels for AVX-512 with VNNI: sixteen lanes, products of 16-bit pairs added in one instruction.
#if defined(__x86_64__)

#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // false, about the compiler's own header (its bug 105593)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cmath>
#include <cstdlib>
#include <cstring>

#include "kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
#endif

namespace aiwave::avx512 {

namespace {

using Vec = __m512i;

constexpr int LANES = 16;
constexpr int ROWS = 8;

inline Vec load(const std::int32_t* from) { return _mm512_loadu_si512(from); }

inline void store(std::int32_t* to, Vec v) { _mm512_storeu_si512(to, v); }

inline Vec both(const std::int16_t* from) {
    std::int32_t pair;
    std::memcpy(&pair, from, sizeof pair);
    return _mm512_set1_epi32(pair);
}

inline Vec add_products(Vec sum, Vec x, Vec w) { return _mm512_dpwssd_epi32(sum, x, w); }

inline Vec added(Vec a, Vec b) { return _mm512_add_epi32(a, b); }

inline Vec shifted(Vec v, Vec shift) { return _mm512_srav_epi32(v, shift); }

inline void add_cdf(const float* at, const float* factor, const float* origin, const std::int32_t* weight, int width,
                    const std::int32_t* cdf, int last, std::int32_t* total) {
    // Beyond `width` lanes read zeros and are not stored.
    const auto here = static_cast<__mmask16>((1U << width) - 1);
    __m512 x = _mm512_mul_ps(_mm512_maskz_loadu_ps(here, at), _mm512_maskz_loadu_ps(here, factor));
    x = _mm512_sub_ps(_mm512_roundscale_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC),
                      _mm512_maskz_loadu_ps(here, origin));
    x = _mm512_min_ps(_mm512_max_ps(x, _mm512_setzero_ps()), _mm512_set1_ps(static_cast<float>(last)));
    const __m512i value = _mm512_i32gather_epi32(_mm512_cvttps_epi32(x), cdf, 4);
    const __m512i part = _mm512_mullo_epi32(value, _mm512_maskz_loadu_epi32(here, weight));
    _mm512_mask_storeu_epi32(total, here, _mm512_add_epi32(_mm512_maskz_loadu_epi32(here, total), part));
}

// next = min(one + its cost, other + its cost) for every chain -> the chains whose other sum is less, one bit each.
inline std::uint16_t add_compare_select(const float* one, const float* one_cost, const float* other,
                                        const float* other_cost, float* next) {
    static_assert(CHAINS == LANES, "all chains fit one vector");
    const __m512 a = _mm512_add_ps(_mm512_loadu_ps(one), _mm512_loadu_ps(one_cost));
    const __m512 b = _mm512_add_ps(_mm512_loadu_ps(other), _mm512_loadu_ps(other_cost));
    _mm512_storeu_ps(next, _mm512_min_ps(b, a));
    return _mm512_cmp_ps_mask(b, a, _CMP_LT_OQ);
}

#include "kernels_body.hpp"

// See `nearer_edge`.
inline __m512i nearer_edges(__m512i edge) {
    const __m512i most = _mm512_set1_epi64(128), four = _mm512_set1_epi64(4);
    edge = _mm512_max_epi64(_mm512_min_epi64(edge, four), _mm512_set1_epi64(-4));
    const __m512i shift = _mm512_sub_epi64(_mm512_slli_epi64(edge, 7), _mm512_set1_epi64(64));
    return _mm512_max_epi64(_mm512_min_epi64(shift, most), _mm512_set1_epi64(-128));
}

inline __m256i load_eight(const std::int32_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
}

// `Mixtures::cumulative` of eight rows at SPLIT + 1 edges.
void split(const CdfRows& rows, int first, const std::int64_t* start, int bits, SplitTable& out) {
    const __m512i from = _mm512_loadu_si512(start + first);
    const __m512i here = _mm512_add_epi64(_mm512_loadu_si512(rows.predicted + first), _mm512_set1_epi64(HALF_STEP));
    const __m128i quantiser = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(rows.second + first));
    const __mmask8 second = static_cast<__mmask8>(_mm_test_epi8_mask(quantiser, quantiser));
    __m512i distance[SPLIT + 1], total[SPLIT + 1];
    for (int part = 0; part <= SPLIT; ++part) {
        const __m512i edge = _mm512_add_epi64(from, _mm512_set1_epi64(static_cast<std::int64_t>(part) << bits));
        distance[part] = _mm512_sub_epi64(_mm512_slli_epi64(edge, PREDICTION_FRACTION), here);
        if (second) distance[part] = _mm512_mask_sub_epi64(distance[part], second, distance[part], nearer_edges(edge));
        total[part] = _mm512_setzero_si512();
    }
    for (int k = 0; k < rows.components; ++k) {
        const std::ptrdiff_t own = static_cast<std::ptrdiff_t>(k) * rows.stride + first;
        const __m256i scale = load_eight(rows.scale + own), mean = load_eight(rows.mean + own);
        const __m512i mantissa = _mm512_cvtepi32_epi64(_mm256_i32gather_epi32(rows.mantissa, scale, 4));
        const __m512i shift = _mm512_cvtepi32_epi64(_mm256_i32gather_epi32(rows.shift, scale, 4));
        const __m512i weight = _mm512_cvtepi32_epi64(load_eight(rows.weight + own));
        const __m512i factor = _mm512_slli_epi64(mantissa, X_RAISE);
        const __m256i moved = _mm256_sub_epi32(mean, _mm256_set1_epi32(CDF_RANGE << PARAMETER_FRACTION));
        const __m512i origin = _mm512_slli_epi64(_mm512_cvtepi32_epi64(moved), X_FRACTION - PARAMETER_FRACTION);
        for (int part = 0; part <= SPLIT; ++part) {
            __m512i x = _mm512_srav_epi64(_mm512_mullo_epi64(distance[part], factor), shift);
            x = _mm512_max_epi64(_mm512_sub_epi64(x, origin), _mm512_setzero_si512());
            x = _mm512_min_epi64(x, _mm512_set1_epi64(X_END));
            // A value of the table and the next one, in either half.
            const __m512i pair = _mm512_i64gather_epi64(_mm512_srli_epi64(x, X_REST), rows.cdf, 4);
            const __m512i value = _mm512_and_si512(pair, _mm512_set1_epi64(0xFFFFFFFF));
            const __m512i step = _mm512_sub_epi64(_mm512_srli_epi64(pair, 32), value);
            const __m512i rest = _mm512_and_si512(x, _mm512_set1_epi64((1 << X_REST) - 1));
            const __m512i more = _mm512_srli_epi64(_mm512_mul_epu32(step, rest), X_REST);
            const __m512i share = _mm512_mul_epu32(_mm512_add_epi64(value, more), weight);
            total[part] = _mm512_add_epi64(total[part], share);
        }
    }
    for (int part = 0; part <= SPLIT; ++part) _mm512_storeu_si512(out[part], total[part]);
}

}  // namespace

const Kernels KERNELS{multiply, clamp,   clamp_changed, add_tap, below_edges, bin_tables,
                      split,    collect, activity,      relate,  kind_costs,  viterbi_step};

}  // namespace aiwave::avx512

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
