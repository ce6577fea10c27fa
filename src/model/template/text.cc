#include "model/template/text.h"

#include <algorithm>
#include <utility>

namespace bowhead::model {
namespace {

// The first range that ends behind `begin`.
std::vector<ByteRange>::const_iterator FirstBehind(const std::vector<ByteRange>& ranges, std::size_t begin) {
  return std::partition_point(ranges.begin(), ranges.end(), [begin](const ByteRange& r) { return r.end <= begin; });
}

}  // namespace

Text::Text(std::string bytes, bool untrusted) : bytes_(std::move(bytes)) {
  if (untrusted) Mark(0, bytes_.size());
}

void Text::Append(std::string_view bytes, bool untrusted) {
  const std::size_t begin = bytes_.size();
  bytes_.append(bytes);
  if (untrusted) Mark(begin, bytes_.size());
}

void Text::Append(const Text& other) {
  AppendSlice(other, 0, other.size());
}

void Text::AppendSlice(const Text& other, std::size_t begin, std::size_t end) {
  const std::size_t at = bytes_.size();
  bytes_.append(other.bytes_, begin, end - begin);
  // By index, since `other` may be this text, whose ranges grow here.
  const std::size_t count = other.untrusted_.size();
  for (std::size_t i = static_cast<std::size_t>(FirstBehind(other.untrusted_, begin) - other.untrusted_.begin());
       i < count; ++i) {
    const ByteRange range = other.untrusted_[i];
    if (range.begin >= end) break;
    Mark(at + std::max(range.begin, begin) - begin, at + std::min(range.end, end) - begin);
  }
}

void Text::AppendMapped(std::string_view bytes, const Text& other, std::size_t begin, std::size_t end) {
  Append(bytes, other.IsUntrusted(begin, end));
}

Text Text::Slice(std::size_t begin, std::size_t end) const {
  Text result;
  result.AppendSlice(*this, begin, end);
  result.markup_ = markup_;
  return result;
}

bool Text::IsUntrusted(std::size_t begin, std::size_t end) const {
  const auto it = FirstBehind(untrusted_, begin);
  return it != untrusted_.end() && it->begin < end;
}

void Text::Mark(std::size_t begin, std::size_t end) {
  if (begin == end) return;
  if (!untrusted_.empty() && untrusted_.back().end == begin) {
    untrusted_.back().end = end;
  } else {
    untrusted_.push_back({begin, end});
  }
}

}  // namespace bowhead::model
