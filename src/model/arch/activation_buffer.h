// Room for the quantized inputs of a matrix product over all tokens of a step, as tiles.
#pragma once

#include <cstddef>
#include <vector>

#include "base/large_buffer.h"
#include "kernels/activations.h"

namespace bowhead::model {

/// `columns` inputs of `k` values each, split evenly into tiles of at most kTileColumns.
class ActivationBuffer {
 public:
  /// Grows the memory if need be and lays out `columns` columns; what it held is lost.
  base::Status Layout(std::size_t k, std::size_t columns);

  [[nodiscard]] const std::vector<kernels::ActivationTile>& tiles() const { return tiles_; }
  /// The first column of a tile.
  [[nodiscard]] std::size_t FirstColumn(std::size_t tile) const { return columns_ * tile / tiles_.size(); }

  /// Where one column is.
  struct Place {
    std::size_t tile;
    std::size_t column;  // in the tile
  };
  [[nodiscard]] Place Find(std::size_t column) const { return places_[column]; }

 private:
  base::LargeBuffer memory_;
  std::size_t columns_ = 0;
  std::vector<kernels::ActivationTile> tiles_;
  std::vector<Place> places_;
};

/// The part of a tile from k-block `block` on.
kernels::ActivationTile FromBlock(const kernels::ActivationTile& tile, std::size_t block);

}  // namespace bowhead::model
