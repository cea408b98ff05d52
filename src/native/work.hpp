// How a call works: on how many threads, and who may end it.
#pragma once

#include <chrono>
#include <functional>

namespace aiwave {

class Work {
   public:
    Work(int threads, std::function<bool()> interrupted);

    // Whether the calling thread does everything.
    bool alone() const { return threads_ <= 1; }

    // Throws Stopped if the call is to end; asks at most a few times a second. Only for the calling thread.
    void check() const;

    // Calls piece(0), ..., piece(count - 1), on several threads if there are. Pieces write to places of their own, so
    // results do not depend on the number of threads.
    void each(int count, const std::function<void(int)>& piece) const;

    // The same for a single thread, for use inside a piece, which `check` of the calling thread ends.
    static Work inside_a_piece();

   private:
    int threads_;
    std::function<bool()> interrupted_;
    mutable std::chrono::steady_clock::time_point asked_;
};

}  // namespace aiwave
