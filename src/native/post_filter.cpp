#include "post_filter.hpp"

#include <cmath>
#include <stdexcept>

#include "conv_stack.hpp"

namespace aiwave {

namespace {

constexpr int MEAN_SIZE = 5;

void require_widths(bool fit) {
    if (!fit) throw std::invalid_argument("the layers of a filter do not fit together");
}

bool is_square(const FloatConv& conv, int width) { return conv.inputs() == width && conv.outputs() == width; }

// asinh of the difference from the local mean, in steps.
Volume<float> detail_of(const Volume<float>& x, float step) {
    Volume<double> sum(x.size);
    std::copy(x.data.begin(), x.data.end(), sum.data.begin());
    for (int axis = 0; axis < 3; ++axis) sum = box_sum<MEAN_SIZE>(sum, axis);
    constexpr double count = MEAN_SIZE * MEAN_SIZE * MEAN_SIZE;
    Volume<float> detail(x.size);
    for (std::size_t k = 0; k < x.data.size(); ++k) {
        detail.data[k] = std::asinh((x.data[k] - static_cast<float>(sum.data[k] / count)) / step);
    }
    return detail;
}

}  // namespace

StepFilter::StepFilter(FloatConv first, std::vector<FloatConv> inner, FloatConv last)
    : first_(std::move(first)), inner_(std::move(inner)), last_(std::move(last)) {
    bool fit = first_.inputs() == 2 && last_.inputs() == first_.outputs() && last_.outputs() == 1;
    for (const FloatConv& conv : inner_) fit = fit && is_square(conv, first_.outputs());
    require_widths(fit);
}

Volume<float> StepFilter::operator()(const Volume<float>& x, float step, float known, const Work& work) const {
    std::vector<Volume<float>> inputs{detail_of(x, step), Volume<float>(x.size)};
    std::fill(inputs[1].data.begin(), inputs[1].data.end(), std::log(known));
    std::vector<StackLayer> layers{{&first_, StackLayer::NONE, true}};
    for (const FloatConv& conv : inner_) layers.push_back({&conv, StackLayer::NONE, true});
    layers.back().plus = 0;
    layers.push_back({&last_, StackLayer::NONE, false});
    Volume<float> filtered = run_stack(layers, inputs, work);
    for (std::size_t k = 0; k < x.data.size(); ++k) filtered.data[k] = x.data[k] + step * filtered.data[k];
    return filtered;
}

PublishedFilter::PublishedFilter(float peak, FloatConv first, std::vector<std::pair<FloatConv, FloatConv>> blocks,
                                 FloatConv collect, FloatConv last)
    : peak_(peak),
      first_(std::move(first)),
      blocks_(std::move(blocks)),
      collect_(std::move(collect)),
      last_(std::move(last)) {
    const int width = first_.outputs();
    bool fit = first_.inputs() == 1 && is_square(collect_, width) && last_.inputs() == width && last_.outputs() == 1;
    for (const auto& [one, other] : blocks_) fit = fit && is_square(one, width) && is_square(other, width);
    require_widths(fit);
}

Volume<float> PublishedFilter::operator()(const Volume<float>& x, float, float, const Work& work) const {
    std::vector<Volume<float>> inputs{Volume<float>(x.size)};
    Volume<float>& normalised = inputs[0];
    for (std::size_t k = 0; k < x.data.size(); ++k) normalised.data[k] = x.data[k] / peak_ - 0.5F;
    std::vector<StackLayer> layers{{&first_, StackLayer::NONE, false}};
    for (const auto& [one, other] : blocks_) {
        const auto before = static_cast<int>(layers.size()) - 1;
        layers.push_back({&one, StackLayer::NONE, true});
        layers.push_back({&other, before, false});
    }
    layers.push_back({&collect_, 0, false});
    layers.push_back({&last_, StackLayer::NONE, false});
    Volume<float> filtered = run_stack(layers, inputs, work);
    for (std::size_t k = 0; k < x.data.size(); ++k) {
        filtered.data[k] = (normalised.data[k] + filtered.data[k] + 0.5F) * peak_;
    }
    return filtered;
}

}  // namespace aiwave
