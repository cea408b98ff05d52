#include "trellis.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace aiwave {

namespace {

constexpr int PROBABILITY_BITS = 38, LOG2_BITS = 11, LOG2_FRACTION = 16;
constexpr float INFINITE = std::numeric_limits<float>::infinity();

// The nearest integer, of two the even one, to a number of at most 2**22: beyond 2**23 floats are integers.
inline float nearest(float x) {
    constexpr float BEYOND = 3 << 22;
    return (x + BEYOND) - BEYOND;
}

// log2(1 + m) at the middle of each of 2048 intervals, in units of 2**-16.
const std::vector<std::int32_t>& log2_table() {
    static const std::vector<std::int32_t> table = [] {
        std::vector<std::int32_t> values(1 << LOG2_BITS);
        for (std::size_t k = 0; k < values.size(); ++k) {
            const double mantissa = 1 + (static_cast<double>(k) + 0.5) / (1 << LOG2_BITS);
            values[k] = static_cast<std::int32_t>(std::lround(std::log2(mantissa) * (1 << LOG2_FRACTION)));
        }
        return values;
    }();
    return table;
}

}  // namespace

std::vector<std::int32_t> transitions_into(const std::vector<std::int32_t>& next_state) {
    const std::size_t states = next_state.size() / 2;
    std::vector<std::int32_t> before(next_state.size()), filled(states, 0);
    for (std::size_t way = 0; way < next_state.size(); ++way) {
        const auto into = static_cast<std::size_t>(next_state[way]);
        if (filled[into] == 2) throw std::invalid_argument("a state of the trellis has more than two before it");
        before[static_cast<std::size_t>(filled[into]++) * states + into] = static_cast<std::int32_t>(way);
    }
    return before;
}

std::vector<std::int32_t> successors(const std::vector<std::int32_t>& chains, int length, std::int64_t positions) {
    std::vector<std::int32_t> after(static_cast<std::size_t>(positions), -1);
    for (std::size_t k = 0; k + 1 < chains.size(); ++k) {
        const bool last = (k + 1) % static_cast<std::size_t>(length) == 0;
        if (!last && chains[k] >= 0) after[chains[k]] = chains[k + 1];
    }
    return after;
}

TrellisStates::TrellisStates(const LevelTask& task, int positions)
    : next_(task.context ? task.context->next_state.data() : nullptr), after_(task.after.data()) {
    if (!task.chains.empty()) state_.assign(positions, 0);
}

Candidates::Candidates(float exact) {
    const float size = std::fabs(exact), sign = exact < 0 ? -1.0F : 1.0F;
    const float half_even = 2 * std::max(nearest((size - 1.5F) / 2), 0.0F) + 1.5F;
    value[0] = sign * (2 * nearest(size / 2));
    value[1] = sign * (2 * static_cast<float>(static_cast<std::int32_t>(size / 2)) + 1);
    value[2] = sign * (size < 0.75F ? 0.0F : half_even);
    value[3] = sign * (2 * std::max(nearest((size - 0.5F) / 2), 0.0F) + 0.5F);
    value[4] = value[5] = 0;
}

float bits_of(std::int64_t probability) {
    const int exponent = 63 - __builtin_clzll(static_cast<unsigned long long>(probability));
    const std::int64_t mantissa =
        (probability << (PROBABILITY_BITS - exponent)) - (std::int64_t{1} << PROBABILITY_BITS);
    const std::int32_t fraction = log2_table()[static_cast<std::size_t>(mantissa >> (PROBABILITY_BITS - LOG2_BITS))];
    const std::int32_t bits = ((PROBABILITY_BITS - exponent) << LOG2_FRACTION) - fraction;
    return static_cast<float>(bits) / (1 << LOG2_FRACTION);
}

PathFinder::PathFinder(const LevelTask& task, const StopFlag& stop)
    : task_(task),
      stop_(stop),
      states_(static_cast<int>(task.context->next_state.size() / 2)),
      total_(row()),
      next_(row()) {
    by_second_.resize(static_cast<std::size_t>(states_) * task.chain_length);
    costs_.resize(task.chain_length);
    exists_.resize(task.after.size());
}

// The Viterbi algorithm (Forney, "The Viterbi algorithm", 1973) along CHAINS chains at a time.
void PathFinder::find(const std::array<int, 3>& inside, const float* exact, const float* bits, float slope,
                      std::int32_t* q) {
    set_existing(inside);
    const int chains = static_cast<int>(task_.chains.size()) / task_.chain_length;
    for (int first = 0; first < chains; first += CHAINS) {
        first_ = first;
        count_ = std::min(CHAINS, chains - first);
        stop_.check();
        forward(exact, bits, slope);
        for (int chain = 0; chain < count_; ++chain) back(chain, q);
    }
}

void PathFinder::set_existing(const std::array<int, 3>& inside) {
    const auto [depth, height, width] = task_.size;
    std::size_t at = 0;
    for (int z = 0; z < depth; ++z) {
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x) exists_[at++] = z < inside[0] && y < inside[1] && x < inside[2];
        }
    }
}

std::int32_t PathFinder::position(int chain, int place) const {
    return chain < count_ ? task_.chains[static_cast<std::size_t>(first_ + chain) * task_.chain_length + place] : -1;
}

void PathFinder::forward(const float* exact, const float* bits, float slope) {
    std::fill(total_.begin(), total_.end(), INFINITE);
    std::fill_n(total_.begin(), CHAINS, 0.0F);
    Choices choices;
    for (int place = 0; place < task_.chain_length; ++place) {
        for (int chain = 0; chain < CHAINS; ++chain) {
            const std::int32_t at = position(chain, place);
            const bool exists = at >= 0 && exists_[at];
            choices.exact[chain] = exists ? exact[at] : 0.0F;
            choices.absent[chain] = exists ? 0.0F : INFINITE;
            for (int k = 0; k < CANDIDATES; ++k) {
                choices.bits[k][chain] = exists ? bits[static_cast<std::ptrdiff_t>(at) * CANDIDATES + k] : 0.0F;
            }
        }
        KindCosts& costs = costs_[place];
        kernels().kind_costs(choices, slope, costs);
        for (int chain = 0; chain < CHAINS; ++chain) {
            if (position(chain, place) >= 0) continue;  // after the end, everything is free
            for (auto& cost : costs.cost) cost[chain] = 0;
        }
        kernels().viterbi_step({total_.data(), &costs, task_.context->before.data(), states_, next_.data(),
                                by_second_.data() + static_cast<std::ptrdiff_t>(place) * states_});
        std::swap(total_, next_);
    }
}

void PathFinder::back(int chain, std::int32_t* q) const {
    int state = 0;
    for (int other = 1; other < states_; ++other) {
        if (total_[other * CHAINS + chain] < total_[state * CHAINS + chain]) state = other;
    }
    for (int place = task_.chain_length - 1; place >= 0; --place) {
        const int second_way = by_second_[static_cast<std::ptrdiff_t>(place) * states_ + state] >> chain & 1;
        const std::int32_t way = task_.context->before[second_way * states_ + state];
        state = way >> 1;
        const std::int32_t at = position(chain, place);
        if (at >= 0) q[at] = static_cast<std::int32_t>(2 * costs_[place].value[way & 3][chain]);
    }
}

}  // namespace aiwave
