// Small operations on ASCII text, the same whatever the locale.
#pragma once

#include <string>
#include <string_view>

namespace bowhead::base {

/// 'A' to 'Z' in lower case; every other character as it is.
constexpr char ToLower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Each character through ToLower(char).
std::string ToLower(std::string_view text);

/// True if both are the same but for the case of ASCII letters.
bool EqualsIgnoringCase(std::string_view a, std::string_view b);

/// The text without the characters of `blanks` at its ends. Points into `text`.
std::string_view Trim(std::string_view text, std::string_view blanks = " \t");

}  // namespace bowhead::base
