// The tensor table of GGUF files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "model/format/byte_reader.h"
#include "model/format/model_file.h"

namespace bowhead::model {

/// A table entry: `tensor.data` is empty until PlaceTensors has checked where it lies.
struct GgufTensorEntry {
  Tensor tensor;
  std::uint64_t offset = 0;  // from the start of the data section
  std::uint64_t size = 0;    // bytes
};

/// Reads `count` entries and checks each by itself: name, rank, dimensions, type, whole blocks in a row, a size that
/// fits 63 bits. Errors: kDataLoss (damaged or cut off), kUnimplemented (a type that Bowhead does not read).
base::Result<std::vector<GgufTensorEntry>> ReadGgufTensors(ByteReader& reader, std::uint64_t count);

/// Checks the entries against each other and against the file: unique names, aligned offsets, no overlap, all within
/// `data_section`; then points each tensor at its bytes. With `header_only` the bytes may be missing and `data` stays
/// empty. Errors: kDataLoss; where the file is cut off the message says how many bytes are missing.
base::Status PlaceGgufTensors(std::vector<GgufTensorEntry>& entries, std::uint64_t alignment,
                              std::span<const std::byte> file, std::uint64_t data_begin, bool header_only);

}  // namespace bowhead::model
