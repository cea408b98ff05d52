// Parts of arbitrary models: the tables of a logistic density, nearly, and layers of random weights.
#pragma once

#include "fuzz_input.hpp"
#include "layer.hpp"
#include "mixture.hpp"
#include "range_coder.hpp"

namespace aiwave {

inline Tables some_tables() {
    Tables tables;
    const auto logistic = [](double x) { return 1 / (1 + std::exp(-x)); };
    for (int k = 0; k <= 32768; ++k) {
        const double edge = k == 0 ? 0 : k == 32768 ? 1 : logistic(k / 1024.0 - 16);
        tables.cdf.push_back(static_cast<std::int32_t>(std::lround(edge * TOTAL)));
    }
    for (int k = 1; k < 32768; k += 2) tables.bin_cdf.push_back(tables.cdf[static_cast<std::size_t>(k)] >> 8);
    for (int k = 0; k <= 20 * 256; ++k) {
        const double scale = std::exp(k / 256.0 - 6);
        const int shift = 10 - static_cast<int>(std::floor(std::log2(1 / scale))) - 1;
        tables.mantissa.push_back(static_cast<std::int32_t>(std::floor(std::ldexp(1 / scale, shift))));
        tables.shift.push_back(shift);
        tables.scale.push_back(static_cast<std::int32_t>(16 * scale));
        tables.inverse_scale.push_back(static_cast<float>(std::ldexp(tables.mantissa.back(), -shift)));
    }
    for (int k = 0; k <= 4096; ++k) tables.softmax.push_back(static_cast<std::int32_t>(65536 * std::exp(-k / 256.0)));
    return tables;
}

inline Layer layer(std::mt19937& random, bool wide, int taps, int width, int outputs) {
    const int most = wide ? 32767 : 9;
    std::vector<std::int16_t> weight(static_cast<std::size_t>(taps) * width * outputs);
    for (auto& value : weight) value = static_cast<std::int16_t>(static_cast<int>(random() % (2 * most + 1)) - most);
    std::vector<std::int64_t> bias(outputs), shift(outputs);
    for (auto& value : bias) value = static_cast<std::int64_t>(random() % 4096) - 2048;
    for (auto& value : shift) value = wide ? 26 + random() % 8 : random() % 8;
    return Layer(weight.data(), bias.data(), shift.data(), taps, width, outputs);
}

}  // namespace aiwave
