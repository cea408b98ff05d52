// The convolutions in terms of vectors `Vec<T>` of BYTES bytes; included once by each instruction set, inside its
// namespace, which has `add_product` and `add_fused`. No include guard: every inclusion makes another set of functions.

template <class T>
constexpr int LANES = BYTES / static_cast<int>(sizeof(T));

template <class T>
static inline Vec<T> load(const T* from) {
    Vec<T> v;
    std::memcpy(&v, from, sizeof v);
    return v;
}

// Stores the first `count` lanes.
template <class T>
static inline void store(T* to, Vec<T> v, int count) {
    if (count == LANES<T>) {
        std::memcpy(to, &v, BYTES);
    } else {
        std::memcpy(to, &v, static_cast<std::size_t>(count) * sizeof(T));
    }
}

// `Outputs` channels at `Vecs` vectors of positions from `at` on, kept in registers while the inputs pass by. Weights
// lie in rows of `width`. Of the last vector, `count` lanes are stored.
template <class T, bool Fused, int Outputs, int Vecs>
static inline void conv_block(const ConvRun<T>& run, const T* weight, int width, int first, std::ptrdiff_t at,
                              int count) {
    Vec<T> sum[Outputs][Vecs];
    for (int n = 0; n < Outputs; ++n) {
        for (int v = 0; v < Vecs; ++v) sum[n][v] = spread(run.bias[first + n]);
    }
    const T* in = run.in + at;
    for (int c = 0; c < run.inputs; ++c, in += run.in_channel) {
        for (int tap = 0; tap < CONV_TAPS; ++tap, weight += width) {
            Vec<T> x[Vecs];
            for (int v = 0; v < Vecs; ++v) x[v] = load(in + run.offset[tap] + v * LANES<T>);
            for (int n = 0; n < Outputs; ++n) {
                const auto w = spread(weight[n]);
                for (int v = 0; v < Vecs; ++v) {
                    if constexpr (Fused) {
                        sum[n][v] = add_fused(sum[n][v], x[v], w);
                    } else {
                        sum[n][v] = add_product(sum[n][v], x[v], w);
                    }
                }
            }
        }
    }
    for (int n = 0; n < Outputs; ++n) {
        T* out = run.out + (first + n) * run.out_channel + at;
        for (int v = 0; v + 1 < Vecs; ++v) store(out + v * LANES<T>, sum[n][v], LANES<T>);
        store(out + (Vecs - 1) * LANES<T>, sum[n][Vecs - 1], count);
    }
}

// All channels of a block, `Outputs` at a time, at `Vecs` vectors of positions.
template <class T, bool Fused, int Outputs, int Vecs>
static inline void conv_outputs(const ConvRun<T>& run, const T* weight, int width, int first, std::ptrdiff_t at,
                                int count) {
    for (int n = 0; n < width; n += Outputs) {
        conv_block<T, Fused, Outputs, Vecs>(run, weight + n, width, first + n, at, count);
    }
}

template <class T, bool Fused, int Outputs, int Vecs>
static inline void conv_positions(const ConvRun<T>& run, const T* weight, int width, int first, std::ptrdiff_t& at,
                                  std::ptrdiff_t end) {
    for (; at + Vecs * LANES<T> <= end; at += Vecs * LANES<T>) {
        conv_outputs<T, Fused, Outputs, Vecs>(run, weight, width, first, at, LANES<T>);
    }
}

// A block of `width` channels at the positions from `at` to `end`.
template <class T, bool Fused, int Outputs, int Vecs>
static void conv_span(const ConvRun<T>& run, const T* weight, int width, int first, std::ptrdiff_t at,
                      std::ptrdiff_t end) {
    conv_positions<T, Fused, Outputs, Vecs>(run, weight, width, first, at, end);
    conv_positions<T, Fused, Outputs, 1>(run, weight, width, first, at, end);
    if (at < end) conv_outputs<T, Fused, Outputs, 1>(run, weight, width, first, at, static_cast<int>(end - at));
}

template <class T, bool Fused>
static inline void conv(const ConvRun<T>& run) {
    constexpr std::ptrdiff_t CHUNK = 24 * LANES<T>;  // its inputs stay near while all outputs are computed
    for (std::ptrdiff_t at = 0; at < run.count; at += CHUNK) {
        const std::ptrdiff_t end = run.count < at + CHUNK ? run.count : at + CHUNK;
        const T* weight = run.weight;
        for (int first = 0, width; first < run.outputs; first += width) {
            width = conv_block_width(run.outputs - first);
            switch (width) {
                case 8:
                    conv_span<T, Fused, MOST_OUTPUTS, VECS>(run, weight, width, first, at, end);
                    break;
                case 4:
                    conv_span<T, Fused, 4, VECS_OF_4>(run, weight, width, first, at, end);
                    break;
                case 2:
                    conv_span<T, Fused, 2, 4>(run, weight, width, first, at, end);
                    break;
                default:
                    conv_span<T, Fused, 1, 6>(run, weight, width, first, at, end);
            }
            weight += static_cast<std::ptrdiff_t>(run.inputs) * CONV_TAPS * width;
        }
    }
}

static void conv_floats(const ConvRun<float>& run) { conv<float, false>(run); }

static void conv_fused_floats(const ConvRun<float>& run) { conv<float, true>(run); }

static void conv_doubles(const ConvRun<double>& run) { conv<double, false>(run); }

static void conv_pairs(const ConvRun<std::int32_t>& run) { conv<std::int32_t, false>(run); }

// exp(x) - 1 = scale * part + (scale - 1), and exp(x) = scale * part + scale, for x from -87 to 88: `scale` is a power
// of two, and `part` the Taylor series of exp(r) - 1 for the rest r, at most ln(2) / 2 in magnitude.
struct Exponential {
    float part, scale;
};

static inline Exponential exponential(float x) {
    constexpr float MAGIC = 12582912.0F;                         // 1.5 * 2**23: adding it rounds to a whole number
    constexpr float HIGH = 0.693359375F, LOW = -2.12194440e-4F;  // ln(2) in two parts, the first exact when multiplied
    x = x > -87.0F ? x : -87.0F;
    x = x < 88.0F ? x : 88.0F;
    const float whole = (x * 1.44269504F + MAGIC) - MAGIC;
    const float r = (x - whole * HIGH) - whole * LOW;
    float series = 1.0F / 5040;
    series = series * r + 1.0F / 720;
    series = series * r + 1.0F / 120;
    series = series * r + 1.0F / 24;
    series = series * r + 1.0F / 6;
    series = series * r + 0.5F;
    const std::int32_t bits = (static_cast<std::int32_t>(whole) + 127) * (1 << 23);
    float scale;
    std::memcpy(&scale, &bits, sizeof scale);
    return {series * r * r + r, scale};
}

static void tanh_all(float* x, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k) {
        const float size = x[k] < 0 ? -x[k] : x[k];
        const Exponential e = exponential(2.0F * (size < 10.0F ? size : 10.0F));
        const float minus_one = e.scale * e.part + (e.scale - 1.0F);
        const float value = minus_one / (minus_one + 2.0F);
        x[k] = x[k] < 0 ? -value : value;
    }
}

static void silu_all(float* x, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k) {
        const Exponential e = exponential(-x[k]);
        x[k] = x[k] / (e.scale * e.part + e.scale + 1.0F);
    }
}

static void elu_all(float* x, std::size_t count) {
    for (std::size_t k = 0; k < count; ++k) {
        const Exponential e = exponential(x[k] < 0 ? x[k] : 0.0F);
        const float value = e.scale * e.part + (e.scale - 1.0F);
        x[k] = x[k] < 0 ? value : x[k];
    }
}
