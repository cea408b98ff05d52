// The bands of one level of many tiles, to segments and back.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "context.hpp"
#include "parallel.hpp"

namespace aiwave {

// An entropy model without context: one density per band, (bands, size).
struct FactorizedModel {
    Density density{};
    Tables tables;
};

struct LevelTask {
    const ContextModel* context = nullptr;  // exactly one of the two
    const FactorizedModel* factorized = nullptr;
    LevelTables tables;                      // of the context model; `head_offset` of either
    std::array<int, 3> size{};               // of the bands in memory
    std::vector<std::array<int, 3>> inside;  // of each band, at most `size`
    // Chains of the trellis, (n, chain_length) raster indices, -1 after a chain's end; empty without one.
    std::vector<std::int32_t> chains;
    int chain_length = 0;
    std::vector<std::int32_t> after;  // see `successors`
    int tiles = 0;
    const std::int32_t* coarse = nullptr;  // (tiles, 2, d, h, w), see LevelContext
    const std::int64_t* approx = nullptr;  // (tiles, d, h, w)
    int threads = 1;
    std::function<bool()> interrupted;
};

// q (tiles, bands, d, h, w) -> segments by tile and band.
std::vector<std::vector<std::string>> encode_level(const LevelTask& task, const std::int32_t* q);

// The encoder's choice of coefficients in dependent quantisation, for `exact` (tiles, bands, d, h, w) in steps: half
// steps, of the same shape. The best path through the trellis weighs squared errors, in squared steps, against `slope`
// times the bits of the candidates: rough ones, or those in the context of the choice before, `q`, which is replaced.
void choose_path(const LevelTask& task, const float* exact, float slope, bool rough, std::int32_t* q);

// The same without dependent quantisation: `q` holds the nearest integers, and some become the next one towards zero,
// weighed with the bits in the context of the nearest.
void choose_integers(const LevelTask& task, const float* exact, float slope, std::int32_t* q);

// The inverse of `encode_level`. Throws Damaged for data that no encoder writes.
void decode_level(const LevelTask& task, const std::vector<std::vector<std::string>>& segments, std::int32_t* q);

}  // namespace aiwave
