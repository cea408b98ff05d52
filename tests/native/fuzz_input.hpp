// What the fuzzers share: inputs as choices, random numbers, and a condition whose failure is a finding.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace aiwave {

// The first bytes of the input choose the model; the rest are segments.
class Input {
   public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

    int below(int limit) { return at_ < size_ ? data_[at_++] % limit : 0; }

    std::string segment(std::size_t length) {
        const std::size_t end = std::min(size_, at_ + length);
        std::string bytes(data_ + std::min(at_, size_), data_ + end);
        at_ = end;
        return bytes;
    }

    std::size_t left() const { return size_ - std::min(at_, size_); }

   private:
    const std::uint8_t* data_;
    std::size_t size_, at_ = 0;
};

template <class T>
std::vector<T> numbers(std::mt19937& random, std::size_t count, int most) {
    std::vector<T> values(count);
    for (auto& value : values) value = static_cast<T>(static_cast<int>(random() % (2U * most + 1)) - most);
    return values;
}

// The smallest magnitudes at which 128 asinh rounds up to 1, 2, ..., count - 1.
inline std::vector<std::int64_t> asinh_thresholds(int count) {
    std::vector<std::int64_t> thresholds;
    for (int k = 1; k < count; ++k) thresholds.push_back(static_cast<std::int64_t>(std::ceil(std::sinh(k / 128.0))));
    return thresholds;
}

inline void require(bool holds) {
    if (!holds) std::abort();
}

// A digest of all that has been decoded (FNV-1a), to compare processors by.
inline std::uint64_t digest = 14695981039346656037U;

inline void add_to_digest(std::int32_t value) {
    digest = (digest ^ static_cast<std::uint32_t>(value)) * 1099511628211U;
}

}  // namespace aiwave
