// Feeds arbitrary coefficients to what follows their decoding, with arbitrary models, for libFuzzer: `make fuzz`.
//
// Transforms in integers must invert, nothing may depend on the number of threads, and the coarse context must stay
// within its bounds.
#include <cstring>
#include <memory>
#include <stdexcept>

#include "coarse_context.hpp"
#include "float_lifting.hpp"
#include "fuzz_input.hpp"
#include "integer_lifting.hpp"
#include "post_filter.hpp"

namespace {

using namespace aiwave;

Work threads(int count) {
    return Work(count, [] { return false; });
}

Padding any_padding(Input& input) { return static_cast<Padding>(input.below(4)); }

// Coefficients as the input's bytes tell, then zeros; `most` in magnitude.
template <class T>
std::vector<T> coefficients(Input& input, std::size_t count, std::int64_t most) {
    std::vector<T> values(count);
    const bool extreme = input.below(4) == 0;
    for (std::size_t k = 0; k < count && input.left() > 0; ++k) {
        const int value = input.below(256) - 128;
        values[k] = static_cast<T>(extreme ? value * (most / 128) : value);
    }
    return values;
}

IntegerConv integer_conv(std::mt19937& random, int inputs, int outputs, std::int64_t limit) {
    const auto weight =
        numbers<std::int16_t>(random, std::size_t{CONV_TAPS} * inputs * outputs, random() % 2 ? 32767 : 90);
    const auto bias = numbers<std::int64_t>(random, outputs, 1 << 20);
    std::vector<std::int64_t> shift(outputs);
    for (auto& value : shift) value = 8 + random() % 30;
    return IntegerConv(weight.data(), bias.data(), shift.data(), inputs, outputs, limit);
}

std::shared_ptr<IntegerNet> integer_net(Input& input, std::mt19937& random) {
    const int width = 1 + input.below(10);
    const std::int64_t limit = input.below(2) ? 2047 : 32767 + input.below(2);
    const auto factor = [&] {
        return Factor{1 + static_cast<std::int64_t>(random() % ((1 << 22) - 1)), 1 + static_cast<int>(random() % 40)};
    };
    const Factor in = factor(), out = factor();
    IntegerConv first = integer_conv(random, 1, width, limit);
    std::vector<IntegerConv> inner;
    for (int k = input.below(3); k > 0; --k) inner.push_back(integer_conv(random, width, width, 2047));
    const auto tanh = numbers<std::int16_t>(random, 2 * static_cast<std::size_t>(limit) + 1, 2047);
    return std::make_shared<IntegerNet>(in, out, any_padding(input), any_padding(input), std::move(first),
                                        std::move(inner), integer_conv(random, width, 1, limit), tanh);
}

FloatConv float_conv(std::mt19937& random, int inputs, int outputs) {
    std::vector<float> weight(std::size_t{CONV_TAPS} * inputs * outputs), bias(outputs);
    const float scale = random() % 8 ? 0.1F : 1e20F;
    for (float& value : weight) value = scale * (static_cast<float>(random() % 2001) / 1000 - 1);
    for (float& value : bias) value = static_cast<float>(random() % 2001) / 1000 - 1;
    return FloatConv(weight.data(), bias.data(), inputs, outputs);
}

std::vector<FloatConv> float_convs(std::mt19937& random, int count, int width) {
    std::vector<FloatConv> convs;
    for (int k = 0; k < count; ++k) convs.push_back(float_conv(random, width, width));
    return convs;
}

std::shared_ptr<LiftingNet> float_net(Input& input, std::mt19937& random) {
    const int width = 1 + input.below(10);
    LiftingNet net{100.0F,
                   10.0F,
                   static_cast<Activation>(input.below(5)),
                   any_padding(input),
                   any_padding(input),
                   static_cast<float>(input.below(3)),
                   float_conv(random, 1, width),
                   float_convs(random, input.below(3), width),
                   float_conv(random, width, 1),
                   std::nullopt};
    if (input.below(2)) net.scale_head = float_conv(random, width, 1);
    return std::make_shared<LiftingNet>(std::move(net));
}

std::unique_ptr<Filter> filter(Input& input, std::mt19937& random) {
    const int width = 1 + input.below(20), count = input.below(4);
    if (input.below(2)) {
        return std::make_unique<StepFilter>(float_conv(random, 2, width), float_convs(random, count, width),
                                            float_conv(random, width, 1));
    }
    std::vector<std::pair<FloatConv, FloatConv>> blocks;
    for (int k = 0; k < count; ++k)
        blocks.emplace_back(float_conv(random, width, width), float_conv(random, width, width));
    return std::make_unique<PublishedFilter>(255.0F, float_conv(random, 1, width), std::move(blocks),
                                             float_conv(random, width, width), float_conv(random, width, 1));
}

Boundary any_boundary(Input& input) { return input.below(2) ? Boundary::published : Boundary::symmetric; }

std::shared_ptr<const Scheme<std::int64_t>> integer_scheme(Input& input, std::mt19937& random) {
    if (input.below(4) == 0) return reversible53(input.below(2) == 0);
    std::vector<IntegerStep> steps;
    for (int k = 2 * (1 + input.below(2)); k > 0; --k) {
        const auto taps = numbers<std::int64_t>(random, 3, 1 << 17);
        steps.push_back({{taps[0], taps[1], taps[2]}, input.below(2) ? integer_net(input, random) : nullptr});
    }
    return std::make_shared<IntegerScheme>(std::move(steps), any_boundary(input));
}

std::shared_ptr<const Scheme<float>> float_scheme(Input& input, std::mt19937& random) {
    std::vector<FloatStep> steps;
    for (int k = 2 * (1 + input.below(2)); k > 0; --k) {
        steps.push_back({{-0.5F, 0.25F, -1.5F}, input.below(2) ? float_net(input, random) : nullptr});
    }
    return std::make_shared<FloatScheme>(std::move(steps), any_boundary(input), 1.23F, 0.81F, 0.7F);
}

// Coefficients of each level, zero where a band is smaller than its level's bands.
template <class T>
std::vector<std::vector<T>> stacks_of(Input& input, int levels, const Size3& size, std::int64_t most) {
    std::vector<std::vector<T>> stacks;
    for (int level = 0; level < levels; ++level) {
        const Size3 whole = split_at(size, levels - 1 - level), band = band_size(whole, 0);
        const int first = level == 0 ? 0 : 1;
        stacks.push_back(coefficients<T>(input, (DETAILS + 1 - first) * positions(band), most));
        for (int letters = first; letters <= DETAILS; ++letters) {
            const Size3 own = band_size(whole, letters);
            T* to = stacks.back().data() + (letters - first) * positions(band);
            for (int z = 0; z < band[0]; ++z) {
                for (int y = 0; y < band[1]; ++y) {
                    for (int x = 0; x < band[2]; ++x, ++to) {
                        if (z >= own[0] || y >= own[1] || x >= own[2]) *to = 0;
                    }
                }
            }
        }
    }
    return stacks;
}

template <class T>
std::vector<const T*> pointers(const std::vector<std::vector<T>>& stacks) {
    std::vector<const T*> all;
    for (const auto& stack : stacks) all.push_back(stack.data());
    return all;
}

template <class T>
bool same(const Volume<T>& one, const Volume<T>& other) {
    return one.size == other.size && std::memcmp(one.data.data(), other.data.data(), one.data.size() * sizeof(T)) == 0;
}

template <class T, class Made>
Separable<T> transform_of(Input& input, std::mt19937& random, Made scheme) {
    Separable<T> transform;
    transform.levels = 1 + input.below(3);
    const int kinds = 1 + input.below(2);
    for (int& part : transform.scheme_of_part) part = input.below(kinds);
    for (int k = 0; k < kinds; ++k) transform.schemes.push_back(scheme(input, random));
    return transform;
}

constexpr std::int64_t COEFFICIENTS = (1 << 23) - 1;

void integers(Input& input, std::mt19937& random, const Size3& size) {
    const auto transform = transform_of<std::int64_t>(input, random, integer_scheme);
    const auto stacks = stacks_of<std::int64_t>(input, transform.levels, size, COEFFICIENTS);
    const auto volume = transform.inverse(pointers(stacks), size, threads(1));
    require(same(volume, transform.inverse(pointers(stacks), size, threads(2))));
    std::vector<std::vector<std::int64_t>> again;
    std::vector<std::int64_t*> to;
    for (const auto& stack : stacks) again.emplace_back(stack.size(), 0);
    for (auto& stack : again) to.push_back(stack.data());
    transform.forward(volume, to, threads(1));
    require(again == stacks);
}

void floats(Input& input, std::mt19937& random, const Size3& size) {
    const auto transform = transform_of<float>(input, random, float_scheme);
    const auto filtering = filter(input, random);
    auto stacks = stacks_of<float>(input, transform.levels, size, COEFFICIENTS);
    const float step = std::array<float, 3>{1e-3F, 5.6F, 1e4F}[static_cast<std::size_t>(input.below(3))];
    for (auto& stack : stacks) {
        for (float& value : stack) value *= step;
    }
    const auto volume = transform.inverse(pointers(stacks), size, threads(1));
    require(same(volume, transform.inverse(pointers(stacks), size, threads(2))));
    require(same((*filtering)(volume, step, step, threads(1)), (*filtering)(volume, step, step, threads(2))));
}

void coarse(Input& input, const Size3& size) {
    constexpr std::int64_t UNIT = 1 << 20;
    const CoarseTransform transform({-1663251, -55551, 925821, 465070, UNIT * 9 / 8, UNIT * 8 / 9, UNIT},
                                    input.below(2) == 0, input.below(2) == 0);
    static const CoarseInputs inputs(asinh_thresholds(2300), asinh_thresholds(2000));
    const Size3 band = band_size(size, 0);
    const bool halves = input.below(2);
    const auto approx = coefficients<std::int64_t>(input, positions(band), APPROX_LIMIT);
    const auto details = coefficients<std::int32_t>(input, DETAILS * positions(band), 2 * COEFFICIENTS);
    std::vector<std::int64_t> next(positions(size));
    transform.next(details.data(), approx.data(), size, halves, next.data());
    for (std::int64_t value : next) require(std::abs(value) <= APPROX_LIMIT);
    std::vector<std::int32_t> both(2 * next.size());
    inputs(next.data(), size, both.data());
    for (std::int32_t value : both) require(std::abs(value) < 2300);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    std::mt19937 random(static_cast<unsigned>(input.below(256)));
    Size3 volume{};
    for (int& side : volume) side = 1 + input.below(12);
    const int kind = input.below(3);
    try {
        if (kind == 0) integers(input, random, volume);
        if (kind == 1) floats(input, random, volume);
        if (kind == 2) coarse(input, volume);
    } catch (const std::invalid_argument&) {
        return 0;  // a model that is refused
    }
    return 0;
}
