// A model file on disk, opened and fully checked: metadata and tensors that point into a read-only mapping.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/content_hash.h"
#include "base/status.h"
#include "kernels/tensor_type.h"
#include "model/format/metadata.h"

namespace bowhead::model {

/// One tensor. `shape` is in ggml's order: shape[0] is contiguous and is what a matrix product sums over; a matrix of
/// `out` rows by `in` columns is {in, out}. Unused dimensions are 1.
struct Tensor {
  std::string name;
  kernels::TensorType type = kernels::TensorType::kF32;
  std::array<std::uint64_t, 4> shape = {1, 1, 1, 1};
  int rank = 0;                     // 1..4
  std::span<const std::byte> data;  // inside the mapping; its size is exactly num_bytes()

  [[nodiscard]] std::uint64_t num_elements() const { return shape[0] * shape[1] * shape[2] * shape[3]; }
  /// What type and shape ask for. Unlike `data` it is there for header-only files too.
  [[nodiscard]] std::uint64_t num_bytes() const {
    const kernels::TensorTypeInfo& info = kernels::GetTensorTypeInfo(type);
    return num_elements() / info.block_elements * info.block_bytes;
  }
};

struct ModelFileOptions {
  /// Metadata, tokenizer and table of tensors only: the tensors' bytes may be missing from the file, and `data` of
  /// every tensor is empty.
  bool header_only = false;
};

/// An opened model. Immutable, safe to share between threads; tensors live as long as it does.
class ModelFile {
 public:
  virtual ~ModelFile() = default;

  /// Opens a GGUF file (version 2 or 3, little-endian; all parts of a split one, named by any of them), maps it
  /// read-only and checks every count, length, offset, shape product, alignment and overlap before use.
  /// Errors: kNotFound, kPermissionDenied, kInvalidArgument (not a model), kDataLoss (truncated or damaged),
  /// kUnimplemented (version, byte order or tensor type that Bowhead does not read).
  static base::Result<std::shared_ptr<const ModelFile>> Open(const std::string& path,
                                                             const ModelFileOptions& options = {});

  /// The same checks on bytes in memory, which must outlive the result and start at a multiple of 8. For tests and
  /// fuzzing. A part of a split file is refused (kInvalidArgument).
  static base::Result<std::shared_ptr<const ModelFile>> Parse(std::span<const std::byte> bytes,
                                                              const ModelFileOptions& options = {});

  /// The path it was opened from ("" for memory).
  [[nodiscard]] virtual const std::string& path() const = 0;
  [[nodiscard]] virtual std::uint32_t version() const = 0;
  /// Bytes of all parts on disk.
  [[nodiscard]] virtual std::uint64_t file_bytes() const = 0;
  /// Tells this state of the file (all parts) from others without reading it, see base::FileIdentity; nullopt for bytes
  /// in memory.
  [[nodiscard]] virtual std::optional<base::ContentHash> identity() const = 0;
  [[nodiscard]] virtual const Metadata& metadata() const = 0;
  /// In the file's order.
  [[nodiscard]] virtual const std::vector<Tensor>& tensors() const = 0;
  /// nullptr if there is none of that name. O(1).
  [[nodiscard]] virtual const Tensor* FindTensor(std::string_view name) const = 0;

  /// Hints about the pages of a tensor's bytes: read them ahead; take them out of this process's memory (they come back
  /// from the file if read again). Nothing happens for bytes in memory.
  virtual void WillNeed(std::span<const std::byte> data) const = 0;
  virtual void DontNeed(std::span<const std::byte> data) const = 0;
};

}  // namespace bowhead::model
