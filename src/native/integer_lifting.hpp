// Lifting in integers (coding/integer_reversible.py). Beyond 64 bits it wraps around, as PyTorch does.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "boundary.hpp"
#include "integer_net.hpp"
#include "separable.hpp"

namespace aiwave {

// target <- target + floor((skip + shift) / 2**16 + 1/2), where `skip` is the other half filtered by three taps in
// units of 2**-16. Steps alternate: the first lifts the odd samples by the even ones.
struct IntegerStep {
    std::array<std::int64_t, 3> taps;
    std::shared_ptr<const IntegerNet> net;  // null: the plain wavelet
};

class IntegerScheme : public Scheme<std::int64_t> {
   public:
    IntegerScheme(std::vector<IntegerStep> steps, Boundary boundary);

    void forward(Volume<std::int64_t>& even, Volume<std::int64_t>& odd, int axis, const Work& work) const override;
    void inverse(Volume<std::int64_t>& low, Volume<std::int64_t>& high, int axis, const Work& work) const override;

   private:
    void lift(std::size_t step, bool inverse, Volume<std::int64_t>& even, Volume<std::int64_t>& odd, int axis,
              const Work& work) const;

    std::vector<IntegerStep> steps_;
    Boundary boundary_;
};

// The reversible 5/3 of JPEG 2000; `lazy` only separates even and odd samples.
std::shared_ptr<const IntegerScheme> reversible53(bool lazy);

}  // namespace aiwave
