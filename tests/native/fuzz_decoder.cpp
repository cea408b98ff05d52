// Feeds arbitrary segments to the decoder, with arbitrary models, for libFuzzer: `make fuzz`.
//
// Whatever it decodes must encode, and decode to the same again.
#include "fuzz_input.hpp"
#include "fuzz_models.hpp"
#include "level_coder.hpp"
#include "range_coder.hpp"
#include "trellis.hpp"

namespace {

using namespace aiwave;

struct Made {
    ContextModel context;
    FactorizedModel factorized;
    LevelTask task;
    std::vector<std::int32_t> coarse;
    std::vector<std::int64_t> approx;
};

void make_layers(Made& made, Input& input, std::mt19937& random, bool wide) {
    ContextModel& model = made.context;
    const int c = model.channels;
    const int kinds = input.below(2) ? BANDS : 1;  // oriented or not
    const auto fill = [&](BandLayers& to, int count, int taps, int width, int outputs) {
        for (int k = 0; k < count; ++k) to.layers.push_back(layer(random, wide, taps, width, outputs));
    };
    if (model.cross || input.below(4)) {
        fill(model.coarse0, 1, TAPS, 2, c);
        fill(model.coarse1, 1, TAPS, c, c);
        for (int first : {0, 1}) {
            for (int letters = 0; letters < BANDS; ++letters) {
                const int width = (std::max(letters - first, 0) + 1) / 2 * 2;
                model.siblings[first].layers.push_back(layer(random, wide, TAPS, width, c));
            }
        }
    }
    if (model.dependent || model.cross || input.below(4)) fill(model.own, kinds, 1, CENTRE * model.own_inputs(), c);
    if (kinds == BANDS) {
        fill(model.widen, kinds, 1, c, 2 * c);
        fill(model.narrowing, kinds, 1, 2 * c, c);
    }
    fill(model.mix, kinds, 1, c, c);
    fill(model.head, kinds, 1, c, model.density.size());
    for (int k = input.below(3); k > 0; --k) model.blocks.push_back(layer(random, wide, CENTRE + 1, c, c));
}

// Chains along x, in any order: the decoder must not care.
void make_chains(LevelTask& task, std::int64_t positions) {
    task.chain_length = task.size[2];
    for (std::int64_t k = 0; k < positions; ++k) task.chains.push_back(static_cast<std::int32_t>(k));
    task.after = successors(task.chains, task.chain_length, positions);
}

void make(Made& made, Input& input) {
    static const Tables tables = some_tables();
    std::mt19937 random(static_cast<unsigned>(input.below(256)));
    LevelTask& task = made.task;
    for (int& side : task.size) side = 1 + input.below(7);
    const std::int64_t positions = std::int64_t{task.size[0]} * task.size[1] * task.size[2];
    task.tables.first = input.below(2);
    task.tables.bands = BANDS - task.tables.first;
    for (int band = 0; band < task.tables.bands; ++band) {
        std::array<int, 3> inside = task.size;
        for (int& side : inside) side -= input.below(2);
        task.inside.push_back(inside);
    }
    task.tiles = 1 + input.below(2);
    task.threads = 1 + input.below(2);
    task.interrupted = [] { return false; };
    const Density density{1 + input.below(4), input.below(8) != 0};
    const auto bands = static_cast<std::size_t>(task.tables.bands);
    const Density used = density.weighted ? density : Density{1, false};
    task.tables.head_offset = numbers<std::int32_t>(random, bands * used.size(), 4000);
    if (input.below(8) == 0) {
        made.factorized = {used, tables};
        task.factorized = &made.factorized;
        return;
    }
    ContextModel& model = made.context;
    const bool wide = input.below(8) == 0;
    model.channels = 1 + input.below(20);
    model.narrow = !wide;
    model.limit = wide ? 1 << 20 : 2047;
    model.dependent = input.below(2);
    model.cross = !model.dependent && input.below(2);
    model.magnitudes = input.below(2);
    model.density = used;
    model.tables = tables;
    static const Squash squash(asinh_thresholds(2300));
    model.squash = squash;
    make_layers(made, input, random, wide);
    task.context = &model;
    task.tables.condition = numbers<std::int32_t>(random, bands * model.channels, 500);
    if (model.own.exist()) task.tables.prediction = numbers<std::int64_t>(random, bands * CENTRE, 2000);
    if (model.dependent) {
        task.tables.second_mix = numbers<std::int32_t>(random, bands * model.channels, 500);
        task.tables.second_head = numbers<std::int32_t>(random, bands * used.size(), 500);
        const int states = std::array<int, 3>{8, 64, 256}[static_cast<std::size_t>(input.below(3))];
        for (int state = 0; state < states; ++state) {
            for (int parity : {0, 1}) model.next_state.push_back(state >> 1 ^ (states - 1) * (state & 1) ^ parity);
        }
        make_chains(task, positions);
    }
    if (model.cross) {
        task.tables.cross = numbers<double>(random, bands * BANDS * TAPS, 500);
        task.tables.cross_coarse = numbers<double>(random, bands * TAPS, 500);
    }
    if (input.below(2)) {
        made.coarse = numbers<std::int32_t>(random, static_cast<std::size_t>(2 * positions * task.tiles), 2300);
        made.approx = numbers<std::int64_t>(random, static_cast<std::size_t>(positions * task.tiles), 1 << 30);
        task.coarse = made.coarse.data();
        task.approx = made.approx.data();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    Input input(data, size);
    Made made;
    make(made, input);
    const LevelTask& task = made.task;
    const std::size_t segments = static_cast<std::size_t>(task.tiles) * task.tables.bands;
    std::vector<std::vector<std::string>> coded(task.tiles, std::vector<std::string>(task.tables.bands));
    const std::size_t each = input.left() / segments + 1;
    for (auto& tile : coded) {
        for (auto& segment : tile) segment = input.segment(each);
    }
    const std::size_t count = segments * task.size[0] * task.size[1] * task.size[2];
    std::vector<std::int32_t> q(count, 0), again(count, 0);
    try {
        decode_level(task, coded, q.data());
    } catch (const Damaged&) {
        return 0;
    }
    bool clamped = false;  // beyond the limit of coefficients, so not what an encoder has been given
    for (std::int32_t value : q) {
        require(std::abs(std::int64_t{value}) <= COEFFICIENT_LIMIT);
        add_to_digest(value);
        clamped = clamped || std::abs(std::int64_t{value}) == COEFFICIENT_LIMIT;
    }
    if (clamped) return 0;
    decode_level(task, encode_level(task, q.data()), again.data());
    require(q == again);
    return 0;
}
