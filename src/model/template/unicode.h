// Characters as Python's str sees them: code points of UTF-8, their classes and case mappings.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bowhead::model {

/// One code point and the bytes that it takes. A byte that starts no valid sequence stands alone: its value is
/// 0xDC00 + byte (as Python's surrogateescape), so that no input is lost.
struct CodePoint {
  std::uint32_t value;
  std::size_t size;
};

/// The code point at `at`, which is less than text.size().
CodePoint DecodeAt(std::string_view text, std::size_t at);
/// The start of the code point that ends at `end`, which is in 1..text.size().
std::size_t PreviousStart(std::string_view text, std::size_t end);
/// The number of code points.
std::size_t CountCodePoints(std::string_view text);
/// The byte offset of the code point number `index`; text.size() if there are not so many.
std::size_t OffsetOf(std::string_view text, std::size_t index);
/// Appends UTF-8 (0xDC80..0xDCFF as the raw byte that it stands for; other surrogates as U+FFFD).
void AppendUtf8(std::string& out, std::uint32_t value);

bool IsSpace(std::uint32_t c);
bool IsLineBreak(std::uint32_t c);  // str.splitlines
bool IsPrintable(std::uint32_t c);
bool IsAlpha(std::uint32_t c);
bool IsDecimal(std::uint32_t c);
bool IsDigit(std::uint32_t c);
bool IsNumeric(std::uint32_t c);
inline bool IsAlnum(std::uint32_t c) {
  return IsAlpha(c) || IsDecimal(c) || IsDigit(c) || IsNumeric(c);
}
bool IsUpper(std::uint32_t c);
bool IsLower(std::uint32_t c);
bool IsCased(std::uint32_t c);
bool IsCaseIgnorable(std::uint32_t c);

/// Up to three code points; the rest are 0.
using Mapped = std::array<std::uint32_t, 3>;
Mapped ToUpper(std::uint32_t c);
Mapped ToLower(std::uint32_t c);  // without the rule for final sigma
Mapped ToTitle(std::uint32_t c);

}  // namespace bowhead::model
