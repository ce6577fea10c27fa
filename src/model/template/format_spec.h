// The format specification of str.format, which % uses too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "model/template/runtime.h"

namespace bowhead::model {

/// Digits behind the point (or least digits of an integer) that a format may ask for.
constexpr std::int64_t kMaxFormatPrecision = 400;

/// [[fill]align][sign][#][0][width][grouping][.precision][type]
struct FormatSpec {
  std::string fill = " ";
  char align = '\0';  // < > ^ =
  char sign = '-';
  bool alternate = false;
  std::int64_t width = 0;
  char grouping = '\0';
  std::int64_t precision = -1;
  char type = '\0';
};

/// The digits at `at`, which moves behind them. Fails above 100 million.
std::int64_t ParseFormatCount(std::string_view text, std::size_t& at);
FormatSpec ParseFormatSpec(std::string_view text);

/// A number's `digits` with sign, prefix, grouping and padding.
void AppendFormattedNumber(TextBuilder& out, const FormatSpec& spec, bool negative, const std::string& prefix,
                           std::string digits);
void AppendFormattedFloat(TextBuilder& out, double value, const FormatSpec& spec);
void AppendFormattedInt(TextBuilder& out, std::int64_t value, const FormatSpec& spec);
void AppendFormattedString(TextBuilder& out, const Text& text, const FormatSpec& spec);

}  // namespace bowhead::model
