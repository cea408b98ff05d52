// Symbols of small alphabets, written and read: one function is encoder and decoder with either class.
#pragma once

#include <cstdint>

#include "range_coder.hpp"

namespace aiwave {

// A symbol of an alphabet with cumulative frequencies: `below(s)` is that of all symbols before s. Readers look for it
// from `guess` on.
class SymbolWriter {
   public:
    static constexpr bool READS = false;

    explicit SymbolWriter(RangeEncoder& encoder) : encoder_(encoder) {}

    template <class Below>
    int symbol(int known, int /*count*/, Below below, int /*guess*/ = 0) {
        const std::int64_t left = below(known), frequency = below(known + 1) - left;
        encoder_.put(static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(frequency));
        return known;
    }

    std::int64_t uniform(std::int64_t known, int bits) {
        encoder_.put(static_cast<std::uint32_t>(known) << (TOTAL_BITS - bits), 1U << (TOTAL_BITS - bits));
        return known;
    }

   private:
    RangeEncoder& encoder_;
};

class SymbolReader {
   public:
    static constexpr bool READS = true;

    explicit SymbolReader(RangeDecoder& decoder) : decoder_(decoder) {}

    template <class Below>
    int symbol(int /*known*/, int count, Below below, int guess = 0) {
        const std::int64_t place = decoder_.peek();
        int found = guess;
        std::int64_t left = below(found), right = below(found + 1);
        while (found > 0 && place < left) {
            right = left;
            left = below(--found);
        }
        while (found + 1 < count && place >= right) {
            left = right;
            right = below(++found + 1);
        }
        if (place < left || place >= right) throw Damaged();
        decoder_.take(static_cast<std::uint32_t>(left), static_cast<std::uint32_t>(right - left));
        return found;
    }

    std::int64_t uniform(std::int64_t /*known*/, int bits) {
        const std::uint32_t value = decoder_.peek() >> (TOTAL_BITS - bits);
        decoder_.take(value << (TOTAL_BITS - bits), 1U << (TOTAL_BITS - bits));
        return value;
    }

   private:
    RangeDecoder& decoder_;
};

}  // namespace aiwave
