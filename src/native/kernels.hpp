// The inner loops, compiled once for every instruction set. All of them give the same integers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace aiwave {

constexpr int BIN_EDGES = 14;
constexpr int BIN_STRIDE = 16;

// A layer whose inputs fit 16 bits and whose sums fit 32: out = (bias + sum weight * in) >> shift.
// `weight` holds, by tap and pair of inputs, `lanes` times two weights; `lanes` is a multiple of 16.
struct Product {
    const std::int32_t* weight;
    const std::int32_t* bias;
    const std::int32_t* shift;
    const std::ptrdiff_t* offsets;  // by tap, from a row's first input
    int taps;
    int pairs;  // per tap
    int lanes;
};

// Mixtures of `count` coefficients; arrays by component have rows of `stride`. See mixture.hpp for the units.
// Edges are in units of 4**k from the anchor.
struct BinRows {
    const std::int32_t* weight;  // by component
    const float* factor;         // by component
    const float* origin;         // by component
    const std::int32_t* base;    // the anchor, from the prediction, in units of 2**-8 times 4**k
    const std::int32_t* anchor;  // in steps, with far ones moved nearer
    const std::int32_t* bits;    // 2k
    const std::uint8_t* second;  // 1 in the second quantiser
    int components;
    int count;
    int stride;
};

// Units of mixtures, see mixture.hpp.
constexpr int PREDICTION_FRACTION = 8, PARAMETER_FRACTION = 8, WEIGHT_BITS = 14;
constexpr int HALF_STEP = 1 << (PREDICTION_FRACTION - 1);

constexpr int CDF_RANGE = 16;   // the table ends there, on either side
constexpr int CDF_BITS = 10;    // 1024 points per unit
constexpr int X_FRACTION = 20;  // fractional bits of the argument of the tabulated function
constexpr int X_RAISE = X_FRACTION - PREDICTION_FRACTION, X_REST = X_FRACTION - CDF_BITS;
constexpr std::int64_t X_END = (std::int64_t{2 * CDF_RANGE} << X_FRACTION) - 1;

// Beyond this an edge is far from zero.
constexpr std::int64_t FAR_EDGE = 1 << 24;

// Mixtures and tables that cumulative probabilities come from; arrays by component have rows of `stride`.
struct CdfRows {
    const std::int32_t* weight;    // by component
    const std::int32_t* mean;      // by component
    const std::int32_t* scale;     // by component: index of the next two
    const std::int32_t* mantissa;  // of 1 / scale
    const std::int32_t* shift;
    const std::int32_t* cdf;
    const std::int64_t* predicted;
    const std::uint8_t* second;
    int components;
    int stride;
};

// Intervals are split into so many parts; of so many rows at once.
constexpr int SPLIT = 4, SPLIT_ROWS = 8;

// Cumulative probabilities at the ends of parts.
using SplitTable = std::int64_t[SPLIT + 1][SPLIT_ROWS];

// A tabulated function of 0, ..., `last`.
struct CdfTable {
    const std::int32_t* value;
    int last;
};

// Edges number `first` to `end` - 1 of the BIN_EDGES in `all`.
struct EdgeRange {
    const int* all;
    int first, end;
};

// The shift towards zero of an edge in the second quantiser, in units of 2**-8: half a step, a quarter next to zero.
inline std::int32_t nearer_edge(std::int32_t edge) {
    const std::int32_t close = edge < -4 ? -4 : edge > 4 ? 4 : edge;
    const std::int32_t shift = close * 128 - 64;
    return shift < -128 ? -128 : shift > 128 ? 128 : shift;
}

// Chains that the Viterbi algorithm follows side by side.
constexpr int CHAINS = 16;

// The candidates of a coefficient: the nearest with even and odd index in the first quantiser, the same in the second,
// and zero in either. The cheaper of even index and zero is kept, so that four kinds are left.
constexpr int CANDIDATES = 6, KINDS = 4;

// One coefficient of CHAINS chains, in steps, and the bits of its candidates.
struct Choices {
    float exact[CHAINS];
    float bits[CANDIDATES][CHAINS];
    float absent[CHAINS];  // 0, or infinity where a chain has no coefficient of the band: then only zero is left
};

// What a choice costs, and the values that cost it.
struct KindCosts {
    float cost[KINDS][CHAINS];
    float value[KINDS][CHAINS];
};

// One coefficient of CHAINS chains: `total` and `next` are (states, CHAINS). `before` (2, states) holds the two
// transitions into each state, as 2 * (previous state) + parity.
struct ViterbiStep {
    const float* total;
    const KindCosts* own;
    const std::int32_t* before;
    int states;
    float* next;
    std::uint16_t* by_second;  // by state: one bit per chain, 1 where the second transition is the cheaper one
};

// Positions whose neighbours are made relative at once.
constexpr int VOXEL_BLOCK = 64;

// In place of a number that is not known.
constexpr std::int32_t OUTSIDE = -1;

// Positions that lie side by side, in a block and in planes.
struct Piece {
    int to, length;  // in the block
    int from;        // in planes
};

// Copies of pieces may read and write up to this many more, less one.
constexpr int PIECE_STEP = 16;

// Planes of known numbers, moved so that a position's neighbours are at its place. The first BEFORE of them are the
// voxels before it along z, y and x: the last that is known replaces neighbours that are not, or else `lowest` does.
constexpr int BEFORE = 3;
struct Neighbours {
    const Piece* pieces;
    int piece_count;
    const std::int32_t* const* planes;
    int count;  // of planes beyond BEFORE
    std::int32_t lowest;
};

// Numbers `seen` (rows, VOXEL_BLOCK) less the reference, times mantissa >> shift, by position.
struct Differences {
    const std::int32_t* seen;
    const std::int32_t* reference;
    const std::int32_t* mantissa;
    const std::int32_t* shift;
};

// Inputs of the voxel model are less in magnitude.
constexpr std::int32_t INPUT_LIMIT = (32 << 6) - 1;

// Some rows of features (rows, lanes), to which one of two rows of `change` (2, lanes) is added; `lanes` is a multiple
// of 16.
struct ChangedRows {
    const std::int32_t* features;
    const int* index;
    const std::uint8_t* which;  // of `change`, by row
    const std::int32_t* change;
    int count;
    int lanes;
};

struct Kernels {
    // (rows) inputs -> (rows, lanes) outputs, added to those there if `adds`.
    void (*multiply)(const Product& layer, const std::int16_t* const* rows, int count, bool adds, std::int32_t* out);
    // Values between 0 and `limit`, at most 2**15 - 1.
    void (*clamp)(const std::int32_t* in, std::size_t count, std::int32_t limit, std::int16_t* out);
    // The same of changed rows, (count, lanes).
    void (*clamp_changed)(const ChangedRows& rows, std::int32_t limit, std::int16_t* out);
    // Adds a filter's tap to a row: total += weight * in, exact as long as doubles hold the integers.
    void (*add_tap)(const std::int32_t* in, std::size_t count, double weight, double* total);
    // Cumulative frequencies below one edge of each row (count), or below each of `edges` (count, BIN_STRIDE).
    void (*below_edges)(const BinRows& rows, const CdfTable& cdf, const std::int32_t* edges, std::int32_t* out);
    void (*bin_tables)(const BinRows& rows, const CdfTable& cdf, const EdgeRange& edges, std::int32_t* out);
    // Cumulative probabilities of SPLIT_ROWS rows from `first` on, at the ends of parts of 2**bits from `start`[row]
    // on. Null where this is not faster than one by one.
    void (*split)(const CdfRows& rows, int first, const std::int64_t* start, int bits, SplitTable& out);
    // Neighbours of the positions of a block, (planes, VOXEL_BLOCK).
    void (*collect)(const Neighbours& neighbours, std::int32_t* seen);
    // The reference of each of VOXEL_BLOCK positions, by `weight` in eighths, and the sum of differences from it.
    void (*activity)(const std::int32_t* seen, const std::int32_t* weight, int rows, std::int32_t* reference,
                     std::int32_t* sum);
    // The differences as inputs of the first `count` positions, (count, stride); one more where `rows` is odd.
    void (*relate)(const Differences& differences, int rows, int count, int stride, std::int16_t* out);
    void (*kind_costs)(const Choices& choices, float slope, KindCosts& out);
    void (*viterbi_step)(const ViterbiStep& step);
};

// Those of the instruction set in use.
const Kernels& kernels();

namespace plain {
extern const Kernels KERNELS;
}
namespace avx2 {
extern const Kernels KERNELS;
}
namespace avx512 {
extern const Kernels KERNELS;
}

}  // namespace aiwave
