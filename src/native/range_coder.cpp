#include "range_coder.hpp"

namespace aiwave {

void RangeEncoder::carry() {
    for (std::size_t k = words_.size(); k > 0 && ++words_[k - 1] == 0;) --k;
}

std::string RangeEncoder::finish() {
    constexpr std::uint64_t WORD = std::uint64_t{1} << 32;
    if (range_ == ~std::uint64_t{0}) return {};  // no symbol has been coded
    const std::uint64_t point = lower_ + WORD - 1;
    if (point < lower_) carry();
    std::uint64_t last = point >> 32;
    if (static_cast<std::uint64_t>(lower_ + range_) >> 32 != last) {
        // The smallest number of non-zero bytes that still lies in the interval.
        for (int bits : {24, 16, 8}) {
            const std::uint64_t rounded = (last + (std::uint64_t{1} << bits) - 1) >> bits << bits;
            const bool inside = lower_ > ~range_ || rounded << 32 < lower_ + range_;
            if (rounded < WORD && inside) {
                last = rounded;
                break;
            }
        }
    }
    words_.push_back(static_cast<std::uint32_t>(last));
    std::string bytes;
    bytes.reserve(4 * words_.size());
    for (std::uint32_t word : words_) {
        for (int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(word >> shift & 0xFF));
    }
    bytes.erase(bytes.find_last_not_of('\0') + 1);
    return bytes;
}

}  // namespace aiwave
