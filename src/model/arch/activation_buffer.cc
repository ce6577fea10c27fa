#include "model/arch/activation_buffer.h"

namespace bowhead::model {

base::Status ActivationBuffer::Layout(std::size_t k, std::size_t columns) {
  const std::size_t num_tiles = (columns + kernels::kTileColumns - 1) / kernels::kTileColumns;
  const std::size_t stride = (kernels::TileBytes(k, kernels::kTileColumns) + 63) / 64 * 64;
  if (num_tiles * stride > memory_.size()) {
    base::Result<base::LargeBuffer> memory = base::LargeBuffer::Allocate(num_tiles * stride);
    if (!memory.ok()) return memory.status();
    memory_ = *std::move(memory);
  }
  columns_ = columns;
  tiles_.clear();
  places_.clear();
  for (std::size_t t = 0; t < num_tiles; ++t) {
    const std::size_t width = columns * (t + 1) / num_tiles - columns * t / num_tiles;
    tiles_.push_back(kernels::MakeTile(memory_.data() + t * stride, k, width));
    for (std::size_t c = 0; c < width; ++c) places_.push_back({t, c});
  }
  return base::OkStatus();
}

kernels::ActivationTile FromBlock(const kernels::ActivationTile& tile, std::size_t block) {
  kernels::ActivationTile part = tile;
  const std::size_t at = block * tile.width;
  part.q += at * 32;
  part.scale += at;
  part.sum += at;
  part.scaled_sum += at;
  part.half_sum += at * 2;
  part.half_scaled_sum += at * 2;
  part.values += at * 32;
  part.pairs += at * 32;
  return part;
}

}  // namespace bowhead::model
