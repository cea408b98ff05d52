// The convolutions for AVX-512 with VNNI, in vectors of 64 bytes.
#if defined(__x86_64__)

#if !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // false, about the compiler's own header (its bug 105593)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <immintrin.h>

#include <cstring>

#include "conv_kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni"))), \
                             apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")
#endif

namespace aiwave::avx512 {

namespace {

constexpr int BYTES = 64;
constexpr int MOST_OUTPUTS = 8, VECS = 3, VECS_OF_4 = 4;

template <class T>
struct VecOf {
    typedef T type __attribute__((vector_size(BYTES)));
};
template <class T>
using Vec = typename VecOf<T>::type;

inline Vec<float> spread(float w) { return _mm512_set1_ps(w); }
inline Vec<double> spread(double w) { return _mm512_set1_pd(w); }
inline Vec<float> add_product(Vec<float> sum, Vec<float> x, Vec<float> w) { return sum + x * w; }
inline Vec<float> add_fused(Vec<float> sum, Vec<float> x, Vec<float> w) { return _mm512_fmadd_ps(x, w, sum); }

// Integers, whose sums are exact.
inline Vec<double> add_product(Vec<double> sum, Vec<double> x, Vec<double> w) { return _mm512_fmadd_pd(x, w, sum); }

// Two numbers share a lane.
inline Vec<std::int32_t> spread(std::int32_t pair) { return Vec<std::int32_t>{} + pair; }

inline Vec<std::int32_t> add_product(Vec<std::int32_t> sum, Vec<std::int32_t> x, Vec<std::int32_t> w) {
    return reinterpret_cast<Vec<std::int32_t>>(_mm512_dpwssd_epi32(
        reinterpret_cast<__m512i>(sum), reinterpret_cast<__m512i>(x), reinterpret_cast<__m512i>(w)));
}

#include "conv_body.hpp"

}  // namespace

const ConvKernels CONV_KERNELS{conv_floats, conv_fused_floats, conv_doubles, conv_pairs, tanh_all, silu_all, elu_all};

}  // namespace aiwave::avx512

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
