// One tile's bands, front by front, with a given context: what encoder, decoder and the encoder's choice share.
#pragma once

#include "level_coder.hpp"
#include "range_coder.hpp"
#include "symbols.hpp"
#include "trellis.hpp"

namespace aiwave {

// The density of a band without context, with the interface of LevelContext.
class FactorizedContext {
   public:
    FactorizedContext(const FactorizedModel& model, const LevelTables& tables, int longest)
        : size_(model.density.size()),
          tables_(tables),
          predicted_(longest, 0),
          parameters_(static_cast<std::size_t>(size_) * longest) {}

    void begin(int band) {
        const auto row = tables_.head_offset.begin() + static_cast<std::ptrdiff_t>(band) * size_;
        for (auto to = parameters_.begin(); to != parameters_.end(); to += size_) std::copy_n(row, size_, to);
    }
    void mix(int /*start*/, int /*end*/) {}
    const std::int64_t* predicted() const { return predicted_.data(); }
    const std::int32_t* parameters(const std::vector<int>& /*rows*/, const std::uint8_t* /*second*/) {
        return parameters_.data();
    }
    int stride() const { return size_; }
    void write(std::int32_t /*raster*/, std::int64_t /*q*/) {}

   private:
    int size_;
    const LevelTables& tables_;
    std::vector<std::int64_t> predicted_;
    std::vector<std::int32_t> parameters_;
};

template <class Context>
class TileCoder {
   public:
    TileCoder(const LevelTask& task, const BandLayout& layout, const Density& density, const Tables& tables,
              Context& context, const StopFlag& stop)
        : task_(task),
          layout_(layout),
          context_(context),
          stop_(stop),
          mixtures_(tables, density, layout.longest_front()),
          batch_(layout.longest_front()) {}

    // Codes the coefficients `q` (d, h, w) of a band, or decodes them.
    template <class Coder>
    void code(int band, Coder& coder, std::int32_t* q) {
        TrellisStates states(task_, layout_.positions);
        context_.begin(band);
        for_each_front([&](int start, int end) {
            context_.mix(start, end);
            const auto all = [](std::int32_t) { return true; };
            choose_rows(start, end, band, all, [&](std::int32_t raster) { return states.second(raster); });
            code_rows(start, states, coder, q);
            finish(start, end, states, q);
        });
    }

    // Visits the mixtures of a band's known coefficients `q`, front by front, in each of `quantisers`, at positions
    // that are wanted(raster index): visit(mixtures, raster indices, quantiser).
    template <class Wanted, class Visit>
    void visit_densities(int band, const std::int32_t* q, int quantisers, Wanted wanted, Visit visit) {
        context_.begin(band);
        std::vector<std::int32_t> rasters;
        for_each_front([&](int start, int end) {
            context_.mix(start, end);
            choose_rows(start, end, band, wanted, [](std::int32_t) { return std::uint8_t{0}; });
            for (int second = 0; second < quantisers && !rows_.empty(); ++second) {
                std::fill(second_.begin(), second_.end(), static_cast<std::uint8_t>(second));
                rasters.clear();
                for (int row : rows_) rasters.push_back(layout_.order[start + row]);
                set_mixtures(&Mixtures::set_densities);
                visit(mixtures_, rasters, second);
            }
            for (int r = start; r < end; ++r) context_.write(layout_.order[r], q[layout_.order[r]]);
        });
    }

   private:
    template <class Work>
    void for_each_front(Work work) {
        for (int front = 0; front < layout_.fronts(); ++front) {
            if (front % 16 == 0) stop_.check();
            work(layout_.starts[front], layout_.starts[front + 1]);
        }
    }

    // The rows of a front whose positions exist in the band and are wanted, and their quantisers.
    template <class Wanted, class Second>
    void choose_rows(int start, int end, int band, Wanted wanted, Second second) {
        const std::array<int, 3>& inside = task_.inside[band];
        const int height = layout_.size[1], width = layout_.size[2];
        const bool whole = inside == layout_.size;
        rows_.clear();
        second_.clear();
        for (int r = start; r < end; ++r) {
            const std::int32_t raster = layout_.order[r];
            if (!whole) {
                const int x = raster % width, y = raster / width % height, z = raster / width / height;
                if (z >= inside[0] || y >= inside[1] || x >= inside[2]) continue;
            }
            if (!wanted(raster)) continue;
            rows_.push_back(r - start);
            second_.push_back(second(raster));
        }
    }

    void set_mixtures(decltype(&Mixtures::set) set) {
        const std::int32_t* parameters = context_.parameters(rows_, second_.data());
        predicted_.resize(rows_.size());
        for (std::size_t k = 0; k < rows_.size(); ++k) predicted_[k] = context_.predicted()[rows_[k]];
        (mixtures_.*set)(parameters, context_.stride(), predicted_.data(), second_.data(),
                         static_cast<int>(rows_.size()));
    }

    template <class Coder>
    void code_rows(int start, const TrellisStates& states, Coder& coder, const std::int32_t* q) {
        index_.resize(rows_.size());
        if (rows_.empty()) return;
        for (std::size_t k = 0; k < rows_.size(); ++k) {
            const std::int32_t known = q[layout_.order[start + rows_[k]]];
            index_[k] = states.used() ? index_of(known, second_[k]) : known;
        }
        set_mixtures(&Mixtures::set);
        batch_.code(mixtures_, coder, index_.data());
    }

    // Writes a front's coefficients; those that the band lacks are zero.
    void finish(int start, int end, TrellisStates& states, std::int32_t* q) {
        std::size_t k = 0;
        for (int r = start; r < end; ++r) {
            const std::int32_t raster = layout_.order[r];
            std::int64_t value = k < rows_.size() && rows_[k] == r - start ? index_[k++] : 0;
            if (states.used()) {
                const std::int64_t index = value;
                value = std::clamp(halves_of(index, states.second(raster)), -COEFFICIENT_LIMIT, COEFFICIENT_LIMIT);
                states.advance(raster, index);
            }
            q[raster] = static_cast<std::int32_t>(value);
            context_.write(raster, value);
        }
    }

    const LevelTask& task_;
    const BandLayout& layout_;
    Context& context_;
    const StopFlag& stop_;
    Mixtures mixtures_;
    BatchCoder batch_;
    std::vector<int> rows_;
    std::vector<std::uint8_t> second_;
    std::vector<std::int64_t> predicted_, index_;
};

}  // namespace aiwave
