// Memory of large buffers, in pages of 2 MiB where Linux has them: touching many small ones for the first time takes as
// long as a convolution of few channels.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace aiwave {

template <class T>
struct LargePages {
    using value_type = T;

    static constexpr std::size_t PAGE = std::size_t{1} << 21;

    LargePages() = default;
    template <class Other>
    LargePages(const LargePages<Other>&) {}

    T* allocate(std::size_t count) {
        if (count > (static_cast<std::size_t>(-1) - 2 * PAGE) / sizeof(T)) throw std::bad_alloc();
#if defined(__linux__)
        const std::size_t pages = (count * sizeof(T) + PAGE - 1) / PAGE * PAGE;
        const bool large = count * sizeof(T) >= PAGE;
        void* memory = large ? std::aligned_alloc(PAGE, pages) : std::malloc(count * sizeof(T) + 1);
        if (memory != nullptr && large) madvise(memory, pages, MADV_HUGEPAGE);  // advice, which may be refused
#else
        void* memory = std::malloc(count * sizeof(T) + 1);
#endif
        if (memory == nullptr) throw std::bad_alloc();
        return static_cast<T*>(memory);
    }

    void deallocate(T* memory, std::size_t) { std::free(memory); }

    template <class Other>
    bool operator==(const LargePages<Other>&) const {
        return true;
    }
    template <class Other>
    bool operator!=(const LargePages<Other>&) const {
        return false;
    }
};

template <class T>
using LargeBuffer = std::vector<T, LargePages<T>>;

}  // namespace aiwave
