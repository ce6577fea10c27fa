// Decimal numbers as JSON writes them, compared without rounding.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace bowhead::grammar {

/// A finite decimal number. Zero is never negative; `integer` has no leading zeros (but is never empty), `fraction` no
/// trailing ones.
struct Decimal {
  bool negative = false;
  std::string integer = "0";
  std::string fraction;

  /// Of a number of JSON. Nothing if its exponent is beyond 400 digits.
  static std::optional<Decimal> Parse(std::string_view number);
  [[nodiscard]] bool is_zero() const { return integer == "0" && fraction.empty(); }
  [[nodiscard]] bool is_integer() const { return fraction.empty(); }
  [[nodiscard]] Decimal Negated() const;
  [[nodiscard]] std::string ToText() const;
  friend bool operator==(const Decimal&, const Decimal&) = default;
};

/// Below 0, 0 or above 0, as a - b.
int Compare(const Decimal& a, const Decimal& b);

}  // namespace bowhead::grammar
