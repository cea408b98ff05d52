// Decodes pseudo-random inputs of a fuzzer on one instruction set and prints a digest: `replay SIMD COUNT`.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "fuzz_input.hpp"
#include "simd.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** arguments) {
    if (count != 3) return 2;
    aiwave::use_simd(arguments[1]);
    std::mt19937 random(1);
    for (int k = std::atoi(arguments[2]); k > 0; --k) {
        std::vector<std::uint8_t> input(40 + random() % 400);
        for (auto& byte : input) byte = static_cast<std::uint8_t>(random());
        LLVMFuzzerTestOneInput(input.data(), input.size());
    }
    std::printf("%016llx\n", static_cast<unsigned long long>(aiwave::digest));
}
