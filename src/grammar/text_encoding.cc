#include "grammar/text_encoding.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace bowhead::grammar {
namespace {

using Path = std::vector<ByteChoice>;
using Sink = std::function<void(const Path&)>;

std::uint8_t Byte(std::uint32_t value) {
  return static_cast<std::uint8_t>(value);
}

Path Literal(std::string_view text) {
  Path path;
  for (const char c : text) path.push_back({{static_cast<std::uint8_t>(c), static_cast<std::uint8_t>(c)}});
  return path;
}

/// Splits [first, last] into ranges in which all digits after the first that differs run over their whole span, so that
/// each is a product of digit ranges. `bits` is the size of a digit, `digits` how many there are.
void SplitByDigits(std::uint32_t first, std::uint32_t last, unsigned bits, unsigned digits,
                   const std::function<void(std::uint32_t, std::uint32_t)>& sink) {
  for (unsigned d = 1; d < digits; ++d) {
    const std::uint32_t mask = (1U << (bits * d)) - 1;
    if ((first & ~mask) == (last & ~mask)) continue;
    if ((first & mask) != 0) {
      SplitByDigits(first, first | mask, bits, digits, sink);
      SplitByDigits((first | mask) + 1, last, bits, digits, sink);
      return;
    }
    if ((last & mask) != mask) {
      SplitByDigits(first, (last & ~mask) - 1, bits, digits, sink);
      SplitByDigits(last & ~mask, last, bits, digits, sink);
      return;
    }
  }
  sink(first, last);
}

void EncodeUtf8(const CodePointRange& range, const Sink& sink) {
  struct Form {
    std::uint32_t last;
    std::uint32_t lead;
    unsigned length;
  };
  static constexpr std::array<Form, 4> kForms = {
      {{0x7F, 0, 1}, {0x7FF, 0xC0, 2}, {0xFFFF, 0xE0, 3}, {0x10FFFF, 0xF0, 4}}};
  std::uint32_t first = range.first;
  for (const Form& form : kForms) {
    if (first > form.last || first > range.last) continue;
    const std::uint32_t last = std::min(range.last, form.last);
    SplitByDigits(first, last, 6, form.length, [&](std::uint32_t lo, std::uint32_t hi) {
      Path path;
      for (unsigned i = 0; i < form.length; ++i) {
        const unsigned shift = 6 * (form.length - 1 - i);
        const std::uint32_t mark = i == 0 ? form.lead : 0x80;
        const std::uint32_t mask = i == 0 ? ~0U : 0x3FU;
        path.push_back({{Byte(mark | ((lo >> shift) & mask)), Byte(mark | ((hi >> shift) & mask))}});
      }
      sink(path);
    });
    first = last + 1;
  }
}

/// The hexadecimal digits of value `first` to `last`, both cases.
ByteChoice HexDigits(std::uint32_t first, std::uint32_t last) {
  ByteChoice choice;
  if (first <= 9) choice.push_back({Byte('0' + first), Byte('0' + std::min(last, 9U))});
  if (last >= 10) {
    const std::uint32_t letter = std::max(first, 10U) - 10;
    choice.push_back({Byte('A' + letter), Byte('A' + last - 10)});
    choice.push_back({Byte('a' + letter), Byte('a' + last - 10)});
  }
  return choice;
}

/// \uXXXX for the 16-bit units from `first` to `last`.
void EncodeUnits(std::uint32_t first, std::uint32_t last, const Sink& sink) {
  SplitByDigits(first, last, 4, 4, [&](std::uint32_t lo, std::uint32_t hi) {
    Path path = Literal("\\u");
    for (int shift = 12; shift >= 0; shift -= 4) path.push_back(HexDigits((lo >> shift) & 15U, (hi >> shift) & 15U));
    sink(path);
  });
}

void EncodeEscapes(const CodePointRange& range, const Sink& sink) {
  if (range.first <= 0xFFFF) EncodeUnits(range.first, std::min(range.last, 0xFFFFU), sink);
  if (range.last <= 0xFFFF) return;
  const std::uint32_t first = std::max(range.first, 0x10000U) - 0x10000;
  SplitByDigits(first, range.last - 0x10000, 10, 2, [&](std::uint32_t lo, std::uint32_t hi) {
    EncodeUnits(0xD800 + (lo >> 10U), 0xD800 + (hi >> 10U), [&](const Path& high) {
      EncodeUnits(0xDC00 + (lo & 0x3FFU), 0xDC00 + (hi & 0x3FFU), [&](const Path& low) {
        Path path = high;
        path.insert(path.end(), low.begin(), low.end());
        sink(path);
      });
    });
  });
}

void EncodeJson(const CodePointSet& set, bool free, const Sink& sink) {
  static const CodePointSet kEscaped({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  const CodePointSet as_itself = set.Intersect(kEscaped.Complement());
  for (const CodePointRange& range : as_itself.ranges()) EncodeUtf8(range, sink);
  static constexpr std::string_view kValues = "\"\\\b\f\n\r\t/";
  static constexpr std::string_view kNames = "\"\\bfnrt/";
  for (std::size_t i = 0; i < kValues.size(); ++i) {
    const char c = kValues[i];
    if (!set.Contains(static_cast<unsigned char>(c)) || (c == '/' && !free)) continue;
    sink(Literal(std::string{'\\', kNames[i]}));
  }
  if (free) {
    for (const CodePointRange& range : set.ranges()) EncodeEscapes(range, sink);
    return;
  }
  for (std::uint32_t c = 0; c < 0x20; ++c) {
    if (!set.Contains(c) || kValues.find(static_cast<char>(c)) != std::string_view::npos) continue;
    static constexpr std::string_view kHex = "0123456789abcdef";
    Path path = Literal("\\u00");
    for (const char digit : {kHex[c >> 4U], kHex[c & 15U]})
      path.push_back({{static_cast<std::uint8_t>(digit), static_cast<std::uint8_t>(digit)}});
    sink(path);
  }
}

}  // namespace

void EncodeSet(const CodePointSet& set, TextEncoding encoding, const Sink& sink) {
  if (encoding != TextEncoding::kUtf8) {
    EncodeJson(set, encoding == TextEncoding::kJsonFree, sink);
    return;
  }
  for (const CodePointRange& range : set.ranges()) EncodeUtf8(range, sink);
}

}  // namespace bowhead::grammar
