#include "cli/printable.h"

#include <array>
#include <cstdio>

namespace bowhead::cli {
namespace {

// Length of the well-formed UTF-8 character that starts the text, 0 if there is none. (Unicode 15, table 3-7.)
std::size_t CharacterLength(std::string_view text) {
  const auto byte = [text](std::size_t i) -> unsigned { return i < text.size() ? text[i] & 0xFFU : 0U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead == 0xE0) low = 0xA0;
  if (lead == 0xED) high = 0x9F;
  if (lead == 0xF0) low = 0x90;
  if (lead == 0xF4) high = 0x8F;
  const std::size_t length = lead >= 0xC2 && lead <= 0xDF ? 2U : lead >= 0xE0 && lead <= 0xEF ? 3U : 4U;
  if (lead < 0xC2 || lead > 0xF4 || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  return length;
}

// ASCII controls, DEL, and the C1 controls that some terminals obey.
bool IsControl(std::string_view character) {
  const unsigned first = character[0] & 0xFFU;
  return first < 0x20 || first == 0x7F || (first == 0xC2 && (character[1] & 0xFFU) < 0xA0);
}

std::string Escaped(std::string_view bytes) {
  if (bytes == "\n") return "\\n";
  if (bytes == "\t") return "\\t";
  std::string out;
  for (const char c : bytes) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "\\x%02x", c & 0xFFU);
    out += text.data();
  }
  return out;
}

std::string Scaled(double value, double step, const std::array<const char*, 6>& units) {
  std::size_t unit = 0;
  for (; value >= step && unit + 1 < units.size(); ++unit) value /= step;
  std::array<char, 48> text{};
  std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f%s" : "%.1f%s", value, units[unit]);
  return text.data();
}

}  // namespace

std::string Printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size() && at < max_bytes) {
    const std::size_t length = CharacterLength(text.substr(at));
    const std::string_view character = text.substr(at, length == 0 ? 1 : length);
    if (length == 0 || IsControl(character)) {
      out += Escaped(character);
    } else {
      out += character;
    }
    at += character.size();
  }
  if (at < text.size()) out += "...";
  return out;
}

std::string HumanBytes(std::uint64_t bytes) {
  return Scaled(static_cast<double>(bytes), 1024, {" bytes", " KiB", " MiB", " GiB", " TiB", " PiB"});
}

std::string HumanCount(std::uint64_t count) {
  return Scaled(static_cast<double>(count), 1000, {"", " k", " M", " G", " T", " P"});
}

}  // namespace bowhead::cli
