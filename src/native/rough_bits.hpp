// Bits of a band's candidates before any look at the entropy model, from magnitudes around.
//
// The twin of coding/rough_bits.py.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "parallel.hpp"

namespace aiwave {

// The tables of coding/rough_bits.py; bits count in units of 2**-16.
struct RoughTables {
    static constexpr int KINDS = 4;       // zero in either quantiser, and cells with half widths of 1/2 and 3/8
    std::vector<std::int32_t> per_width;  // bits per quarter step, by mantissa of the width
    std::vector<std::int32_t> cell;       // (scales, KINDS)

    bool fit() const;
};

// Bits (d, h, w, CANDIDATES) of the candidates for `exact` (d, h, w) in steps, at most 2**22.
void rough_bits(const RoughTables& tables, const std::array<int, 3>& size, const float* exact, const StopFlag& stop,
                float* bits);

}  // namespace aiwave
