#include "voxel_coder.hpp"

#include "parallel.hpp"
#include "symbols.hpp"

namespace aiwave {

namespace {

// Codes a tile's numbers (d, h, w) with a SymbolWriter, or decodes them with a SymbolReader.
template <class Coder, class Number>
void code(const VoxelTask& task, const BandLayout& layout, int tile, const StopFlag& stop, Coder& coder,
          Number* numbers) {
    const Bounds bounds = task.bounds[tile];
    const int longest = layout.longest_front();
    VoxelContext context(task.model, layout, bounds);
    Mixtures mixtures(task.model.tables, task.model.density, longest);
    mixtures.fold(bounds[0], bounds[1]);
    BatchCoder batch(longest);
    std::vector<std::int64_t> values(longest);
    const std::vector<std::uint8_t> second(longest, 0);
    for (int front = 0; front < layout.fronts(); ++front) {
        if (front % 16 == 0) stop.check();
        const int start = layout.starts[front], count = layout.starts[front + 1] - start;
        const std::int32_t* order = layout.order.data() + start;
        if constexpr (!Coder::READS) {
            for (int k = 0; k < count; ++k) values[k] = numbers[order[k]];
        }
        context.mix(start, start + count);
        mixtures.set(context.parameters(), context.stride(), context.predicted(), second.data(), count);
        batch.code(mixtures, coder, values.data());
        if constexpr (Coder::READS) {
            for (int k = 0; k < count; ++k) {
                if (values[k] < bounds[0] || values[k] > bounds[1]) throw Damaged();
                numbers[order[k]] = static_cast<std::int32_t>(values[k]);
            }
        }
        context.write(values.data());
    }
}

template <class Work>
void for_each_tile(const VoxelTask& task, Work work) {
    const BandLayout layout(task.size, true);
    StopFlag stop;
    parallel_for(static_cast<int>(task.bounds.size()), task.threads, stop, task.interrupted,
                 [&](int tile) { work(layout, tile, stop); });
}

}  // namespace

std::vector<std::string> encode_voxels(const VoxelTask& task, const std::int32_t* numbers) {
    std::vector<std::string> segments(task.bounds.size());
    for_each_tile(task, [&](const BandLayout& layout, int tile, const StopFlag& stop) {
        RangeEncoder encoder;
        SymbolWriter writer(encoder);
        code(task, layout, tile, stop, writer, numbers + static_cast<std::ptrdiff_t>(tile) * layout.positions);
        segments[tile] = encoder.finish();
    });
    return segments;
}

void decode_voxels(const VoxelTask& task, const std::vector<std::string>& segments, std::int32_t* numbers) {
    for_each_tile(task, [&](const BandLayout& layout, int tile, const StopFlag& stop) {
        RangeDecoder decoder(segments[tile].data(), segments[tile].size());
        SymbolReader reader(decoder);
        code(task, layout, tile, stop, reader, numbers + static_cast<std::ptrdiff_t>(tile) * layout.positions);
    });
}

}  // namespace aiwave
