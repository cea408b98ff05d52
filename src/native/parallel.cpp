#include "parallel.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <vector>

namespace aiwave {

namespace {

// Threads that do not outlive it: after an exception they are told to stop.
struct Pool {
    std::vector<std::thread> threads;
    StopFlag& stop;

    ~Pool() {
        for (std::thread& thread : threads) {
            if (!thread.joinable()) continue;
            stop.raise();
            thread.join();
        }
    }
};

}  // namespace

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
    const int wanted = std::min(count, std::max(threads, 1));
    Pool pool{{}, stop};
    pool.threads.reserve(static_cast<std::size_t>(wanted));
    {
        std::unique_lock<std::mutex> lock(mutex);
        try {
            for (; running < wanted; ++running) pool.threads.emplace_back(run);
        } catch (const std::exception&) {  // the system has no memory for another: fewer do the same work
            if (pool.threads.empty()) throw std::bad_alloc();
        }
        while (!ended.wait_for(lock, std::chrono::milliseconds(100), [&] { return running == 0; })) {
            if (asked_to_stop) continue;
            lock.unlock();
            asked_to_stop = interrupted();
            if (asked_to_stop) stop.raise();
            lock.lock();
        }
    }
    for (std::thread& thread : pool.threads) thread.join();
    if (asked_to_stop) throw Stopped();
    if (error) std::rethrow_exception(error);
}

}  // namespace aiwave
