#include "model/template/unicode.h"

#include <algorithm>
#include <iterator>

namespace bowhead::model {
namespace {

struct Range {
  std::uint32_t first, last, stride;
};
struct Shift {
  std::uint32_t first, last, stride;
  std::int32_t delta;
};
struct Special {
  std::uint32_t from, a, b, c;
};

#include "model/template/unicode_tables.inc"

// The entry that may hold `c`, or nullptr.
template <class Entry, std::size_t kSize>
const Entry* Lookup(const Entry (&table)[kSize], std::uint32_t c) {
  const auto* it = std::upper_bound(std::begin(table), std::end(table), c,
                                    [](std::uint32_t value, const Entry& entry) { return value < entry.first; });
  if (it == std::begin(table)) return nullptr;
  --it;
  return c <= it->last && (c - it->first) % it->stride == 0 ? it : nullptr;
}

template <std::size_t kShifts, std::size_t kSpecials>
Mapped Map(const Shift (&shifts)[kShifts], const Special (&specials)[kSpecials], std::uint32_t c) {
  if (const Shift* shift = Lookup(shifts, c)) {
    return {static_cast<std::uint32_t>(static_cast<std::int64_t>(c) + shift->delta), 0, 0};
  }
  const auto* it = std::lower_bound(std::begin(specials), std::end(specials), c,
                                    [](const Special& entry, std::uint32_t value) { return entry.from < value; });
  if (it != std::end(specials) && it->from == c) return {it->a, it->b, it->c};
  return {c, 0, 0};
}

bool IsContinuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

}  // namespace

CodePoint DecodeAt(std::string_view text, std::size_t at) {
  const auto byte = [text](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i])); };
  const std::uint32_t lead = byte(at);
  if (lead < 0x80) return {lead, 1};
  const CodePoint invalid = {0xDC00 + lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || size > text.size() - at) return invalid;
  std::uint32_t value = lead & (0xFFU >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) {
    if (!IsContinuation(text[at + i])) return invalid;
    value = value << 6 | (byte(at + i) & 0x3F);
  }
  constexpr std::uint32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[size] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return invalid;
  return {value, size};
}

std::size_t PreviousStart(std::string_view text, std::size_t end) {
  for (std::size_t back = 2; back <= 4 && back <= end && IsContinuation(text[end - back + 1]); ++back) {
    if (DecodeAt(text.substr(0, end), end - back).size == back) return end - back;
  }
  return end - 1;
}

std::size_t CountCodePoints(std::string_view text) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < text.size(); ++count) {
    i += static_cast<unsigned char>(text[i]) < 0x80 ? 1 : DecodeAt(text, i).size;
  }
  return count;
}

std::size_t OffsetOf(std::string_view text, std::size_t index) {
  std::size_t i = 0;
  for (; index > 0 && i < text.size(); --index) i += DecodeAt(text, i).size;
  return i;
}

void AppendUtf8(std::string& out, std::uint32_t value) {
  const auto put = [&out](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (value >= 0xDC80 && value <= 0xDCFF) {
    put(value - 0xDC00);
    return;
  }
  if ((value >= 0xD800 && value < 0xE000) || value > 0x10FFFF) value = 0xFFFD;
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0 | value >> 6);
    put(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    put(0xE0 | value >> 12);
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  } else {
    put(0xF0 | value >> 18);
    put(0x80 | (value >> 12 & 0x3F));
    put(0x80 | (value >> 6 & 0x3F));
    put(0x80 | (value & 0x3F));
  }
}

bool IsSpace(std::uint32_t c) {
  return (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x20) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool IsLineBreak(std::uint32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 || c == 0x2029;
}

bool IsPrintable(std::uint32_t c) {
  // Lone bytes (0xDC80 and up) are surrogates to Python, which it does not print.
  return !(c >= 0xD800 && c < 0xE000) && Lookup(kNotPrintable, c) == nullptr;
}
bool IsAlpha(std::uint32_t c) {
  return Lookup(kAlpha, c) != nullptr;
}
bool IsDecimal(std::uint32_t c) {
  return Lookup(kDecimal, c) != nullptr;
}
bool IsDigit(std::uint32_t c) {
  return Lookup(kDigit, c) != nullptr;
}
bool IsNumeric(std::uint32_t c) {
  return Lookup(kNumeric, c) != nullptr;
}
bool IsUpper(std::uint32_t c) {
  return Lookup(kUpper, c) != nullptr;
}
bool IsLower(std::uint32_t c) {
  return Lookup(kLower, c) != nullptr;
}
bool IsCased(std::uint32_t c) {
  return Lookup(kCased, c) != nullptr;
}
bool IsCaseIgnorable(std::uint32_t c) {
  return Lookup(kCaseIgnorable, c) != nullptr;
}

Mapped ToUpper(std::uint32_t c) {
  return Map(kToUpperSimple, kToUpperSpecial, c);
}
Mapped ToLower(std::uint32_t c) {
  return Map(kToLowerSimple, kToLowerSpecial, c);
}
Mapped ToTitle(std::uint32_t c) {
  return Map(kToTitleSimple, kToTitleSpecial, c);
}

}  // namespace bowhead::model
