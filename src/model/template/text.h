// Text that remembers, byte by byte, whether it came from the conversation or from the template.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/tokenizer/tokenizer.h"

namespace bowhead::model {

/// UTF-8 bytes and the ranges of them that are untrusted (ascending, disjoint, not empty, never touching each other).
/// Every operation of the template language goes through these, so origin survives slicing, joining and mapping.
class Text {
 public:
  Text() = default;
  explicit Text(std::string bytes, bool untrusted = false);

  [[nodiscard]] std::string_view bytes() const { return bytes_; }
  [[nodiscard]] const std::vector<ByteRange>& untrusted() const { return untrusted_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

  /// True for the result of `safe` and `escape`, whose sums with plain text escape the plain part (Markup in Jinja).
  [[nodiscard]] bool markup() const { return markup_; }
  void set_markup(bool markup) { markup_ = markup; }

  void Reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  /// Appends bytes of the one or the other origin.
  void Append(std::string_view bytes, bool untrusted = false);
  /// Appends another text with its origin.
  void Append(const Text& other);
  /// Appends bytes [begin, end) of another text with their origin. Both are at most other.size(), begin <= end.
  void AppendSlice(const Text& other, std::size_t begin, std::size_t end);
  /// Appends `bytes`, which stand for the bytes [begin, end) of `other` (case mapping, escapes): they are untrusted if
  /// any byte that they stand for is.
  void AppendMapped(std::string_view bytes, const Text& other, std::size_t begin, std::size_t end);

  /// A copy of bytes [begin, end); markup is kept.
  [[nodiscard]] Text Slice(std::size_t begin, std::size_t end) const;
  /// True if any byte of [begin, end) is untrusted.
  [[nodiscard]] bool IsUntrusted(std::size_t begin, std::size_t end) const;
  [[nodiscard]] bool IsUntrusted() const { return !untrusted_.empty(); }

  /// Gives the parts away, for a caller that is done with the text.
  std::string TakeBytes() { return std::move(bytes_); }
  std::vector<ByteRange> TakeUntrusted() { return std::move(untrusted_); }

 private:
  void Mark(std::size_t begin, std::size_t end);

  std::string bytes_;
  std::vector<ByteRange> untrusted_;
  bool markup_ = false;
};

}  // namespace bowhead::model
