// The convolutions for AVX2, in vectors of 32 bytes.
#if defined(__x86_64__)

#include <immintrin.h>

#include <cstring>

#include "conv_kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif

namespace aiwave::avx2 {

namespace {

constexpr int BYTES = 32;
constexpr int MOST_OUTPUTS = 4, VECS = 2, VECS_OF_4 = 2;

template <class T>
struct VecOf {
    typedef T type __attribute__((vector_size(BYTES)));
};
template <class T>
using Vec = typename VecOf<T>::type;

inline Vec<float> spread(float w) { return _mm256_set1_ps(w); }
inline Vec<double> spread(double w) { return _mm256_set1_pd(w); }
inline Vec<float> add_product(Vec<float> sum, Vec<float> x, Vec<float> w) { return sum + x * w; }
inline Vec<float> add_fused(Vec<float> sum, Vec<float> x, Vec<float> w) { return _mm256_fmadd_ps(x, w, sum); }

// Integers, whose sums are exact.
inline Vec<double> add_product(Vec<double> sum, Vec<double> x, Vec<double> w) { return _mm256_fmadd_pd(x, w, sum); }

// Two numbers share a lane.
inline Vec<std::int32_t> spread(std::int32_t pair) { return Vec<std::int32_t>{} + pair; }

inline Vec<std::int32_t> add_product(Vec<std::int32_t> sum, Vec<std::int32_t> x, Vec<std::int32_t> w) {
    return sum + reinterpret_cast<Vec<std::int32_t>>(
                     _mm256_madd_epi16(reinterpret_cast<__m256i>(x), reinterpret_cast<__m256i>(w)));
}

#include "conv_body.hpp"

}  // namespace

const ConvKernels CONV_KERNELS{conv_floats, conv_fused_floats, conv_doubles, conv_pairs, tanh_all, silu_all, elu_all};

}  // namespace aiwave::avx2

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

#endif
