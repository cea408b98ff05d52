// Context from coarser levels: their reconstruction, in exact fixed point (coding/coarse_context.py).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "separable.hpp"

namespace aiwave {

// The reconstruction counts in units of 2**-6 steps, up to this magnitude.
constexpr int APPROX_FRACTION = 6;
constexpr std::int64_t APPROX_LIMIT = std::int64_t{(1 << 23) - 1} << (APPROX_FRACTION + 4);

// One level of the inverse CDF 9/7 in fixed point, or of the reversible 5/3 in whole numbers.
class CoarseTransform {
   public:
    // `factors` are those of the 9/7 in units of 2**-20: its four steps, and the inverse gains of the low half, the
    // high half and a single sample. With `sections`, even and odd sections are merely interleaved along z.
    CoarseTransform(const std::array<std::int64_t, 7>& factors, bool reversible, bool sections);

    // The details (7, d, h, w) of the level that splits `size`, in steps or, with `halves`, in half steps, and the
    // reconstruction of the coarser levels (d, h, w) -> that of `size`, to `out`.
    void next(const std::int32_t* details, const std::int64_t* approx, const Size3& size, bool halves,
              std::int64_t* out) const;

   private:
    bool reversible_;
    Separable<std::int64_t> level_;
};

// The reconstruction (d, h, w) -> the context network's two inputs (2, d, h, w): asinh of it minus its mean over 5x5x5,
// and asinh of it. The thresholds are the smallest magnitudes at which asinh rounds to 1, 2, ...
class CoarseInputs {
   public:
    CoarseInputs(std::vector<std::int64_t> of_detail, std::vector<std::int64_t> of_whole);
    void operator()(const std::int64_t* approx, const Size3& size, std::int32_t* out) const;

   private:
    // The number of thresholds that a magnitude reaches, with its sign.
    class Squasher {
       public:
        explicit Squasher(std::vector<std::int64_t> thresholds);
        std::int32_t operator()(std::int64_t x) const;

       private:
        std::vector<std::int64_t> thresholds_;
        // Thresholds up to each of the smallest magnitudes, and up to the least of each slice of the octaves above.
        std::vector<std::int32_t> small_, first_;
    };

    Squasher of_detail_, of_whole_;
};

}  // namespace aiwave
