// What `inspect` tells about a model file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "kernels/kv_format.h"
#include "model/arch/weights.h"
#include "model/format/model_file.h"

namespace bowhead::cli {

/// Tensors of one type.
struct TypeTotal {
  std::uint64_t tensors = 0;
  std::uint64_t elements = 0;
  std::uint64_t bytes = 0;
};

/// Memory that serving takes. An estimate: the activations and the server itself come on top (some 50 MiB).
struct MemoryNeed {
  std::uint64_t weight_bytes = 0;    // as the kernels hold them
  std::uint64_t context_length = 0;  // tokens that the KV cache below holds
  kernels::KvType kv_type = kernels::KvType::kF16;
  std::uint64_t kv_bytes = 0;  // with that type
  [[nodiscard]] std::uint64_t total_bytes() const { return weight_bytes + kv_bytes; }
};

struct ModelReport {
  std::string architecture;
  std::string name;
  std::uint64_t context_length = 0;  // trained
  std::uint64_t vocab_size = 0;
  std::uint64_t parameters = 0;
  std::uint64_t tensor_bytes = 0;
  std::map<std::string, TypeTotal> types;  // by the type's name
  /// Why this program cannot serve the file; empty if nothing is known against it.
  std::string obstacle;
  MemoryNeed memory;
  std::optional<model::PackedCacheInfo> packed_cache;  // that --packed-cache auto would map
};

/// Sums up an opened file. `context_length` and `kv_type` are what the memory is computed for; a context of 0 means the
/// trained one.
ModelReport MakeReport(const model::ModelFile& file, std::uint64_t context_length, kernels::KvType kv_type);

}  // namespace bowhead::cli
