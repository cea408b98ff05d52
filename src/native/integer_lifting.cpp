#include "integer_lifting.hpp"

namespace aiwave {

namespace {

constexpr int TAP_FRACTION = 16;

using Signed = std::int64_t;
using Wrapping = std::uint64_t;

// floor(total / 2**16 + 1/2)
inline Wrapping rounded(Wrapping total) {
    constexpr Wrapping half = Wrapping{1} << (TAP_FRACTION - 1);
    return static_cast<Wrapping>(static_cast<Signed>(total + half) >> TAP_FRACTION);
}

// Calls to(k, skip) for `count` targets.
template <class To>
inline void filter(const std::array<Signed, 3>& taps, const Signed* before, const Signed* centre, const Signed* after,
                   std::ptrdiff_t count, To to) {
    const auto x = [](const Signed* in, std::ptrdiff_t k) { return static_cast<Wrapping>(in[k]); };
    const auto first = static_cast<Wrapping>(taps[0]), second = static_cast<Wrapping>(taps[1]),
               third = static_cast<Wrapping>(taps[2]);
    if (first == 0 && second == third) {
        for (std::ptrdiff_t k = 0; k < count; ++k) to(k, second * (x(centre, k) + x(after, k)));
    } else if (third == 0 && first == second) {
        for (std::ptrdiff_t k = 0; k < count; ++k) to(k, first * (x(before, k) + x(centre, k)));
    } else {
        for (std::ptrdiff_t k = 0; k < count; ++k) {
            to(k, first * x(before, k) + second * x(centre, k) + third * x(after, k));
        }
    }
}

inline void add(Signed& to, Wrapping value) { to = static_cast<Signed>(static_cast<Wrapping>(to) + value); }

inline void subtract(Signed& to, Wrapping value) { to = static_cast<Signed>(static_cast<Wrapping>(to) - value); }

}  // namespace

IntegerScheme::IntegerScheme(std::vector<IntegerStep> steps, Boundary boundary)
    : steps_(std::move(steps)), boundary_(boundary) {}

void IntegerScheme::forward(Volume<Signed>& even, Volume<Signed>& odd, int axis, const Work& work) const {
    if (odd.data.empty()) return;
    for (std::size_t step = 0; step < steps_.size(); ++step) lift(step, false, even, odd, axis, work);
}

void IntegerScheme::inverse(Volume<Signed>& low, Volume<Signed>& high, int axis, const Work& work) const {
    if (high.data.empty()) return;
    for (std::size_t step = steps_.size(); step-- > 0;) lift(step, true, low, high, axis, work);
}

void IntegerScheme::lift(std::size_t step, bool inverse, Volume<Signed>& even, Volume<Signed>& odd, int axis,
                         const Work& work) const {
    const int phase = static_cast<int>(step % 2);
    const Volume<Signed>& source = phase ? odd : even;
    Volume<Signed>& target = phase ? even : odd;
    const IntegerStep& own = steps_[step];
    if (!own.net && own.taps == std::array<Signed, 3>{}) return;
    const std::vector<int> at = extended(source.size[axis], target.size[axis], phase, boundary_);
    Volume<Signed> skip(own.net ? target.size : Size3{});
    const Signed* in = source.data.data();
    Signed* data = own.net ? skip.data.data() : target.data.data();
    each_run(target.size, source.size, axis, at,
             [&](std::ptrdiff_t to, std::ptrdiff_t before, std::ptrdiff_t centre, std::ptrdiff_t after,
                 std::ptrdiff_t count) {
                 Signed* out = data + to;
                 const auto run = [&](auto put) { filter(own.taps, in + before, in + centre, in + after, count, put); };
                 if (own.net) {
                     run([out](std::ptrdiff_t k, Wrapping value) { out[k] = static_cast<Signed>(value); });
                 } else if (inverse) {
                     run([out](std::ptrdiff_t k, Wrapping value) { subtract(out[k], rounded(value)); });
                 } else {
                     run([out](std::ptrdiff_t k, Wrapping value) { add(out[k], rounded(value)); });
                 }
             });
    if (!own.net) return;
    const Volume<Signed> shift = (*own.net)(skip, axis, work);
    for (std::size_t k = 0; k < target.data.size(); ++k) {
        const Wrapping total = static_cast<Wrapping>(skip.data[k]) + static_cast<Wrapping>(shift.data[k]);
        inverse ? subtract(target.data[k], rounded(total)) : add(target.data[k], rounded(total));
    }
}

std::shared_ptr<const IntegerScheme> reversible53(bool lazy) {
    const Signed half = lazy ? 0 : Signed{1} << (TAP_FRACTION - 1);
    return std::make_shared<IntegerScheme>(
        std::vector<IntegerStep>{{{0, -half, -half}, nullptr}, {{half / 2, half / 2, 0}, nullptr}},
        Boundary::symmetric);
}

}  // namespace aiwave
