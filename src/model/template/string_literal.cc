#include "model/template/string_literal.h"

#include <cstddef>
#include <cstdint>

#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::uint32_t> ReadHex(std::string_view text, std::size_t at, std::size_t digits) {
  if (text.size() < at + digits) return std::nullopt;
  std::uint32_t value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    const int digit = HexDigit(text[i]);
    if (digit < 0) return std::nullopt;
    value = value << 4 | static_cast<std::uint32_t>(digit);
  }
  return value;
}

// The character of a one-letter escape; 0 for another letter.
char SimpleEscape(char c) {
  constexpr std::string_view kFrom = "\\'\"abfnrtv";
  constexpr std::string_view kTo = "\\'\"\a\b\f\n\r\t\v";
  const std::size_t i = kFrom.find(c);
  return i == std::string_view::npos ? '\0' : kTo[i];
}

}  // namespace

std::optional<std::string> UnescapeLiteral(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out.push_back(text[i++]);
      continue;
    }
    const char c = text[i + 1];
    if (const char simple = SimpleEscape(c); simple != '\0') {
      out.push_back(simple);
      i += 2;
    } else if (c == '\n') {
      i += 2;
    } else if (c >= '0' && c <= '7') {
      std::uint32_t value = 0;
      std::size_t end = i + 1;
      for (; end < text.size() && end < i + 4 && text[end] >= '0' && text[end] <= '7'; ++end) {
        value = value * 8 + static_cast<std::uint32_t>(text[end] - '0');
      }
      AppendUtf8(out, value);
      i = end;
    } else if (c == 'x' || c == 'u' || c == 'U') {
      const std::size_t digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
      const auto value = ReadHex(text, i + 2, digits);
      if (!value || *value > 0x10FFFF) return std::nullopt;
      // A lone surrogate has no UTF-8; it must not become the raw byte that AppendUtf8 makes of some of them.
      AppendUtf8(out, *value >= 0xD800 && *value < 0xE000 ? 0xFFFD : *value);
      i += 2 + digits;
    } else if (c == 'N') {
      return std::nullopt;
    } else {
      out.push_back('\\');
      ++i;
    }
  }
  return out;
}

}  // namespace bowhead::model
