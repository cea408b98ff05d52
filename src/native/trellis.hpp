// Dependent quantisation: the states along a band's chains, and the cheapest path through the trellis.
//
// The twin of models/quantisation/trellis.py and dependent.py.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels.hpp"
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
    const std::int32_t* after_;
    std::vector<std::uint16_t> state_;
};

// The two transitions into each state, (2, states), as 2 * (previous state) + parity, given each state's successors
// (states, 2). Throws std::invalid_argument if a state has more.
std::vector<std::int32_t> transitions_into(const std::vector<std::int32_t>& next_state);

// The position after each in its chain, -1 at the end, given chains (n, length).
std::vector<std::int32_t> successors(const std::vector<std::int32_t>& chains, int length, std::int64_t positions);

// The quantisers of a coefficient's candidates (see Choices).
constexpr int QUANTISER[CANDIDATES] = {0, 0, 1, 1, 0, 1};

// The values of a coefficient's candidates, for one of at most 2**22 in magnitude.
struct Candidates {
    explicit Candidates(float exact);
    float value[CANDIDATES];  // in steps
};

// Bits of an interval with this probability, in units of 2**-38: 38 - log2, from a table of 2048 mantissas.
float bits_of(std::int64_t probability);

// The cheapest paths through the trellis for the bands of a level.
class PathFinder {
   public:
    PathFinder(const LevelTask& task, const StopFlag& stop);

    // Sets `q` (d, h, w) to the path for `exact`, given the `bits` (d, h, w, CANDIDATES) of the candidates.
    void find(const std::array<int, 3>& inside, const float* exact, const float* bits, float slope, std::int32_t* q);

   private:
    std::size_t row() const { return static_cast<std::size_t>(states_) * CHAINS; }
    void set_existing(const std::array<int, 3>& inside);
    std::int32_t position(int chain, int place) const;
    void forward(const float* exact, const float* bits, float slope);
    void back(int chain, std::int32_t* q) const;

    const LevelTask& task_;
    const StopFlag& stop_;
    int states_, first_ = 0, count_ = 0;  // the chains that are followed
    std::vector<float> total_, next_;
    std::vector<std::uint16_t> by_second_;  // by place and state
    std::vector<KindCosts> costs_;          // by place
    std::vector<std::uint8_t> exists_;      // by raster index
};

}  // namespace aiwave
