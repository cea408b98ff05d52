// Lifting in float32 (models/transform/lifting.py): without networks, every bit is that of PyTorch.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "boundary.hpp"
#include "lifting_net.hpp"
#include "separable.hpp"

namespace aiwave {

// target <- (target + skip + shift) * scale, where `skip` is the other half filtered by three taps. Steps alternate:
// the first lifts the odd samples by the even ones.
struct FloatStep {
    std::array<float, 3> taps;
    std::shared_ptr<const LiftingNet> net;  // null: the plain wavelet
};

class FloatScheme : public Scheme<float> {
   public:
    // `flat_gain` is that of a single sample.
    FloatScheme(std::vector<FloatStep> steps, Boundary boundary, float low_gain, float high_gain, float flat_gain);

    void forward(Volume<float>& even, Volume<float>& odd, int axis, const Work& work) const override;
    void inverse(Volume<float>& low, Volume<float>& high, int axis, const Work& work) const override;

   private:
    void lift(std::size_t step, bool inverse, Volume<float>& even, Volume<float>& odd, int axis,
              const Work& work) const;

    std::vector<FloatStep> steps_;
    Boundary boundary_;
    float low_gain_, high_gain_, flat_gain_;
};

}  // namespace aiwave
