// Dependent quantisation: the states along a band's chains, and the cheapest path through the trellis.
//
// The twin of models/quantisation/trellis.py and dependent.py.
#pragma once

#include <cstdint>
#include <vector>

#include "level_coder.hpp"

namespace aiwave {

inline std::int64_t sign_of(std::int64_t x) { return (x > 0) - (x < 0); }

// The index in a quantiser of a coefficient in half steps, and back.
inline std::int64_t index_of(std::int64_t halves, int second) { return (halves + second * sign_of(halves)) >> 1; }
inline std::int64_t halves_of(std::int64_t index, int second) { return 2 * index - second * sign_of(index); }

// The states of one band; without a trellis, none.
class TrellisStates {
   public:
    TrellisStates(const LevelTask& task, int positions);

    bool used() const { return !state_.empty(); }
    std::uint8_t second(std::int32_t raster) const { return used() ? state_[raster] & 1 : 0; }
    // Goes on along the chain, from a position whose index is known.
    void advance(std::int32_t raster, std::int64_t index) {
        if (after_[raster] >= 0) {
            state_[after_[raster]] = static_cast<std::uint16_t>(next_[2 * state_[raster] + (index & 1)]);
        }
    }

   private:
    const std::int32_t* next_;
    std::vector<std::int32_t> after_;
    std::vector<std::uint16_t> state_;
};

// The candidates of a coefficient: the nearest with even and odd index in the first quantiser, the same in the second,
// and zero in either.
constexpr int CANDIDATES = 6;
constexpr int QUANTISER[CANDIDATES] = {0, 0, 1, 1, 0, 1};

struct Candidates {
    explicit Candidates(float exact);
    float value[CANDIDATES];  // in steps
};

// Bits of an interval with this probability, in units of 2**-38: 38 - log2, from a table of 2048 mantissas.
float bits_of(std::int64_t probability);

// Replaces `q` (d, h, w) by the cheapest path for `exact`, given the `bits` (6, d, h, w) of the candidates.
void best_path(const LevelTask& task, const std::array<int, 3>& inside, const float* exact, const float* bits,
               float slope, std::int32_t* q);

}  // namespace aiwave
