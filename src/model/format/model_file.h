// A model file on disk, opened and fully checked: metadata and tensors that point into a read-only mapping.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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
  int rank = 0;                      // 1..4
  std::span<const std::byte> data;   // inside the mapping; its size is exactly what type and shape ask for

  [[nodiscard]] std::uint64_t num_elements() const { return shape[0] * shape[1] * shape[2] * shape[3]; }
};

/// An opened model. Immutable, safe to share between threads; tensors live as long as it does.
class ModelFile {
 public:
  virtual ~ModelFile() = default;

  /// Opens a GGUF file (version 2 or 3, little-endian; all parts of a split one, named by any of them), maps it
  /// read-only and checks every count, length, offset, shape product, alignment and overlap before use.
  /// Errors: kNotFound, kPermissionDenied, kInvalidArgument (not a model), kDataLoss (truncated or damaged),
  /// kUnimplemented (version, byte order or tensor type that Bowhead does not read).
  static base::Result<std::shared_ptr<const ModelFile>> Open(const std::string& path);

  /// The same checks on bytes in memory, which must outlive the result. For tests and fuzzing.
  static base::Result<std::shared_ptr<const ModelFile>> Parse(std::span<const std::byte> bytes);

  /// The path it was opened from ("" for memory).
  [[nodiscard]] virtual const std::string& path() const = 0;
  [[nodiscard]] virtual std::uint32_t version() const = 0;
  /// Bytes of all parts on disk.
  [[nodiscard]] virtual std::uint64_t file_bytes() const = 0;
  [[nodiscard]] virtual const Metadata& metadata() const = 0;
  /// In the file's order.
  [[nodiscard]] virtual const std::vector<Tensor>& tensors() const = 0;
  /// nullptr if there is none of that name. O(1).
  [[nodiscard]] virtual const Tensor* FindTensor(std::string_view name) const = 0;
};

}  // namespace bowhead::model
