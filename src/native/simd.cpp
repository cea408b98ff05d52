#include "simd.hpp"

#include <atomic>
#include <stdexcept>

namespace aiwave {

namespace {

bool has(Simd level) {
#if defined(__x86_64__)
    switch (level) {
        case Simd::plain:
            return true;
        case Simd::avx2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case Simd::avx512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("avx512vnni");
    }
#endif
    return level == Simd::plain;
}

std::atomic<Simd>& chosen() {
    static std::atomic<Simd> level{available_simd().back()};
    return level;
}

}  // namespace

std::string name_of(Simd level) {
    switch (level) {
        case Simd::avx2:
            return "avx2";
        case Simd::avx512:
            return "avx512";
        default:
            return "plain";
    }
}

std::vector<Simd> available_simd() {
    std::vector<Simd> levels;
    for (Simd level : {Simd::plain, Simd::avx2, Simd::avx512}) {
        if (has(level)) levels.push_back(level);
    }
    return levels;
}

Simd current_simd() { return chosen().load(); }

void use_simd(const std::string& name) {
    std::string names;
    for (Simd level : available_simd()) {
        if (name_of(level) == name) {
            chosen().store(level);
            return;
        }
        names += (names.empty() ? "" : ", ") + name_of(level);
    }
    throw std::invalid_argument("this processor has no instruction set '" + name + "', but " + names);
}

}  // namespace aiwave
