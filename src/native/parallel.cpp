#include "parallel.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace aiwave {

void parallel_for(int count, int threads, StopFlag& stop, const std::function<bool()>& interrupted,
                  const std::function<void(int)>& work) {
    std::atomic<int> next{0};
    std::mutex mutex;
    std::condition_variable ended;
    int running = 0;
    bool asked_to_stop = false;
    std::exception_ptr error;
    const auto run = [&] {
        try {
            for (int k = next++; k < count; k = next++) {
                stop.check();
                work(k);
            }
        } catch (...) {
            const std::lock_guard<std::mutex> lock(mutex);
            if (!error) error = std::current_exception();
            stop.raise();
        }
        const std::lock_guard<std::mutex> lock(mutex);
        --running;
        ended.notify_one();
    };
    std::vector<std::thread> pool;
    {
        std::unique_lock<std::mutex> lock(mutex);
        try {
            for (int k = 0; k < std::min(count, std::max(threads, 1)); ++k) {
                pool.emplace_back(run);
                ++running;
            }
        } catch (const std::system_error&) {
            if (pool.empty()) throw;  // fewer threads than asked for do the same work
        }
        while (!ended.wait_for(lock, std::chrono::milliseconds(100), [&] { return running == 0; })) {
            if (asked_to_stop) continue;
            lock.unlock();
            asked_to_stop = interrupted();
            if (asked_to_stop) stop.raise();
            lock.lock();
        }
    }
    for (std::thread& thread : pool) thread.join();
    if (asked_to_stop) throw Stopped();
    if (error) std::rethrow_exception(error);
}

}  // namespace aiwave
