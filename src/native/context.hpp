// The context model: the densities of a tile's coefficients from those that are known, level by level and band by band.
//
// The twin of coding/context_state.py and other_bands.py. Since every band has a segment of its own, bands are coded
// one after the other here; within a band, front by front.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "band_layout.hpp"
#include "layer.hpp"
#include "mixture.hpp"
#include "parallel.hpp"
#include "rough_bits.hpp"

namespace aiwave {

constexpr int BANDS = 8;

// asinh of a coefficient as a network input: the number of thresholds that its magnitude reaches, with its sign.
class Squash {
   public:
    Squash() = default;
    explicit Squash(std::vector<std::int64_t> thresholds);
    std::int32_t operator()(std::int64_t q) const;

   private:
    std::vector<std::int64_t> thresholds_;
    std::vector<std::int32_t> small_;
};

// A layer for all bands, or one for each of a level's eight; empty if the model has none.
struct BandLayers {
    std::vector<Layer> layers;
    bool exist() const { return !layers.empty(); }
    const Layer& of(int letters) const { return layers[layers.size() == 1 ? 0 : static_cast<std::size_t>(letters)]; }
};

struct ContextModel {
    int channels = 0;
    std::int32_t limit = 0;                 // of activations
    std::int32_t coarse_limit = INT32_MAX;  // of inputs from coarser levels
    bool narrow = false;                    // whether all layers fit the kernels
    bool dependent = false;                 // whether coefficients count in half steps
    bool cross = false;                     // whether other bands predict coefficients
    bool magnitudes = false;                // whether `own` also sees magnitudes, and `siblings` sees them alone
    Density density{};
    Tables tables;
    Squash squash;
    std::vector<std::int32_t> next_state;  // of the trellis, by state and parity
    std::vector<std::int32_t> before;      // see `transitions_into`
    RoughTables rough;
    BandLayers coarse0, coarse1, own, widen, narrowing, mix, head;
    // Over the bands of the level coded before, by the level's first band (0 or 1) and by band; see `add_siblings`.
    std::array<BandLayers, 2> siblings;
    std::vector<Layer> blocks;

    int lanes() const { return lanes_for(channels); }
    int own_inputs() const { return magnitudes ? 2 : 1; }  // for each coefficient
    int widest() const;                                    // lanes of the widest layer
};

// The parts of the model that depend on the level and the step, by band in coding order.
struct LevelTables {
    int first = 0;  // index in the level (0 to 7) of the first band
    int bands = 0;
    std::vector<std::int32_t> condition;                // (bands, channels)
    std::vector<std::int32_t> head_offset;              // (bands, size)
    std::vector<std::int32_t> second_mix, second_head;  // like the two above; empty without a second quantiser
    std::vector<std::int64_t> prediction;               // (bands, 13); empty without the short context
    std::vector<double> cross, cross_coarse;            // (bands, 8, 27), (bands, 27)
};

// The state of one tile's level. `Element` holds activations: 16 bits for narrow models, otherwise 32.
template <class Element>
class LevelContext {
   public:
    // `coarse` (2, d, h, w) are the network's inputs from the coarser levels, `approx` (d, h, w) their reconstruction
    // in units of 2**-6 steps; both null at the coarsest level.
    LevelContext(const ContextModel& model, const LevelTables& tables, const BandLayout& layout,
                 const std::int32_t* coarse, const std::int64_t* approx, const StopFlag& stop);

    // Begins the next band, the `band`-th in coding order.
    void begin(int band);

    // Mixed features of the positions order[start] to order[end], and predictions in units of 2**-8. Everything that
    // precedes them has been written.
    void mix(int start, int end);
    const std::int64_t* predicted() const { return predicted_.data(); }

    // Parameters of the densities of some rows of those positions, (count, stride); `second` as in Mixtures.
    const std::int32_t* parameters(const std::vector<int>& rows, const std::uint8_t* second);
    int stride() const { return model_.head.of(0).lanes(); }

    // Writes the coefficient at a raster index.
    void write(std::int32_t raster, std::int64_t q);

   private:
    static constexpr int BATCH = 256;       // positions at once in layers over what is known before the band
    static constexpr int APPROX_SHIFT = 6;  // of the reconstruction's units below steps

    // In outer_context.cpp.
    void add_coarse(const std::int32_t* coarse);
    void add_siblings();
    void predict_from_others();

    void add_own(int start, int count);
    void add_blocks(int start, int count);
    void clamped(const std::int32_t* in, std::size_t count, Element* out) const;
    const Element* const* clamped_rows(const std::vector<std::int32_t>& features, std::size_t width, int count);
    void clamp_changed(const ChangedRows& rows);
    void predict(int start, int count);

    int letters() const { return tables_.first + band_; }

    const ContextModel& model_;
    const LevelTables& tables_;
    const BandLayout& layout_;
    const std::int64_t* approx_;
    const StopFlag& stop_;
    int band_ = 0;
    std::size_t lanes_;
    std::vector<std::int32_t> coarse_, outside_;  // features by raster index, from coarser levels and from all outside
    std::vector<Element> seen_;                   // the level's bands side by side, by cell
    std::vector<Element> near_;                   // this band, by cell: the inputs of `own`
    std::vector<std::vector<std::int32_t>> known_;  // coefficients by band and cell
    std::vector<std::vector<Element>> hidden_;      // inputs of the blocks, by cell
    std::vector<double> from_others_;               // predictions by raster index, in units of 2**-18
    std::vector<std::int32_t> sum_, out_;           // features of a front, outputs of a layer
    std::vector<Element> inputs_;
    std::vector<const Element*> rows_;
    std::vector<std::int64_t> predicted_;
    std::vector<std::ptrdiff_t> causal_, taps_, own_tap_{0};  // offsets of layers' taps
    std::vector<std::int32_t> change_;                        // of mixed features by quantiser, (2, lanes)
};

extern template class LevelContext<std::int16_t>;
extern template class LevelContext<std::int32_t>;

}  // namespace aiwave
