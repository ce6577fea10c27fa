#include "model/template/format_spec.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "model/template/errors.h"
#include "model/template/python.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

bool IsAlign(char c) {
  return c == '<' || c == '>' || c == '^' || c == '=';
}

void Pad(TextBuilder& out, const FormatSpec& spec, const Text& body, char default_align) {
  const auto length = static_cast<std::int64_t>(CountCodePoints(body.bytes()));
  const std::int64_t missing = std::max<std::int64_t>(0, spec.width - length);
  const char align = spec.align == '\0' ? default_align : spec.align;
  const std::int64_t left = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  out.meter().CheckSize(static_cast<std::size_t>(missing), spec.fill.size());
  for (std::int64_t i = 0; i < left; ++i) out.Append(spec.fill);
  out.Append(body);
  for (std::int64_t i = left; i < missing; ++i) out.Append(spec.fill);
}

std::string Grouped(const std::string& digits, char separator, std::size_t size) {
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % size == 0) out.push_back(separator);
    out.push_back(digits[i]);
  }
  return out;
}

std::string Digits(double value, std::chars_format format, std::int64_t precision) {
  std::string buffer(static_cast<std::size_t>(precision) + 400, '\0');
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, format, static_cast<int>(precision));
  buffer.resize(static_cast<std::size_t>(end.ptr - buffer.data()));
  return buffer;
}

// 'g' without '#': to_chars drops the zeros at the end already.
std::string GeneralDigits(double value, std::int64_t precision) {
  return Digits(value, std::chars_format::general, std::max<std::int64_t>(precision, 1));
}

std::string FloatDigits(double value, const FormatSpec& spec) {
  if (!std::isfinite(value)) return std::isnan(value) ? "nan" : "inf";
  const std::int64_t precision = spec.precision < 0 ? 6 : spec.precision;
  switch (spec.type) {
    case 'e':
    case 'E':
      return Digits(value, std::chars_format::scientific, precision);
    case 'f':
    case 'F':
      return Digits(value, std::chars_format::fixed, precision);
    case '%':
      return Digits(value * 100, std::chars_format::fixed, precision) + "%";
    case 'g':
    case 'G':
    case 'n':
      return GeneralDigits(value, precision);
    default:
      break;
  }
  if (spec.precision < 0) return FloatRepr(value);
  std::string digits = GeneralDigits(value, spec.precision);
  if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
  return digits;
}

}  // namespace

std::int64_t ParseFormatCount(std::string_view text, std::size_t& at) {
  std::int64_t value = 0;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') {
    if (value > 100'000'000) FailLimit("a width or precision in a format is too large");
    value = value * 10 + (text[at++] - '0');
  }
  return value;
}

FormatSpec ParseFormatSpec(std::string_view text) {
  FormatSpec spec;
  std::size_t at = 0;
  const std::size_t first = text.empty() ? 0 : DecodeAt(text, 0).size;
  if (first != 0 && first < text.size() && IsAlign(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    at = first + 1;
  } else if (!text.empty() && IsAlign(text[0])) {
    spec.align = text[at++];
  }
  const auto peek = [&text, &at] { return at < text.size() ? text[at] : '\0'; };
  if (peek() == '+' || peek() == '-' || peek() == ' ') spec.sign = text[at++];
  if (peek() == '#') {
    spec.alternate = true;
    ++at;
  }
  if (peek() == '0') {
    if (spec.align == '\0') {
      spec.align = '=';
      spec.fill = "0";
    }
    ++at;
  }
  spec.width = ParseFormatCount(text, at);
  if (peek() == ',' || peek() == '_') spec.grouping = text[at++];
  if (peek() == '.') {
    ++at;
    if (peek() < '0' || peek() > '9') Fail("the format has no precision after '.'");
    spec.precision = ParseFormatCount(text, at);
  }
  if (at < text.size()) spec.type = text[at++];
  if (at != text.size()) Fail("the format '" + std::string(text) + "' is not valid");
  return spec;
}

// A number as sign, prefix and digits, padded behind the sign for '='.
void AppendFormattedNumber(TextBuilder& out, const FormatSpec& spec, bool negative, const std::string& prefix,
                           std::string digits) {
  const std::string sign = negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  if (spec.grouping != '\0') {
    const std::size_t whole = std::min(digits.find_first_not_of("0123456789abcdefABCDEF"), digits.size());
    const bool decimal = spec.type != 'x' && spec.type != 'X' && spec.type != 'o' && spec.type != 'b';
    digits = Grouped(digits.substr(0, whole), spec.grouping, decimal ? 3 : 4) + digits.substr(whole);
  }
  if (spec.align != '=') {
    Pad(out, spec, Text(sign + prefix + digits), '>');
    return;
  }
  out.Append(sign + prefix);
  FormatSpec inner = spec;
  inner.align = '>';
  inner.width = spec.width - static_cast<std::int64_t>(sign.size() + prefix.size());
  Pad(out, inner, Text(digits), '>');
}

void AppendFormattedFloat(TextBuilder& out, double value, const FormatSpec& spec) {
  constexpr std::string_view kTypes("\0eEfFgGn%", 9);
  if (kTypes.find(spec.type) == std::string_view::npos)
    Fail(std::string("the format '") + spec.type + "' is not for a float");
  if (spec.precision > kMaxFormatPrecision) FailLimit("a precision in a format is too large");
  std::string digits = FloatDigits(std::abs(value), spec);
  if (spec.type == 'E' || spec.type == 'F' || spec.type == 'G') {
    std::transform(digits.begin(), digits.end(), digits.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  }
  AppendFormattedNumber(out, spec, std::signbit(value) && !std::isnan(value), "", digits);
}

void AppendFormattedInt(TextBuilder& out, std::int64_t value, const FormatSpec& spec) {
  constexpr std::string_view kFloatTypes = "eEfFgG%";
  if (kFloatTypes.find(spec.type) != std::string_view::npos) {
    AppendFormattedFloat(out, static_cast<double>(value), spec);
    return;
  }
  if (spec.precision >= 0) Fail("an integer has no precision");
  if (spec.type == 'c') {
    std::string character;
    if (value < 0 || value > 0x10FFFF) Fail("the number is no character");
    AppendUtf8(character, static_cast<std::uint32_t>(value));
    Pad(out, spec, Text(character), '<');
    return;
  }
  int base = 10;
  std::string prefix;
  if (spec.type == 'x' || spec.type == 'X' || spec.type == 'o' || spec.type == 'b') {
    base = spec.type == 'o' ? 8 : spec.type == 'b' ? 2 : 16;
    if (spec.alternate) prefix = std::string("0") + spec.type;
  } else if (spec.type != '\0' && spec.type != 'd' && spec.type != 'n') {
    Fail(std::string("the format '") + spec.type + "' is not for an integer");
  }
  std::array<char, 72> buffer{};
  const std::uint64_t magnitude = value < 0 ? -static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), magnitude, base);
  std::string digits(buffer.data(), end.ptr);
  if (spec.type == 'X') {
    std::transform(digits.begin(), digits.end(), digits.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  }
  AppendFormattedNumber(out, spec, value < 0, prefix, digits);
}

void AppendFormattedString(TextBuilder& out, const Text& text, const FormatSpec& spec) {
  if ((spec.type != '\0' && spec.type != 's') || spec.align == '=' || spec.sign != '-' || spec.grouping != '\0') {
    Fail("the format is not for a string");
  }
  std::size_t end = text.size();
  if (spec.precision >= 0) end = OffsetOf(text.bytes(), static_cast<std::size_t>(spec.precision));
  Pad(out, spec, text.Slice(0, end), '<');
}

}  // namespace bowhead::model
