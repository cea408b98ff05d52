#include "post_filter.hpp"

#include <cmath>
#include <stdexcept>

#include "lifting_net.hpp"

namespace aiwave {

namespace {

constexpr int MEAN_SIZE = 5;
constexpr int NOT_SWAPPED = 0;

void require_widths(bool fit) {
    if (!fit) throw std::invalid_argument("the layers of a filter do not fit together");
}

bool is_square(const FloatConv& conv, int width) { return conv.inputs() == width && conv.outputs() == width; }

// A convolution with zeros outside.
void convolve(const FloatConv& conv, Padded<float>& in, Padded<float>& out, const Work& work) {
    in.fill_margin(Padding::zeros);
    conv(in, out, NOT_SWAPPED, work, true);
}

void add(Padded<float>& to, const Padded<float>& x) {
    for (std::size_t k = 0; k < to.count(); ++k) to.data()[k] += x.data()[k];
}

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

Volume<float> StepFilter::operator()(const Volume<float>& x, float step, const Work& work) const {
    Padded<float> start(first_.outputs(), x.size);
    {
        Padded<float> input(2, x.size);
        const Volume<float> detail = detail_of(x, step);
        put_channel(detail, input, 0, [](float value) { return value; });
        const float log_step = std::log(step);
        put_channel(detail, input, 1, [log_step](float) { return log_step; });
        convolve(first_, input, start, work);
    }
    Padded<float> features = start;
    Padded<float> hidden(first_.outputs(), x.size);
    for (const FloatConv& conv : inner_) {
        activate(Activation::relu, features);
        convolve(conv, features, hidden, work);
        std::swap(features, hidden);
    }
    add(features, start);
    activate(Activation::relu, features);
    Padded<float> out(1, x.size);
    convolve(last_, features, out, work);
    Volume<float> filtered = channel_of<float>(out, 0, [step](float value) { return step * value; });
    for (std::size_t k = 0; k < x.data.size(); ++k) filtered.data[k] = x.data[k] + filtered.data[k];
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

Volume<float> PublishedFilter::operator()(const Volume<float>& x, float, const Work& work) const {
    Padded<float> input(1, x.size);
    put_channel(x, input, 0, [this](float value) { return value / peak_ - 0.5F; });
    Padded<float> start(first_.outputs(), x.size);
    convolve(first_, input, start, work);
    Padded<float> hidden = start, inside(first_.outputs(), x.size), outside(first_.outputs(), x.size);
    for (const auto& [one, other] : blocks_) {
        convolve(one, hidden, inside, work);
        activate(Activation::relu, inside);
        convolve(other, inside, outside, work);
        add(hidden, outside);
    }
    convolve(collect_, hidden, outside, work);
    add(outside, start);
    Padded<float> out(1, x.size);
    convolve(last_, outside, out, work);
    Volume<float> filtered = channel_of<float>(out, 0, [](float value) { return value; });
    for (std::size_t k = 0; k < x.data.size(); ++k) {
        const float normalised = x.data[k] / peak_ - 0.5F;
        filtered.data[k] = (normalised + filtered.data[k] + 0.5F) * peak_;
    }
    return filtered;
}

}  // namespace aiwave
