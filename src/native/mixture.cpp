#include "mixture.hpp"

#include <algorithm>
#include <cmath>

namespace aiwave {

namespace {

constexpr int LOG_SCALE_MIN = -6, LOG_SCALE_MAX = 14, WEIGHT_DROP = 16;
constexpr int MEAN_LIMIT = 64 << PARAMETER_FRACTION;
constexpr int OFFSET_LIMIT = 1 << 13;
constexpr std::int64_t EVERYTHING = std::int64_t{1} << (WEIGHT_BITS + 24);

// The frequency of everything, less what is left for the ones added to those of bins.
constexpr std::int32_t ALL_BINS = (1 << 24) - 16;

// See nearer_edge.
std::int64_t nearer(std::int64_t edge) {
    return nearer_edge(static_cast<std::int32_t>(std::clamp(edge, -FAR_EDGE, FAR_EDGE)));
}

}  // namespace

Mixtures::Mixtures(const Tables& tables, const Density& density, int capacity)
    : tables_(tables),
      density_(density),
      capacity_(whole_rows(capacity)),
      weight_(static_cast<std::size_t>(capacity_) * density.components),
      mean_(weight_.size()),
      scale_(weight_.size()),
      predicted_(capacity_),
      anchor_(capacity_),
      second_(capacity_),
      factor_(weight_.size()),
      origin_(weight_.size()),
      base_(capacity_),
      close_(capacity_),
      bits_(capacity_),
      bins_(static_cast<std::size_t>(capacity_) * BIN_STRIDE, INT32_MAX) {}

void Mixtures::set(const std::int32_t* parameters, int stride, const std::int64_t* predicted,
                   const std::uint8_t* second, int count) {
    set_densities(parameters, stride, predicted, second, count);
    for (int row = 0; row < count; ++row) choose_bins(row);
}

void Mixtures::set_densities(const std::int32_t* parameters, int stride, const std::int64_t* predicted,
                             const std::uint8_t* second, int count) {
    constexpr std::int64_t LIMIT = COEFFICIENT_LIMIT << PREDICTION_FRACTION;
    count_ = count;
    for (int row = 0; row < count; ++row) {
        predicted_[row] = std::clamp(predicted[row], -LIMIT, LIMIT);
        second_[row] = second[row];
        set_row(row, parameters + static_cast<std::ptrdiff_t>(row) * stride);
    }
}

void Mixtures::set_row(int row, const std::int32_t* parameters) {
    constexpr int LOW = LOG_SCALE_MIN * (1 << PARAMETER_FRACTION), HIGH = LOG_SCALE_MAX << PARAMETER_FRACTION;
    const int k_count = density_.components;
    const std::int32_t* mean = parameters + (density_.weighted ? k_count : 0);
    const std::int32_t* log_scale = mean + k_count;
    for (int k = 0; k < k_count; ++k) {
        const std::size_t at = static_cast<std::size_t>(k) * capacity_ + row;
        mean_[at] = std::clamp(mean[k], -MEAN_LIMIT, MEAN_LIMIT);
        scale_[at] = std::clamp(log_scale[k], LOW, HIGH) - LOW;
        weight_[at] = 1 << WEIGHT_BITS;
    }
    if (!density_.weighted) return;
    // The first component takes what the others leave.
    const std::int32_t largest = *std::max_element(parameters, parameters + k_count);
    std::int32_t total = 0;
    for (int k = 0; k < k_count; ++k) {
        const std::int32_t drop = std::min(largest - parameters[k], WEIGHT_DROP << PARAMETER_FRACTION);
        total += weight_[static_cast<std::size_t>(k) * capacity_ + row] = tables_.softmax[drop];
    }
    std::int32_t rest = 1 << WEIGHT_BITS;
    for (int k = 1; k < k_count; ++k) {
        auto& weight = weight_[static_cast<std::size_t>(k) * capacity_ + row];
        weight = static_cast<std::int32_t>((static_cast<std::uint32_t>(weight) << WEIGHT_BITS) /
                                           static_cast<std::uint32_t>(total));
        rest -= weight;
    }
    weight_[row] = rest;
}

// Bins about the mixture's mean: 4**k is between half and twice the mean scale, or 1.
void Mixtures::choose_bins(int row) {
    std::int64_t spread = 0, offset = 0;
    for (int k = 0; k < density_.components; ++k) {
        const std::size_t at = static_cast<std::size_t>(k) * capacity_ + row;
        const std::int64_t weighted = static_cast<std::int64_t>(weight_[at]) * tables_.scale[scale_[at]];
        spread += weighted;
        offset += weighted * mean_[at];
    }
    spread >>= WEIGHT_BITS;
    int log4 = 0;
    while (log4 < MAX_LOG4 && spread >= std::int64_t{32} << 2 * log4) ++log4;
    constexpr int FRACTION = WEIGHT_BITS + 4 + PARAMETER_FRACTION;
    const std::int64_t total = predicted_[row] * (std::int64_t{1} << (FRACTION - PREDICTION_FRACTION)) + offset;
    const std::int64_t centre = (total + (std::int64_t{1} << (FRACTION - 1))) >> FRACTION;
    anchor_[row] = centre - ((std::int64_t{1} << 2 * log4) >> 1);
    const std::int64_t origin = anchor_[row] * (1 << PREDICTION_FRACTION) - HALF_STEP - predicted_[row];
    const std::int64_t base = std::clamp<std::int64_t>(origin >> 2 * log4, -OFFSET_LIMIT, OFFSET_LIMIT);
    base_[row] = static_cast<std::int32_t>(base);
    close_[row] = static_cast<std::int32_t>(std::clamp(anchor_[row], -FAR_EDGE, FAR_EDGE));
    bits_[row] = 2 * log4;
    const int last = cdf().last;
    const auto unit = static_cast<float>(2 << bits_[row]);
    for (int k = 0; k < density_.components; ++k) {
        const std::size_t at = static_cast<std::size_t>(k) * capacity_ + row;
        factor_[at] = tables_.inverse_scale[scale_[at]] * unit;
        origin_[at] = static_cast<float>(2 * mean_[at] - (last + 1) / 2);
    }
}

BinRows Mixtures::bin_rows() const {
    return {weight_.data(), factor_.data(), origin_.data(),      base_.data(), close_.data(),
            bits_.data(),   second_.data(), density_.components, count_,       capacity_};
}

const std::int32_t* Mixtures::bin_tables() {
    kernels().bin_tables(bin_rows(), cdf(), {EDGES.data(), COMMON_FIRST, COMMON_END}, bins_.data());
    for (int row = 0; row < count_; ++row) {
        if (edge_of(row, COMMON_FIRST) > lowest_ && edge_of(row, COMMON_END - 1) <= highest_) continue;
        std::int32_t* own = bins_.data() + static_cast<std::ptrdiff_t>(row) * BIN_STRIDE;
        for (int edge = COMMON_FIRST; edge < COMMON_END; ++edge) {
            own[edge] = folded(own[edge], edge_of(row, edge), ALL_BINS);
        }
    }
    return bins_.data();
}

void Mixtures::below_bins(const int* edge, std::int32_t* out) const {
    for (int row = 0; row < count_; ++row) out[row] = EDGES[edge[row]];
    kernels().below_edges(bin_rows(), cdf(), out, out);
    for (int row = 0; row < count_; ++row) out[row] = folded(out[row], edge_of(row, edge[row]), ALL_BINS);
}

std::int32_t Mixtures::below_bin(int row, int edge) const {
    const CdfTable table = cdf();
    const std::int32_t shift = second_[row] ? nearer_edge(EDGES[edge] * (1 << bits_[row]) + close_[row]) : 0;
    const auto at = static_cast<float>(EDGES[edge] * (1 << PREDICTION_FRACTION) + base_[row] - (shift >> bits_[row]));
    std::int32_t total = 0;
    for (int k = 0; k < density_.components; ++k) {
        const std::size_t own = static_cast<std::size_t>(k) * capacity_ + row;
        const float x = std::floor(at * factor_[own]) - origin_[own];
        total += table.value[static_cast<int>(std::clamp(x, 0.0F, static_cast<float>(table.last)))] * weight_[own];
    }
    return folded((total >> 6) - (total >> 26), edge_of(row, edge), ALL_BINS);
}

std::int64_t Mixtures::cumulative(int row, std::int64_t edge) const {
    std::int64_t distance = edge * (1 << PREDICTION_FRACTION) - HALF_STEP - predicted_[row];
    if (second_[row]) distance -= nearer(edge);
    std::int64_t total = 0;
    for (int k = 0; k < density_.components; ++k) {
        const std::size_t own = static_cast<std::size_t>(k) * capacity_ + row;
        const std::int32_t scale = scale_[own];
        const std::int64_t factor = static_cast<std::int64_t>(tables_.mantissa[scale]) << X_RAISE;
        const std::int64_t origin = (static_cast<std::int64_t>(mean_[own]) - (CDF_RANGE << PARAMETER_FRACTION)) *
                                    (1 << (X_FRACTION - PARAMETER_FRACTION));
        const auto x = std::clamp<std::int64_t>((distance * factor >> tables_.shift[scale]) - origin, 0, X_END);
        const std::int64_t at = x >> X_REST, rest = x & ((1 << X_REST) - 1);
        const std::int64_t value = tables_.cdf[at], step = tables_.cdf[at + 1] - value;
        total += (value + (step * rest >> X_REST)) * weight_[own];
    }
    return folded(total, edge, EVERYTHING);
}

bool Mixtures::split(int first, const std::int64_t* start, int bits, SplitTable& out) const {
    if (kernels().split == nullptr) return false;
    const CdfRows rows{weight_.data(),       mean_.data(),       scale_.data(),     tables_.mantissa.data(),
                       tables_.shift.data(), tables_.cdf.data(), predicted_.data(), second_.data(),
                       density_.components,  capacity_};
    kernels().split(rows, first, start, bits, out);
    for (int row = 0; row < SPLIT_ROWS; ++row) {
        const std::int64_t width = std::int64_t{1} << bits, edge = start[first + row];
        if (edge > lowest_ && edge <= highest_ - SPLIT * width) continue;
        for (int part = 0; part <= SPLIT; ++part) {
            out[part][row] = folded(out[part][row], edge + part * width, EVERYTHING);
        }
    }
    return true;
}

}  // namespace aiwave
