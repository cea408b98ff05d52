#include "coarse_context.hpp"

#include <algorithm>
#include <stdexcept>

#include "boundary.hpp"
#include "integer_lifting.hpp"

namespace aiwave {

namespace {

constexpr int FACTOR_BITS = 20;
constexpr int MEAN_SIZE = 5;

// Octaves of magnitudes are divided into about twice as many slices as they have thresholds.
constexpr int SLICE_BITS = 8;
constexpr std::int64_t SLICES = 1 << SLICE_BITS;

inline std::int64_t times(std::int64_t factor, std::int64_t x) {
    return (x * factor + (1 << (FACTOR_BITS - 1))) >> FACTOR_BITS;
}

void clamp_all(Volume<std::int64_t>& x) {
    for (std::int64_t& value : x.data) value = std::clamp(value, -APPROX_LIMIT, APPROX_LIMIT);
}

// The inverse CDF 9/7, every product rounded to the nearest unit, with clamped results; `lazy` only clamps.
class FixedPoint97 : public Scheme<std::int64_t> {
   public:
    FixedPoint97(const std::array<std::int64_t, 7>& factors, bool lazy) : factors_(factors), lazy_(lazy) {}

    void forward(Volume<std::int64_t>&, Volume<std::int64_t>&, int, const Work&) const override {
        throw std::logic_error("the context only reconstructs");
    }

    void inverse(Volume<std::int64_t>& low, Volume<std::int64_t>& high, int axis, const Work&) const override {
        if (!lazy_) {
            const bool single = high.data.empty();
            for (std::int64_t& value : low.data) value = times(factors_[single ? 6 : 4], value);
            for (std::int64_t& value : high.data) value = times(factors_[5], value);
            for (int step = 3; step >= 0 && !single; --step) subtract(step, low, high, axis);
        }
        clamp_all(low);
        clamp_all(high);
    }

   private:
    void subtract(int step, Volume<std::int64_t>& even, Volume<std::int64_t>& odd, int axis) const {
        const Volume<std::int64_t>& source = step % 2 ? odd : even;
        Volume<std::int64_t>& target = step % 2 ? even : odd;
        const std::int64_t factor = factors_[static_cast<std::size_t>(step)];
        const std::vector<int> at = extended(source.size[axis], target.size[axis], step % 2, Boundary::symmetric);
        std::int64_t* out = target.data.data();
        const std::int64_t* in = source.data.data();
        each_run(target.size, source.size, axis, at,
                 [&](std::ptrdiff_t to, std::ptrdiff_t before, std::ptrdiff_t centre, std::ptrdiff_t after,
                     std::ptrdiff_t count) {
                     // an odd sample lies between the even one of its index and the next, an even one before it
                     const std::int64_t *left = in + (step % 2 ? before : centre),
                                        *right = in + (step % 2 ? centre : after);
                     for (std::ptrdiff_t k = 0; k < count; ++k) out[to + k] -= times(factor, left[k] + right[k]);
                 });
    }

    std::array<std::int64_t, 7> factors_;
    bool lazy_;
};

}  // namespace

CoarseTransform::CoarseTransform(const std::array<std::int64_t, 7>& factors, bool reversible, bool sections)
    : reversible_(reversible) {
    level_.levels = 1;
    level_.scheme_of_part = {0, 1, 1, 1, 1, 1, 1};
    for (const bool lazy : {sections, false}) {
        if (reversible) {
            level_.schemes.push_back(reversible53(lazy));
        } else {
            level_.schemes.push_back(std::make_shared<FixedPoint97>(factors, lazy));
        }
    }
}

void CoarseTransform::next(const std::int32_t* details, const std::int64_t* approx, const Size3& size, bool halves,
                           std::int64_t* out) const {
    Volume<std::int64_t> low(band_size(size, 0));
    std::vector<std::int64_t> high(DETAILS * low.data.size());
    const int fraction = reversible_ ? 0 : APPROX_FRACTION - (halves ? 1 : 0);
    for (std::size_t k = 0; k < low.data.size(); ++k)
        low.data[k] = reversible_ ? approx[k] >> APPROX_FRACTION : approx[k];
    for (std::size_t k = 0; k < high.size(); ++k) high[k] = details[k] * (std::int64_t{1} << fraction);
    const Volume<std::int64_t> whole = level_.merged(std::move(low), high.data(), size, Work::inside_a_piece());
    const std::int64_t unit = reversible_ ? 1 << APPROX_FRACTION : 1;
    for (std::size_t k = 0; k < whole.data.size(); ++k) {
        out[k] = std::clamp(whole.data[k] * unit, -APPROX_LIMIT, APPROX_LIMIT);
    }
}

CoarseInputs::Squasher::Squasher(std::vector<std::int64_t> thresholds) : thresholds_(std::move(thresholds)) {
    const auto reached = [this](std::int64_t x) {
        return static_cast<std::int32_t>(std::upper_bound(thresholds_.begin(), thresholds_.end(), x) -
                                         thresholds_.begin());
    };
    for (std::int64_t x = 0; x < 2 * SLICES; ++x) small_.push_back(reached(x));
    for (int shift = 1; shift < 63 - SLICE_BITS; ++shift) {
        for (std::int64_t slice = SLICES; slice < 2 * SLICES; ++slice) first_.push_back(reached(slice << shift));
    }
}

std::int32_t CoarseInputs::Squasher::operator()(std::int64_t x) const {
    const std::int64_t size = x < 0 ? -x : x;
    std::int32_t reached;
    if (size < 2 * SLICES) {
        reached = small_[static_cast<std::size_t>(size)];
    } else {
        const int shift = 63 - SLICE_BITS - __builtin_clzll(static_cast<unsigned long long>(size));
        reached = first_[static_cast<std::size_t>((shift - 2) * SLICES + (size >> shift))];
        const auto count = static_cast<std::int32_t>(thresholds_.size());
        while (reached < count && thresholds_[static_cast<std::size_t>(reached)] <= size) ++reached;
    }
    return x < 0 ? -reached : reached;
}

CoarseInputs::CoarseInputs(std::vector<std::int64_t> of_detail, std::vector<std::int64_t> of_whole)
    : of_detail_(std::move(of_detail)), of_whole_(std::move(of_whole)) {}

void CoarseInputs::operator()(const std::int64_t* approx, const Size3& size, std::int32_t* out) const {
    Volume<std::int64_t> sum(size);
    std::copy_n(approx, sum.data.size(), sum.data.begin());
    for (int axis = 0; axis < 3; ++axis) sum = box_sum<MEAN_SIZE>(sum, axis);
    constexpr std::int64_t count = MEAN_SIZE * MEAN_SIZE * MEAN_SIZE;
    for (std::size_t k = 0; k < sum.data.size(); ++k) {
        out[k] = of_detail_(count * approx[k] - sum.data[k]);
        out[sum.data.size() + k] = of_whole_(approx[k]);
    }
}

}  // namespace aiwave
