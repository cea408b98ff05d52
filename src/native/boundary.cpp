#include "boundary.hpp"

namespace aiwave {

namespace {

// The index of the sample at `place` in a signal of `size` samples that is mirrored about its ends.
int mirrored(int place, int size) {
    if (size == 1) return 0;
    const int period = 2 * (size - 1);
    place = (place % period + period) % period;
    return std::min(place, period - place);
}

}  // namespace

std::vector<int> extended(int size, int targets, int phase, Boundary boundary) {
    std::vector<int> at;
    for (int place = -1; place <= targets; ++place) {
        if (place >= 0 && place < size) {
            at.push_back(place);
        } else if (boundary == Boundary::published) {
            at.push_back(mirrored(place, size));
        } else {
            at.push_back((mirrored(2 * place + phase, size + targets) - phase) / 2);
        }
    }
    return at;
}

}  // namespace aiwave
