#include "trellis.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels.hpp"

namespace aiwave {

namespace {

constexpr int KINDS = 4;
constexpr int PROBABILITY_BITS = 38, LOG2_BITS = 11, LOG2_FRACTION = 16;
constexpr float INFINITE = std::numeric_limits<float>::infinity();

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

// The costs of a band's candidates, and the values that have them: even and odd index in the first quantiser, then in
// the second; (KINDS, positions) both.
struct Costs {
    std::vector<float> cost, value;
};

Costs costs_of(const LevelTask& task, const std::array<int, 3>& inside, const float* exact, const float* bits,
               float slope) {
    const auto [depth, height, width] = task.size;
    const std::size_t positions = static_cast<std::size_t>(depth) * height * width;
    Costs costs{std::vector<float>(KINDS * positions), std::vector<float>(KINDS * positions)};
    std::size_t at = 0;
    for (int z = 0; z < depth; ++z) {
        for (int y = 0; y < height; ++y) {
            for (int x = 0; x < width; ++x, ++at) {
                const bool exists = z < inside[0] && y < inside[1] && x < inside[2];
                Candidates candidates(exact[at]);
                float cost[CANDIDATES];
                for (int k = 0; k < CANDIDATES; ++k) {
                    const float error = candidates.value[k] - exact[at];
                    const float rate = slope * (exists ? bits[k * positions + at] : 0.0F);
                    cost[k] = error * error + rate;
                }
                for (int second : {0, 1}) {
                    const int even = 2 * second, zero = KINDS + second;
                    if (cost[zero] < cost[even]) {
                        cost[even] = cost[zero];
                        candidates.value[even] = 0;
                    }
                    if (!exists) cost[even + 1] = INFINITE;
                }
                for (int kind = 0; kind < KINDS; ++kind) {
                    costs.cost[kind * positions + at] = cost[kind];
                    costs.value[kind * positions + at] = exists ? candidates.value[kind] : 0;
                }
            }
        }
    }
    return costs;
}

}  // namespace

TrellisStates::TrellisStates(const LevelTask& task, int positions)
    : next_(task.context ? task.context->next_state.data() : nullptr) {
    if (task.chains.empty()) return;
    state_.assign(positions, 0);
    after_.assign(positions, -1);
    for (std::size_t k = 0; k + 1 < task.chains.size(); ++k) {
        const bool last = (k + 1) % task.chain_length == 0;
        if (!last && task.chains[k] >= 0) after_[task.chains[k]] = task.chains[k + 1];
    }
}

Candidates::Candidates(float exact) {
    const float size = std::fabs(exact), sign = exact < 0 ? -1.0F : 1.0F;
    const float half_even = 2 * std::max(std::nearbyint((size - 1.5F) / 2), 0.0F) + 1.5F;
    value[0] = sign * (2 * std::nearbyint(size / 2));
    value[1] = sign * (2 * std::floor(size / 2) + 1);
    value[2] = sign * (size < 0.75F ? 0.0F : half_even);
    value[3] = sign * (2 * std::max(std::nearbyint((size - 0.5F) / 2), 0.0F) + 0.5F);
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

// The Viterbi algorithm (Forney, "The Viterbi algorithm", 1973) along CHAINS chains at a time.
void best_path(const LevelTask& task, const std::array<int, 3>& inside, const float* exact, const float* bits,
               float slope, std::int32_t* q) {
    const auto [depth, height, width] = task.size;
    const std::ptrdiff_t positions = static_cast<std::ptrdiff_t>(depth) * height * width;
    const Costs costs = costs_of(task, inside, exact, bits, slope);
    const std::vector<std::int32_t>& next_state = task.context->next_state;
    const int states = static_cast<int>(next_state.size() / 2), length = task.chain_length;
    std::vector<std::int32_t> before(next_state.size()), filled(states, 0);
    for (std::size_t way = 0; way < next_state.size(); ++way) {
        const std::int32_t into = next_state[way];
        before[static_cast<std::size_t>(filled[into]++) * states + into] = static_cast<std::int32_t>(way);
    }
    const std::size_t row = static_cast<std::size_t>(states) * CHAINS;
    std::vector<float> total(row), next(row), own(KINDS * CHAINS);
    std::vector<std::uint8_t> by_second(row * length);
    const int chains = static_cast<int>(task.chains.size()) / length;
    for (int first = 0; first < chains; first += CHAINS) {
        const int count = std::min(CHAINS, chains - first);
        const auto place_of = [&](int chain, int place) {
            return chain < count ? task.chains[static_cast<std::size_t>(first + chain) * length + place] : -1;
        };
        std::fill(total.begin(), total.end(), INFINITE);
        std::fill_n(total.begin(), CHAINS, 0.0F);
        for (int place = 0; place < length; ++place) {
            for (int chain = 0; chain < CHAINS; ++chain) {
                const std::int32_t at = place_of(chain, place);
                for (int kind = 0; kind < KINDS; ++kind) {
                    own[kind * CHAINS + chain] = at < 0 ? 0.0F : costs.cost[kind * positions + at];
                }
            }
            kernels().viterbi_step(
                {total.data(), own.data(), before.data(), states, next.data(), by_second.data() + place * row});
            std::swap(total, next);
        }
        for (int chain = 0; chain < count; ++chain) {
            int state = 0;
            for (int other = 1; other < states; ++other) {
                if (total[other * CHAINS + chain] < total[state * CHAINS + chain]) state = other;
            }
            for (int place = length - 1; place >= 0; --place) {
                const bool second_way = by_second[place * row + state * CHAINS + chain];
                const std::int32_t way = before[static_cast<std::size_t>(second_way) * states + state];
                state = way >> 1;
                const std::int32_t at = place_of(chain, place);
                if (at < 0) continue;
                q[at] = static_cast<std::int32_t>(2 * costs.value[(way & 3) * positions + at]);
            }
        }
    }
}

}  // namespace aiwave
