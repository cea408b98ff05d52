#include "float_lifting.hpp"

namespace aiwave {

namespace {

// Calls to(k, skip) for `count` targets; the order of the sum is PyTorch's.
template <class To>
inline void filter(const std::array<float, 3>& taps, const float* before, const float* centre, const float* after,
                   std::ptrdiff_t count, To to) {
    const float first = taps[0], second = taps[1], third = taps[2];
    for (std::ptrdiff_t k = 0; k < count; ++k) {
        to(k, (first * before[k] + second * centre[k]) + third * after[k]);
    }
}

void lift_plain(const FloatStep& step, bool inverse, Volume<float>& target, const Volume<float>& source, int axis,
                const std::vector<int>& at) {
    float* data = target.data.data();
    const float* in = source.data.data();
    const auto row = [&](std::ptrdiff_t to, std::ptrdiff_t before, std::ptrdiff_t centre, std::ptrdiff_t after,
                         std::ptrdiff_t count) {
        float* own = data + to;
        if (inverse) {
            filter(step.taps, in + before, in + centre, in + after, count,
                   [own](std::ptrdiff_t k, float skip) { own[k] -= skip; });
        } else {
            filter(step.taps, in + before, in + centre, in + after, count,
                   [own](std::ptrdiff_t k, float skip) { own[k] += skip; });
        }
    };
    each_run(target.size, source.size, axis, at, row);
}

void lift_by_net(const FloatStep& step, bool inverse, Volume<float>& target, const Volume<float>& source, int axis,
                 const std::vector<int>& at, const Work& work) {
    Volume<float> skip(target.size);
    float* out = skip.data.data();
    const float* in = source.data.data();
    const auto row = [&](std::ptrdiff_t to, std::ptrdiff_t before, std::ptrdiff_t centre, std::ptrdiff_t after,
                         std::ptrdiff_t count) {
        filter(step.taps, in + before, in + centre, in + after, count,
               [own = out + to](std::ptrdiff_t k, float value) { own[k] = value; });
    };
    each_run(target.size, source.size, axis, at, row);
    const LiftingField field = (*step.net)(skip, axis, inverse, work);  // fused as filters are: both are decoders'
    const bool scales = !field.scale.data.empty();
    for (std::size_t k = 0; k < target.data.size(); ++k) {
        const float total = skip.data[k] + field.shift.data[k];
        float& x = target.data[k];
        if (inverse) {
            x = (scales ? x / field.scale.data[k] : x) - total;
        } else {
            x = scales ? (x + total) * field.scale.data[k] : x + total;
        }
    }
}

void multiply(Volume<float>& x, float gain) {
    for (float& value : x.data) value *= gain;
}

void divide(Volume<float>& x, float gain) {
    for (float& value : x.data) value /= gain;
}

}  // namespace

FloatScheme::FloatScheme(std::vector<FloatStep> steps, Boundary boundary, float low_gain, float high_gain,
                         float flat_gain)
    : steps_(std::move(steps)),
      boundary_(boundary),
      low_gain_(low_gain),
      high_gain_(high_gain),
      flat_gain_(flat_gain) {}

void FloatScheme::forward(Volume<float>& even, Volume<float>& odd, int axis, const Work& work) const {
    if (odd.data.empty()) return multiply(even, flat_gain_);
    for (std::size_t step = 0; step < steps_.size(); ++step) lift(step, false, even, odd, axis, work);
    multiply(even, low_gain_);
    multiply(odd, high_gain_);
}

void FloatScheme::inverse(Volume<float>& low, Volume<float>& high, int axis, const Work& work) const {
    if (high.data.empty()) return divide(low, flat_gain_);
    divide(low, low_gain_);
    divide(high, high_gain_);
    for (std::size_t step = steps_.size(); step-- > 0;) lift(step, true, low, high, axis, work);
}

void FloatScheme::lift(std::size_t step, bool inverse, Volume<float>& even, Volume<float>& odd, int axis,
                       const Work& work) const {
    const int phase = static_cast<int>(step % 2);
    const Volume<float>& source = phase ? odd : even;
    Volume<float>& target = phase ? even : odd;
    const std::vector<int> at = extended(source.size[axis], target.size[axis], phase, boundary_);
    if (steps_[step].net) {
        lift_by_net(steps_[step], inverse, target, source, axis, at, work);
    } else {
        lift_plain(steps_[step], inverse, target, source, axis, at);
    }
}

}  // namespace aiwave
