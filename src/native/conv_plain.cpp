// The convolutions for any processor, in vectors of 16 bytes; products of 16-bit pairs by SSE2 where it is always
// there.
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "conv_kernels.hpp"
#include "simd.hpp"

namespace aiwave::plain {

namespace {

constexpr int BYTES = 16;
constexpr int MOST_OUTPUTS = 4, VECS = 2, VECS_OF_4 = 2;

template <class T>
struct VecOf {
    typedef T type __attribute__((vector_size(BYTES)));
};
template <class T>
using Vec = typename VecOf<T>::type;

inline Vec<float> spread(float w) { return Vec<float>{w, w, w, w}; }
inline Vec<double> spread(double w) { return Vec<double>{w, w}; }
inline Vec<float> add_product(Vec<float> sum, Vec<float> x, Vec<float> w) { return sum + x * w; }
inline Vec<float> add_fused(Vec<float> sum, Vec<float> x, Vec<float> w) { return add_product(sum, x, w); }
inline Vec<double> add_product(Vec<double> sum, Vec<double> x, Vec<double> w) { return sum + x * w; }

// Two numbers share a lane: the first in its low half.
inline Vec<std::int32_t> spread(std::int32_t pair) { return Vec<std::int32_t>{} + pair; }

inline Vec<std::int32_t> add_product(Vec<std::int32_t> sum, Vec<std::int32_t> x, Vec<std::int32_t> w) {
#if defined(__SSE2__)
    return sum + reinterpret_cast<Vec<std::int32_t>>(
                     _mm_madd_epi16(reinterpret_cast<__m128i>(x), reinterpret_cast<__m128i>(w)));
#else
    typedef std::uint32_t Bits __attribute__((vector_size(BYTES)));
    const auto low = [](Vec<std::int32_t> v) {
        return reinterpret_cast<Vec<std::int32_t>>(reinterpret_cast<Bits>(v) << 16) >> 16;
    };
    return sum + low(x) * low(w) + (x >> 16) * (w >> 16);
#endif
}

#include "conv_body.hpp"

}  // namespace

const ConvKernels CONV_KERNELS{conv_floats, conv_fused_floats, conv_doubles, conv_pairs, tanh_all, silu_all, elu_all};

}  // namespace aiwave::plain

namespace aiwave {

const ConvKernels& conv_kernels() {
#if defined(__x86_64__)
    switch (current_simd()) {
        case Simd::avx512:
            return avx512::CONV_KERNELS;
        case Simd::avx2:
            return avx2::CONV_KERNELS;
        default:
            break;
    }
#endif
    return plain::CONV_KERNELS;
}

}  // namespace aiwave
