// Range coding with 32-bit words: symbols are intervals of a range of 2**24.
//
// The coder is that of Martin, "Range encoding" (1979), with a state of 64 bits: `range` stays above 2**32, and the
// carry goes into the words written before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

namespace aiwave {

constexpr int TOTAL_BITS = 24;
constexpr std::int32_t TOTAL = 1 << TOTAL_BITS;

// Data that no encoder writes.
struct Damaged : std::runtime_error {
    Damaged() : std::runtime_error("a segment holds symbols that no encoder writes") {}
};

class RangeEncoder {
   public:
    // The symbol that occupies left, ..., left + frequency - 1.
    void put(std::uint32_t left, std::uint32_t frequency) {
        const std::uint64_t scale = range_ >> TOTAL_BITS, lower = lower_ + scale * left;
        if (lower < lower_) carry();
        lower_ = lower;
        range_ = scale * frequency;
        if (range_ >> 32 == 0) {
            words_.push_back(static_cast<std::uint32_t>(lower_ >> 32));
            lower_ <<= 32;
            range_ <<= 32;
        }
    }

    // The message, with as few non-zero bytes at its end as possible, and without zeros there.
    std::string finish();

   private:
    void carry();

    std::vector<std::uint32_t> words_;
    std::uint64_t lower_ = 0, range_ = ~std::uint64_t{0};
};

// Reads a message; zeros follow its end.
class RangeDecoder {
   public:
    RangeDecoder(const char* data, std::size_t size) : data_(data), size_(size) {
        offset_ = static_cast<std::uint64_t>(word()) << 32;
        offset_ |= word();
    }

    // The place in the range of 2**24 that the next symbol's interval covers. Throws Damaged if there is none.
    std::uint32_t peek() {
        scale_ = range_ >> TOTAL_BITS;
        const std::uint64_t place = offset_ / scale_;
        if (place >= TOTAL) throw Damaged();
        return static_cast<std::uint32_t>(place);
    }

    // Takes the symbol whose interval covers the place that `peek` has returned.
    void take(std::uint32_t left, std::uint32_t frequency) {
        offset_ -= scale_ * left;
        range_ = scale_ * frequency;
        if (range_ >> 32 == 0) {
            range_ <<= 32;
            offset_ = offset_ << 32 | word();
        }
    }

   private:
    std::uint32_t word() {
        std::uint32_t value = 0;
        for (int k = 0; k < 4; ++k, ++at_) {
            value = value << 8 | (at_ < size_ ? static_cast<unsigned char>(data_[at_]) : 0U);
        }
        return value;
    }

    const char* data_;
    std::size_t size_, at_ = 0;
    std::uint64_t offset_ = 0, range_ = ~std::uint64_t{0}, scale_ = 1;
};

}  // namespace aiwave
