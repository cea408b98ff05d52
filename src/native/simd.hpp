// The instruction sets that the kernels are compiled for, and the choice of one when the program runs.
#pragma once

#include <string>
#include <vector>

namespace aiwave {

enum class Simd { plain, avx2, avx512 };

// The name by which AIWAVE_SIMD asks for an instruction set.
std::string name_of(Simd level);

// The instruction sets that this processor has, from the slowest to the fastest.
std::vector<Simd> available_simd();

// The one in use: the fastest, unless `use_simd` has chosen another.
Simd current_simd();

// Chooses an instruction set by name. Throws std::invalid_argument, naming those available, for any other.
void use_simd(const std::string& name);

}  // namespace aiwave
