#include "rough_bits.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "trellis.hpp"

namespace aiwave {

namespace {

constexpr int FRACTION = 12, MANTISSA = 6, BITS_FRACTION = 16;
constexpr int LEAST_EXPONENT = 10, EXPONENTS = 27;
constexpr std::int64_t LEAST = std::int64_t{1} << LEAST_EXPONENT;

// Sums over three neighbours along an axis, with zeros outside: of rows of `length` values `stride` apart.
void add_neighbours(std::vector<std::int64_t>& values, int length, std::ptrdiff_t stride) {
    const auto total = static_cast<std::ptrdiff_t>(values.size());
    for (std::ptrdiff_t block = 0; block < total; block += length * stride) {
        for (std::ptrdiff_t first = block; first < block + stride; ++first) {
            std::int64_t before = 0;
            for (int k = 0; k < length; ++k) {
                std::int64_t& here = values[static_cast<std::size_t>(first + k * stride)];
                const std::int64_t own = here;
                const std::int64_t after =
                    k + 1 < length ? values[static_cast<std::size_t>(first + (k + 1) * stride)] : 0;
                here = before + own + after;
                before = own;
            }
        }
    }
}

int neighbours(int at, int length) { return 1 + (at > 0) + (at + 1 < length); }

// Bits of one coefficient's candidates, where magnitudes around have this width.
void bits_at(const RoughTables& tables, std::int64_t width, float exact, float* bits) {
    const int exponent = 63 - __builtin_clzll(static_cast<unsigned long long>(width));
    const std::int64_t mantissa = (width >> (exponent - MANTISSA)) & ((1 << MANTISSA) - 1);
    const std::int64_t scale = (std::int64_t{exponent - LEAST_EXPONENT} << MANTISSA) + mantissa;
    const std::int32_t* cell = tables.cell.data() + scale * RoughTables::KINDS;
    const Candidates candidates(exact);
    for (int kind = 0; kind < CANDIDATES; ++kind) {
        const auto quarters = static_cast<std::int64_t>(4 * std::fabs(candidates.value[kind]));
        const bool narrow = QUANTISER[kind] == 1 && quarters < 4;
        std::int64_t total = cell[quarters == 0 ? QUANTISER[kind] : narrow ? 3 : 2];
        if (quarters > 0) {
            const std::int64_t inner = std::max<std::int64_t>(quarters - 2, 1);
            total += inner * tables.per_width[static_cast<std::size_t>(mantissa)] >> (exponent - LEAST_EXPONENT);
        }
        bits[kind] = static_cast<float>(total) / (1 << BITS_FRACTION);
    }
}

}  // namespace

bool RoughTables::fit() const {
    return per_width.size() == 1 << MANTISSA && cell.size() == std::size_t{EXPONENTS * KINDS} << MANTISSA;
}

void rough_bits(const RoughTables& tables, const std::array<int, 3>& size, const float* exact, const StopFlag& stop,
                float* bits) {
    const auto [depth, height, width] = size;
    std::vector<std::int64_t> near(static_cast<std::size_t>(depth) * height * width);
    std::int64_t whole = 0;
    for (std::size_t at = 0; at < near.size(); ++at) {
        near[at] = std::llrint(std::fabs(exact[at]) * (1 << FRACTION));
        whole += near[at];
    }
    whole /= static_cast<std::int64_t>(near.size());
    add_neighbours(near, width, 1);
    stop.check();
    add_neighbours(near, height, width);
    stop.check();
    add_neighbours(near, depth, static_cast<std::ptrdiff_t>(height) * width);
    std::size_t at = 0;
    for (int z = 0; z < depth; ++z) {
        stop.check();
        for (int y = 0; y < height; ++y) {
            const int rows = neighbours(z, depth) * neighbours(y, height);
            for (int x = 0; x < width; ++x, ++at) {
                const std::int64_t mean = 4 * near[at] / (rows * neighbours(x, width));
                bits_at(tables, mean + whole + LEAST, exact[at], bits + at * CANDIDATES);
            }
        }
    }
}

}  // namespace aiwave
