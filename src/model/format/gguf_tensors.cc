#include "model/format/gguf_tensors.h"

#include <algorithm>
#include <limits>
#include <string>
#include <unordered_set>
#include <utility>

#include "model/format/gguf_value.h"

namespace bowhead::model {
namespace {

// The specification allows 64 bytes; a little more costs nothing and real files of other makers have it.
constexpr std::uint64_t kMaxNameBytes = 255;
constexpr std::uint64_t kMaxBytes = std::numeric_limits<std::int64_t>::max();
// The largest mixtures of experts have some 50,000.
constexpr std::uint64_t kMaxTensors = std::uint64_t{1} << 20U;
// Length of the name, one byte of name, rank, one dimension, type, offset.
constexpr std::uint64_t kMinEntryBytes = 8 + 1 + 4 + 8 + 4 + 8;

base::Status EndsEarly(const ByteReader& reader) {
  return base::DataLoss("the file ends at byte " + std::to_string(reader.position() + reader.remaining()) +
                        ", inside the table of tensors; fetch it again");
}

base::Status Damaged(const Tensor& tensor, const std::string& what) {
  return base::DataLoss("tensor " + Quoted(tensor.name) + ' ' + what + "; the file is damaged");
}

base::Status ReadName(ByteReader& reader, Tensor& tensor) {
  const auto name = reader.ReadString();
  if (!name) return EndsEarly(reader);
  if (name->empty() || name->size() > kMaxNameBytes) {
    return base::DataLoss("a tensor's name is " + std::to_string(name->size()) + " bytes long; 1 to " +
                          std::to_string(kMaxNameBytes) + " are allowed");
  }
  if (!std::all_of(name->begin(), name->end(), [](char c) { return c > ' ' && c <= '~'; })) {
    return base::DataLoss("the tensor name " + Quoted(*name) + " holds characters other than printable ASCII");
  }
  tensor.name = *name;
  return base::OkStatus();
}

base::Status ReadShape(ByteReader& reader, Tensor& tensor) {
  const auto rank = reader.Read<std::uint32_t>();
  if (!rank) return EndsEarly(reader);
  if (*rank < 1 || *rank > tensor.shape.size()) {
    return Damaged(tensor, "has " + std::to_string(*rank) + " dimensions instead of 1 to 4");
  }
  tensor.rank = static_cast<int>(*rank);
  std::uint64_t elements = 1;
  for (std::uint32_t i = 0; i < *rank; ++i) {
    const auto size = reader.Read<std::uint64_t>();
    if (!size) return EndsEarly(reader);
    if (*size == 0) return Damaged(tensor, "has a dimension of 0");
    if (*size > kMaxBytes / elements) return Damaged(tensor, "has more elements than 63 bits can count");
    elements *= *size;
    tensor.shape[i] = *size;
  }
  return base::OkStatus();
}

base::Status ReadType(ByteReader& reader, GgufTensorEntry& entry) {
  Tensor& tensor = entry.tensor;
  const auto code = reader.Read<std::uint32_t>();
  if (!code) return EndsEarly(reader);
  const kernels::TensorTypeInfo* info = kernels::FindTensorType(*code);
  if (info == nullptr) {
    return base::Unimplemented("tensor " + Quoted(tensor.name) + " has type " + std::to_string(*code) +
                               ", which Bowhead does not read; use a file in F32, F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, "
                               "Q8_0, Q2_K to Q6_K or IQ4_NL");
  }
  if (tensor.shape[0] % info->block_elements != 0) {
    return Damaged(tensor, "has rows of " + std::to_string(tensor.shape[0]) + " elements, but " +
                               std::string(info->name) + " stores whole blocks of " +
                               std::to_string(info->block_elements));
  }
  const std::uint64_t blocks = tensor.num_elements() / info->block_elements;
  if (blocks > kMaxBytes / info->block_bytes) return Damaged(tensor, "is larger than 63 bits can count");
  tensor.type = info->type;
  entry.size = blocks * info->block_bytes;
  return base::OkStatus();
}

base::Status ReadEntry(ByteReader& reader, GgufTensorEntry& entry) {
  if (base::Status status = ReadName(reader, entry.tensor); !status.ok()) return status;
  if (base::Status status = ReadShape(reader, entry.tensor); !status.ok()) return status;
  if (base::Status status = ReadType(reader, entry); !status.ok()) return status;
  const auto offset = reader.Read<std::uint64_t>();
  if (!offset) return EndsEarly(reader);
  if (*offset > kMaxBytes - entry.size) return Damaged(entry.tensor, "ends past what 63 bits can count");
  entry.offset = *offset;
  return base::OkStatus();
}

base::Status CheckNames(const std::vector<GgufTensorEntry>& entries) {
  std::unordered_set<std::string_view> names;
  names.reserve(entries.size());
  for (const GgufTensorEntry& entry : entries) {
    if (!names.insert(entry.tensor.name).second) return Damaged(entry.tensor, "appears twice");
  }
  return base::OkStatus();
}

base::Status CheckOverlap(const std::vector<GgufTensorEntry>& entries) {
  std::vector<const GgufTensorEntry*> order;
  order.reserve(entries.size());
  for (const GgufTensorEntry& entry : entries) order.push_back(&entry);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (order[i - 1]->offset + order[i - 1]->size > order[i]->offset) {
      return Damaged(order[i]->tensor, "overlaps tensor " + Quoted(order[i - 1]->tensor.name));
    }
  }
  return base::OkStatus();
}

base::Status CutOff(std::uint64_t have, std::uint64_t data_begin, const GgufTensorEntry& last) {
  const std::uint64_t data_have = have > data_begin ? have - data_begin : 0;
  const std::uint64_t missing = last.offset + last.size - data_have + (have < data_begin ? data_begin - have : 0);
  return base::DataLoss("the file has " + std::to_string(have) + " bytes, but its tensors reach " +
                        std::to_string(missing) + " bytes further (to the end of " + Quoted(last.tensor.name) +
                        "): it is cut off; fetch it again");
}

}  // namespace

base::Result<std::vector<GgufTensorEntry>> ReadGgufTensors(ByteReader& reader, std::uint64_t count) {
  if (count > reader.remaining() / kMinEntryBytes) {
    return base::DataLoss("the file claims " + std::to_string(count) + " tensors, but only " +
                          std::to_string(reader.remaining()) + " bytes of it are left; it is damaged or cut off");
  }
  if (count > kMaxTensors) {
    return base::DataLoss("the file has " + std::to_string(count) + " tensors; at most " + std::to_string(kMaxTensors) +
                          " are allowed");
  }
  std::vector<GgufTensorEntry> entries(static_cast<std::size_t>(count));
  for (GgufTensorEntry& entry : entries) {
    if (base::Status status = ReadEntry(reader, entry); !status.ok()) return status;
  }
  return entries;
}

base::Status PlaceGgufTensors(std::vector<GgufTensorEntry>& entries, std::uint64_t alignment,
                              std::span<const std::byte> file, std::uint64_t data_begin, bool header_only) {
  if (entries.empty()) return base::OkStatus();
  if (base::Status status = CheckNames(entries); !status.ok()) return status;
  for (const GgufTensorEntry& entry : entries) {
    if (entry.offset % alignment != 0) {
      return Damaged(entry.tensor, "starts at offset " + std::to_string(entry.offset) + ", which is no multiple of " +
                                       std::to_string(alignment));
    }
  }
  if (base::Status status = CheckOverlap(entries); !status.ok()) return status;
  if (header_only) return base::OkStatus();

  const auto last = std::max_element(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return a.offset + a.size < b.offset + b.size;
  });
  if (data_begin > file.size() || last->offset + last->size > file.size() - data_begin) {
    return CutOff(file.size(), data_begin, *last);
  }
  const std::span<const std::byte> data = file.subspan(static_cast<std::size_t>(data_begin));
  for (GgufTensorEntry& entry : entries) {
    entry.tensor.data = data.subspan(static_cast<std::size_t>(entry.offset), static_cast<std::size_t>(entry.size));
  }
  return base::OkStatus();
}

}  // namespace bowhead::model
