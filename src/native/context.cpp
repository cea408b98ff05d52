#include "context.hpp"

#include <algorithm>
#include <cstring>
#include <type_traits>

namespace aiwave {

namespace {

constexpr int PREDICTOR_FRACTION = 12;
constexpr int OWN_WIDTH = 2 * CENTRE;  // of one or two inputs for each neighbour, read in pairs

// Copies a row of features; their number is a multiple of LANES.
void copy_row(const std::int32_t* from, std::size_t lanes, std::int32_t* to) {
    constexpr std::size_t LANES = lanes_for(1);
    for (std::size_t n = 0; n < lanes; n += LANES) std::memcpy(to + n, from + n, LANES * sizeof *to);
}

std::int64_t rounded_shift(std::int64_t x, int shift) { return (x + (std::int64_t{1} << shift >> 1)) >> shift; }

}  // namespace

Squash::Squash(std::vector<std::int64_t> thresholds) : thresholds_(std::move(thresholds)), small_(1 << 13) {
    std::size_t reached = 0;
    for (std::size_t q = 0; q < small_.size(); ++q) {
        while (reached < thresholds_.size() && thresholds_[reached] <= static_cast<std::int64_t>(q)) ++reached;
        small_[q] = static_cast<std::int32_t>(reached);
    }
}

std::int32_t Squash::operator()(std::int64_t q) const {
    const std::int64_t size = q < 0 ? -q : q;
    std::int32_t value;
    if (size < static_cast<std::int64_t>(small_.size())) {
        value = small_[static_cast<std::size_t>(size)];
    } else {
        value = static_cast<std::int32_t>(std::upper_bound(thresholds_.begin(), thresholds_.end(), size) -
                                          thresholds_.begin());
    }
    return q < 0 ? -value : value;
}

int ContextModel::widest() const {
    int most = lanes();
    for (const BandLayers* kind : {&coarse0, &coarse1, &own, &widen, &narrowing, &mix, &head}) {
        for (const Layer& layer : kind->layers) most = std::max(most, layer.lanes());
    }
    return most;
}

template <class Element>
LevelContext<Element>::LevelContext(const ContextModel& model, const LevelTables& tables, const BandLayout& layout,
                                    const std::int32_t* coarse, const std::int64_t* approx, const StopFlag& stop)
    : model_(model),
      tables_(tables),
      layout_(layout),
      approx_(approx),
      stop_(stop),
      lanes_(static_cast<std::size_t>(model.lanes())),
      outside_(layout.positions * lanes_),
      near_(static_cast<std::size_t>(layout.cells) * model.own_inputs()),
      known_(BANDS),
      hidden_(model.blocks.size(), std::vector<Element>(layout.cells * lanes_)),
      causal_(layout.offsets(CENTRE + 1, model.lanes())),
      taps_(layout.offsets(TAPS, BANDS)),
      change_(2 * lanes_) {
    const std::size_t longest = static_cast<std::size_t>(std::max(layout.longest_front(), BATCH));
    sum_.resize(longest * lanes_);
    out_.resize(longest * model.widest());
    inputs_.resize(longest * std::max(model.widest(), OWN_WIDTH));
    rows_.resize(longest);
    predicted_.resize(longest);
    if (model.siblings[0].exist()) {
        seen_.resize(static_cast<std::size_t>(layout.cells) * BANDS);
        if (coarse) add_coarse(coarse);
    }
    if (model.cross) from_others_.resize(layout.positions);
}

template <class Element>
void LevelContext<Element>::begin(int band) {
    band_ = band;
    known_[letters()].assign(layout_.cells, 0);
    if (!tables_.second_mix.empty()) {
        std::copy_n(tables_.second_mix.begin() + static_cast<std::ptrdiff_t>(band) * model_.channels, model_.channels,
                    change_.begin() + static_cast<std::ptrdiff_t>(lanes_));
    }
    std::vector<std::int32_t> condition(lanes_, 0);
    std::copy_n(tables_.condition.begin() + static_cast<std::ptrdiff_t>(band) * model_.channels, model_.channels,
                condition.begin());
    for (std::size_t raster = 0; raster < static_cast<std::size_t>(layout_.positions); ++raster) {
        std::int32_t* own = outside_.data() + raster * lanes_;
        const std::int32_t* coarse = coarse_.empty() ? nullptr : coarse_.data() + raster * lanes_;
        for (std::size_t n = 0; n < lanes_; ++n) own[n] = condition[n] + (coarse ? coarse[n] : 0);
    }
    if (model_.siblings[0].exist()) add_siblings();
    if (model_.cross) predict_from_others();
}

template <class Element>
void LevelContext<Element>::mix(int start, int end) {
    const int count = end - start;
    for (int r = 0; r < count; ++r) {
        copy_row(outside_.data() + layout_.order[start + r] * lanes_, lanes_, sum_.data() + r * lanes_);
    }
    if (model_.own.exist()) add_own(start, count);
    add_blocks(start, count);
    if (model_.widen.exist()) {
        const Layer& widen = model_.widen.of(letters());
        widen.set(clamped_rows(sum_, lanes_, count), own_tap_, count, out_.data());
        const auto wide = static_cast<std::size_t>(widen.lanes());
        model_.narrowing.of(letters()).add(clamped_rows(out_, wide, count), own_tap_, count, sum_.data());
    }
    model_.mix.of(letters()).set(clamped_rows(sum_, lanes_, count), own_tap_, count, sum_.data());
    predict(start, count);
}

template <class Element>
void LevelContext<Element>::add_own(int start, int count) {
    Element* in = inputs_.data();
    for (int r = 0; r < count; ++r, in += OWN_WIDTH) {
        rows_[r] = in;
        const std::int32_t cell = layout_.cell[layout_.order[start + r]];
        if (model_.magnitudes) {
            const Element* here = near_.data() + 2 * static_cast<std::ptrdiff_t>(cell);
            for (int tap = 0; tap < CENTRE; ++tap) std::copy_n(here + 2 * layout_.taps[tap], 2, in + 2 * tap);
        } else {
            for (int tap = 0; tap < CENTRE; ++tap) in[tap] = near_[static_cast<std::size_t>(cell + layout_.taps[tap])];
            in[CENTRE] = 0;
        }
    }
    model_.own.of(letters()).add(rows_.data(), own_tap_, count, sum_.data());
}

template <class Element>
void LevelContext<Element>::add_blocks(int start, int count) {
    for (std::size_t k = 0; k < model_.blocks.size(); ++k) {
        for (int r = 0; r < count; ++r) {
            Element* here = hidden_[k].data() + layout_.cell[layout_.order[start + r]] * lanes_;
            clamped(sum_.data() + r * lanes_, lanes_, here);
            rows_[r] = here;
        }
        model_.blocks[k].add(rows_.data(), causal_, count, sum_.data());
    }
}

// Values between 0 and the limit of activations.
template <class Element>
void LevelContext<Element>::clamped(const std::int32_t* in, std::size_t count, Element* out) const {
    if constexpr (std::is_same_v<Element, std::int16_t>) {
        kernels().clamp(in, count, model_.limit, out);
    } else {
        for (std::size_t n = 0; n < count; ++n) out[n] = std::clamp(in[n], 0, model_.limit);
    }
}

// Clamped features (count, width) as the rows of a layer's inputs.
template <class Element>
const Element* const* LevelContext<Element>::clamped_rows(const std::vector<std::int32_t>& features, std::size_t width,
                                                          int count) {
    clamped(features.data(), count * width, inputs_.data());
    for (int r = 0; r < count; ++r) rows_[r] = inputs_.data() + r * width;
    return rows_.data();
}

// Rows of features, changed and clamped, as the rows of a layer's inputs.
template <class Element>
void LevelContext<Element>::clamp_changed(const ChangedRows& rows) {
    if constexpr (std::is_same_v<Element, std::int16_t>) {
        kernels().clamp_changed(rows, model_.limit, inputs_.data());
    } else {
        for (std::size_t r = 0; r < static_cast<std::size_t>(rows.count); ++r) {
            const std::int32_t* from = rows.features + rows.index[r] * lanes_;
            const std::int32_t* change = rows.change + rows.which[r] * lanes_;
            Element* to = inputs_.data() + r * lanes_;
            for (std::size_t n = 0; n < lanes_; ++n) to[n] = std::clamp(from[n] + change[n], 0, model_.limit);
        }
    }
    for (int r = 0; r < rows.count; ++r) rows_[r] = inputs_.data() + r * lanes_;
}

template <class Element>
void LevelContext<Element>::predict(int start, int count) {
    if (tables_.prediction.empty()) {
        std::fill_n(predicted_.begin(), count, 0);
        return;
    }
    const std::int64_t* weight = tables_.prediction.data() + static_cast<std::ptrdiff_t>(band_) * CENTRE;
    const std::int32_t* known = known_[letters()].data();
    for (int r = 0; r < count; ++r) {
        const std::int32_t raster = layout_.order[start + r];
        const std::int32_t* here = known + layout_.cell[raster];
        std::int64_t total = 0;
        for (int tap = 0; tap < CENTRE; ++tap) total += weight[tap] * here[layout_.taps[tap]];
        if (model_.cross) {
            total = total * (1 << APPROX_SHIFT) + static_cast<std::int64_t>(from_others_[raster]);
            predicted_[r] = rounded_shift(total, PREDICTOR_FRACTION + APPROX_SHIFT - PREDICTION_FRACTION);
        } else {
            predicted_[r] = rounded_shift(total, PREDICTOR_FRACTION + model_.dependent - PREDICTION_FRACTION);
        }
    }
}

template <class Element>
const std::int32_t* LevelContext<Element>::parameters(const std::vector<int>& rows, const std::uint8_t* second) {
    const int count = static_cast<int>(rows.size()), size = model_.density.size();
    const auto of_band = [&](const std::vector<std::int32_t>& table) {
        return table.data() + static_cast<std::ptrdiff_t>(band_) * size;
    };
    clamp_changed({sum_.data(), rows.data(), second, change_.data(), count, static_cast<int>(lanes_)});
    model_.head.of(letters()).set(rows_.data(), own_tap_, count, out_.data());
    const std::int32_t* offset = of_band(tables_.head_offset);
    const std::int32_t* change = tables_.second_head.empty() ? nullptr : of_band(tables_.second_head);
    for (int r = 0; r < count; ++r) {
        std::int32_t* own = out_.data() + static_cast<std::ptrdiff_t>(r) * stride();
        for (int n = 0; n < size; ++n) own[n] += offset[n];
        if (!change || !second[r]) continue;
        for (int n = 0; n < size; ++n) own[n] += change[n];
    }
    return out_.data();
}

template <class Element>
void LevelContext<Element>::write(std::int32_t raster, std::int64_t q) {
    const auto cell = static_cast<std::size_t>(layout_.cell[raster]);
    auto squashed = static_cast<Element>(model_.squash(q));
    known_[letters()][cell] = static_cast<std::int32_t>(q);
    near_[cell * model_.own_inputs()] = squashed;
    if (model_.magnitudes) {
        if (squashed < 0) squashed = static_cast<Element>(-squashed);
        near_[cell * 2 + 1] = squashed;
    }
    if (model_.siblings[0].exist()) seen_[cell * BANDS + letters()] = squashed;
}

template class LevelContext<std::int16_t>;
template class LevelContext<std::int32_t>;

}  // namespace aiwave
