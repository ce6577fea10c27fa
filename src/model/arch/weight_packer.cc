#include "model/arch/weight_packer.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace bowhead::model {

using kernels::kPanelRows;

// Rows [first_row, last_row) of a tensor; for a matrix to pack, whole panels of it.
struct WeightPacker::Part {
  const PackJob* job = nullptr;  // nullptr: only checked
  const Tensor* tensor = nullptr;
  std::size_t first_panel = 0;
  std::size_t last_panel = 0;
  std::size_t first_row = 0;
  std::size_t last_row = 0;

  [[nodiscard]] std::size_t row_bytes() const {
    return static_cast<std::size_t>(tensor->data.size() / tensor->shape[1]);
  }
  [[nodiscard]] std::span<const std::byte> source() const {
    return tensor->data.subspan(first_row * row_bytes(), (last_row - first_row) * row_bytes());
  }
};

WeightPacker::WeightPacker(const ModelFile* file, std::vector<PackJob> jobs, std::size_t arena_bytes,
                           const Tensor* in_place)
    : file_(file), jobs_(std::move(jobs)), arena_bytes_(arena_bytes), in_place_(in_place) {
  if (in_place_ == nullptr) return;
  const auto rows = static_cast<std::size_t>(in_place_->shape[1]);
  const std::size_t rows_a_chunk = std::max<std::size_t>(kChunkBytes / (in_place_->data.size() / rows), 1);
  for (std::size_t row = 0; row < rows; row += rows_a_chunk) {
    in_place_chunks_.push_back({row, std::min(row + rows_a_chunk, rows)});
  }
}

base::ContentHash WeightPacker::Plan() const {
  base::ContentHasher hasher;
  hasher.Add(static_cast<std::uint64_t>(kChunkBytes));
  hasher.Add(static_cast<std::uint64_t>(arena_bytes_));
  const auto add = [&hasher](const Tensor& tensor, std::uint64_t offset) {
    hasher.Add(std::string_view(tensor.name));
    for (const std::uint64_t number :
         {static_cast<std::uint64_t>(tensor.type), tensor.shape[0], tensor.shape[1], offset}) {
      hasher.Add(number);
    }
  };
  for (const PackJob& job : jobs_) add(*job.tensor, job.offset);
  if (in_place_ != nullptr) add(*in_place_, arena_bytes_);
  return hasher.Finish();
}

WeightPacker::Range WeightPacker::ChunkRange(std::size_t chunk) const {
  const std::size_t begin = std::min(chunk * kChunkBytes, arena_bytes_);
  return {begin, std::min(begin + kChunkBytes, arena_bytes_)};
}

std::vector<WeightPacker::Part> WeightPacker::PartsOf(std::size_t chunk) const {
  std::vector<Part> parts;
  if (chunk >= num_packed_chunks()) {
    const RowRange rows = in_place_chunks_[chunk - num_packed_chunks()];
    parts.push_back({nullptr, in_place_, 0, 0, rows.begin, rows.end});
    return parts;
  }
  const Range range = ChunkRange(chunk);
  // The last job that starts at or before the chunk, and those that follow.
  auto it = std::upper_bound(jobs_.begin(), jobs_.end(), range.begin,
                             [](std::size_t at, const PackJob& job) { return at < job.offset; });
  if (it != jobs_.begin()) --it;
  for (; it != jobs_.end() && it->offset < range.end; ++it) {
    const std::size_t end = it->offset + it->matrix->total_bytes();
    const std::size_t from = std::max(range.begin, it->offset);
    const std::size_t to = std::min(range.end, end);
    if (from >= to) continue;
    const std::size_t panel_bytes = it->matrix->panel_bytes();
    Part part{&*it, it->tensor, (from - it->offset) / panel_bytes, (to - it->offset + panel_bytes - 1) / panel_bytes,
              0,    0};
    part.first_row = part.first_panel * kPanelRows;
    part.last_row = std::min(part.last_panel * kPanelRows, it->matrix->rows);
    parts.push_back(part);
  }
  return parts;
}

// Panels that reach over an end of the chunk are packed aside, and what is inside is copied.
void WeightPacker::PackPart(const Part& part, const Range& range, std::byte* out) {
  const kernels::PackedMatrix& matrix = *part.job->matrix;
  const std::size_t panel_bytes = matrix.panel_bytes();
  const std::byte* raw = part.tensor->data.data();
  const auto bytes_at = [&](std::size_t at) { return static_cast<std::uint8_t*>(static_cast<void*>(out + at)); };
  const auto place = [&](std::size_t panel) { return part.job->offset + panel * panel_bytes; };
  const auto pack_aside = [&](std::size_t panel) {
    std::vector<std::uint8_t> aside(panel_bytes);
    kernels::PackPanels(matrix.type, raw, matrix.rows, matrix.cols, panel, panel + 1, aside.data());
    const std::size_t from = std::max(place(panel), range.begin);
    const std::size_t to = std::min(place(panel + 1), range.end);
    std::memcpy(out + (from - range.begin), aside.data() + (from - place(panel)), to - from);
  };
  std::size_t first = part.first_panel;
  std::size_t last = part.last_panel;
  if (place(first) < range.begin) pack_aside(first++);
  if (first < last && place(last) > range.end) pack_aside(--last);
  if (first < last) {
    kernels::PackPanels(matrix.type, raw, matrix.rows, matrix.cols, first, last, bytes_at(place(first) - range.begin));
  }
}

base::Status WeightPacker::Pack(std::size_t chunk, std::span<std::byte> out, ChunkHashes& hashes) const {
  const Range range = ChunkRange(chunk);
  base::ContentHasher source;
  std::size_t written = range.begin;  // what follows is not yet
  for (const Part& part : PartsOf(chunk)) {
    file_->WillNeed(part.source());
    source.Add(part.source());
    if (!kernels::AllFinite(part.tensor->type, part.tensor->data.data(), part.first_row, part.last_row,
                            static_cast<std::size_t>(part.tensor->shape[0]))) {
      return base::InvalidArgument("the model file cannot be served: the tensor \"" + part.tensor->name +
                                   "\" holds scales or values that are not finite");
    }
    if (part.job != nullptr) {
      const std::size_t begin = std::max(part.job->offset, range.begin);
      std::memset(out.data() + (written - range.begin), 0, begin - written);  // between matrices
      PackPart(part, range, out.data());
      written = std::min(part.job->offset + part.job->matrix->total_bytes(), range.end);
    }
    file_->DontNeed(part.source());  // the original need not stay in memory too
  }
  hashes = {};
  hashes.source = source.Finish();
  if (range.size() == 0) return base::OkStatus();
  std::memset(out.data() + (written - range.begin), 0, range.end - written);
  hashes.packed = base::HashContent(out.first(range.size()));
  return base::OkStatus();
}

base::ContentHash WeightPacker::HashSource(std::size_t chunk) const {
  base::ContentHasher source;
  for (const Part& part : PartsOf(chunk)) {
    source.Add(part.source());
    file_->DontNeed(part.source());
  }
  return source.Finish();
}

void WeightPacker::Attach(const std::byte* arena) const {
  for (const PackJob& job : jobs_) {
    job.matrix->data = static_cast<const std::uint8_t*>(static_cast<const void*>(arena + job.offset));
  }
}

}  // namespace bowhead::model
