// Post-filters, which reduce quantisation errors in the reconstruction, in float32 (models/post.py).
#pragma once

#include <utility>
#include <vector>

#include "conv.hpp"

namespace aiwave {

class Filter {
   public:
    virtual ~Filter() = default;
    // A volume in intensity units, the quantisation step and the nearest of training -> the filtered volume.
    virtual Volume<float> operator()(const Volume<float>& x, float step, float known, const Work& work) const = 0;
};

// `PostFilter`, which is conditioned on the step.
class StepFilter : public Filter {
   public:
    // Throws std::invalid_argument if the layers do not fit together.
    StepFilter(FloatConv first, std::vector<FloatConv> inner, FloatConv last);
    Volume<float> operator()(const Volume<float>& x, float step, float known, const Work& work) const override;

   private:
    FloatConv first_;
    std::vector<FloatConv> inner_;
    FloatConv last_;
};

// `PublishedPost`; `peak` is its intensity scale minus 1.
class PublishedFilter : public Filter {
   public:
    // Throws std::invalid_argument if the layers do not fit together.
    PublishedFilter(float peak, FloatConv first, std::vector<std::pair<FloatConv, FloatConv>> blocks, FloatConv collect,
                    FloatConv last);
    Volume<float> operator()(const Volume<float>& x, float step, float known, const Work& work) const override;

   private:
    float peak_;
    FloatConv first_;
    std::vector<std::pair<FloatConv, FloatConv>> blocks_;
    FloatConv collect_, last_;
};

}  // namespace aiwave
