// Independent pieces of work on several threads.
#pragma once

#include <atomic>
#include <functional>
#include <stdexcept>

namespace aiwave {

// The caller has asked to stop.
struct Stopped : std::runtime_error {
    Stopped() : std::runtime_error("stopped") {}
};

// Asked now and then by long work.
class StopFlag {
   public:
    void raise() { stop_.store(true, std::memory_order_relaxed); }
    void check() const {
        if (stop_.load(std::memory_order_relaxed)) throw Stopped();
    }

   private:
    std::atomic<bool> stop_{false};
};

// Calls work(0), ..., work(count - 1) on up to `threads` threads; the first exception ends all and is thrown here.
// Meanwhile the calling thread asks `interrupted` several times a second. Once it says so, `stop` is raised, and
// Stopped is thrown here in the end, even if all work has been done by then or has failed.
void parallel_for(int count, int threads, StopFlag& stop, const std::function<bool()>& interrupted,
                  const std::function<void(int)>& work);

}  // namespace aiwave
