// Reads one GGUF file (or one part of a split one) from memory.
// Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "model/format/metadata.h"
#include "model/format/model_file.h"

namespace bowhead::model {

/// What a file holds; tensors point into its bytes.
struct GgufContents {
  std::uint32_t version = 0;
  Metadata metadata;
  std::vector<Tensor> tensors;  // in the table's order
};

/// Parses and checks everything; see ModelFile::Open for what that means and for the errors. The bytes must start at a
/// multiple of 8, as a mapping and memory from `new` do.
base::Result<GgufContents> ParseGguf(std::span<const std::byte> bytes, const ModelFileOptions& options);

}  // namespace bowhead::model
