#include "grammar/decimal.h"

#include <algorithm>
#include <cstddef>

namespace bowhead::grammar {

std::optional<Decimal> Decimal::Parse(std::string_view number) {
  constexpr int kMaxExponent = 400;
  Decimal result;
  if (number.substr(0, 1) == "-") {
    result.negative = true;
    number.remove_prefix(1);
  }
  const std::size_t e = number.find_first_of("eE");
  int exponent = 0;
  if (e != std::string_view::npos) {
    std::string_view digits = number.substr(e + 1);
    const bool negative = digits.substr(0, 1) == "-";
    if (negative || digits.substr(0, 1) == "+") digits.remove_prefix(1);
    for (const char digit : digits) {
      exponent = exponent * 10 + (digit - '0');
      if (exponent > kMaxExponent) return std::nullopt;
    }
    if (negative) exponent = -exponent;
    number = number.substr(0, e);
  }
  const std::size_t point = number.find('.');
  std::string whole(number.substr(0, point));
  std::string fraction(point == std::string_view::npos ? std::string_view() : number.substr(point + 1));
  for (; exponent > 0; --exponent) {
    whole += fraction.empty() ? '0' : fraction.front();
    if (!fraction.empty()) fraction.erase(0, 1);
  }
  for (; exponent < 0; ++exponent) {
    fraction.insert(fraction.begin(), whole.empty() ? '0' : whole.back());
    if (!whole.empty()) whole.pop_back();
  }
  whole.erase(0, std::min(whole.find_first_not_of('0'), whole.size()));
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  result.integer = whole.empty() ? "0" : whole;
  result.fraction = fraction;
  if (result.is_zero()) result.negative = false;
  return result;
}

Decimal Decimal::Negated() const {
  Decimal result = *this;
  result.negative = !negative && !is_zero();
  return result;
}

std::string Decimal::ToText() const {
  return (negative ? "-" : "") + integer + (fraction.empty() ? "" : "." + fraction);
}

int Compare(const Decimal& a, const Decimal& b) {
  if (a.negative != b.negative) return a.negative ? -1 : 1;
  int magnitude = 0;
  if (a.integer.size() != b.integer.size()) {
    magnitude = a.integer.size() < b.integer.size() ? -1 : 1;
  } else {
    magnitude = a.integer.compare(b.integer);
    if (magnitude == 0) magnitude = a.fraction.compare(b.fraction);  // no trailing zeros: longer is larger
  }
  return a.negative ? -magnitude : magnitude;
}

}  // namespace bowhead::grammar
