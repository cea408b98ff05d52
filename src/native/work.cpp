#include "work.hpp"

#include <utility>

#include "parallel.hpp"

namespace aiwave {

namespace {

constexpr std::chrono::milliseconds PATIENCE{50};

}  // namespace

Work::Work(int threads, std::function<bool()> interrupted)
    : threads_(threads), interrupted_(std::move(interrupted)), asked_(std::chrono::steady_clock::now() - PATIENCE) {}

void Work::check() const {
    const auto now = std::chrono::steady_clock::now();
    if (now - asked_ < PATIENCE) return;
    asked_ = now;
    if (interrupted_()) throw Stopped();
}

void Work::each(int count, const std::function<void(int)>& piece) const {
    check();
    if (threads_ > 1 && count > 1) {
        StopFlag stop;
        parallel_for(count, threads_, stop, interrupted_, piece);
        return;
    }
    for (int k = 0; k < count; ++k) {
        check();
        piece(k);
    }
}

Work Work::inside_a_piece() {
    return Work(1, [] { return false; });
}

}  // namespace aiwave
