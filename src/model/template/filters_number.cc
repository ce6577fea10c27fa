// Filters on numbers.
#include <charconv>
#include <cmath>
#include <optional>

#include "model/template/errors.h"
#include "model/template/filters.h"
#include "model/template/python.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

// Text without the spaces around it and without the underscores between digits; nullopt if an underscore is elsewhere.
std::optional<std::string> NumberText(const Text& text, Meter& meter) {
  meter.Bytes(text.size());
  std::string out;
  const std::string_view bytes = text.bytes();
  std::size_t begin = 0;
  std::size_t end = bytes.size();
  while (begin < end && IsSpace(DecodeAt(bytes, begin).value)) begin += DecodeAt(bytes, begin).size;
  while (end > begin && IsSpace(DecodeAt(bytes, PreviousStart(bytes, end)).value)) end = PreviousStart(bytes, end);
  const auto is_digit = [&bytes, begin, end](std::size_t i) {
    return i >= begin && i < end &&
           ((bytes[i] >= '0' && bytes[i] <= '9') || (bytes[i] >= 'a' && bytes[i] <= 'f') ||
            (bytes[i] >= 'A' && bytes[i] <= 'F'));
  };
  for (std::size_t i = begin; i < end; ++i) {
    if (bytes[i] != '_') {
      out.push_back(bytes[i]);
    } else if (i == begin || !is_digit(i - 1) || !is_digit(i + 1)) {
      return std::nullopt;
    }
  }
  return out;
}

std::optional<double> ParseFloat(const Text& text, Meter& meter) {
  auto digits = NumberText(text, meter);
  if (!digits) return std::nullopt;
  std::string_view rest = *digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.empty() || rest.front() == '-' || rest.front() == '+') return std::nullopt;
  double value = 0;
  const auto result = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (result.ptr != rest.data() + rest.size() || result.ec == std::errc::invalid_argument) return std::nullopt;
  if (result.ec == std::errc::result_out_of_range) {
    // from_chars does not say in which direction; the exponent does.
    const std::size_t e = rest.find_first_of("eE");
    value = e != std::string_view::npos && e + 1 < rest.size() && rest[e + 1] == '-' ? 0.0 : HUGE_VAL;
  }
  return negative ? -value : value;
}

// int(text, base); base 0 reads the prefix.
std::optional<std::int64_t> ParseInt(const Text& text, std::int64_t base, Meter& meter) {
  auto digits = NumberText(text, meter);
  if (!digits) return std::nullopt;
  std::string_view rest = *digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  const auto prefixed = [&rest](char letter) {
    return rest.size() > 2 && rest[0] == '0' && (rest[1] | 0x20) == letter;
  };
  const std::int64_t by_prefix = prefixed('x') ? 16 : prefixed('o') ? 8 : prefixed('b') ? 2 : 0;
  if (by_prefix != 0 && (base == 0 || base == by_prefix)) {
    rest.remove_prefix(2);
    base = by_prefix;
  } else if (base == 0) {
    base = 10;
  }
  if (base < 2 || base > 36) Fail("int: the base is not in 2..36");
  if (rest.empty() || rest.front() == '-' || rest.front() == '+') return std::nullopt;
  std::string signed_digits = (negative ? "-" : "") + std::string(rest);
  std::int64_t value = 0;
  const char* end = signed_digits.data() + signed_digits.size();
  const auto result = std::from_chars(signed_digits.data(), end, value, static_cast<int>(base));
  if (result.ptr != end || result.ec == std::errc::invalid_argument) return std::nullopt;
  if (result.ec == std::errc::result_out_of_range) FailLimit("int: the number needs more than 64 bits");
  return value;
}

std::optional<std::int64_t> Truncated(double value) {
  if (!std::isfinite(value)) return std::nullopt;
  if (std::abs(value) >= 0x1p63) FailLimit("int: the number needs more than 64 bits");
  return static_cast<std::int64_t>(value);
}

Value FilterInt(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "int", {"default", "base"});
  RequireDefined(input);
  std::optional<std::int64_t> value;
  if (input.IsInt() || input.IsBool()) {
    value = ToInt(input, "int");
  } else if (input.IsDouble()) {
    value = Truncated(input.double_value());
    if (!value && std::isinf(input.double_value())) Fail("int: infinity is no integer");
  } else if (input.IsString()) {
    value = ParseInt(input.text(), bound.Int(1, 10), runtime.meter());
    if (!value) {
      if (const auto number = ParseFloat(input.text(), runtime.meter())) value = Truncated(*number);
    }
  }
  if (value) return Value::Int(*value);
  return bound.Has(0) ? bound[0] : Value::Int(0);
}

Value FilterFloat(Runtime& runtime, const Value& input, const Args& args) {
  const BoundArgs bound(args, "float", {"default"});
  RequireDefined(input);
  if (input.IsDouble()) return input;
  if (input.IsInt() || input.IsBool()) return Value::Double(static_cast<double>(ToInt(input, "float")));
  if (input.IsString()) {
    if (const auto value = ParseFloat(input.text(), runtime.meter())) return Value::Double(*value);
  }
  return bound.Has(0) ? bound[0] : Value::Double(0);
}

Value FilterAbs(Runtime&, const Value& input, const Args& args) {
  const BoundArgs bound(args, "abs", {});
  if (input.IsDouble()) return Value::Double(std::abs(input.double_value()));
  return ToInt(input, "abs") < 0 ? Negate(input) : Plus(input);
}

double RoundTo(double value, std::int64_t precision) {
  if (!std::isfinite(value) || precision > 323) return value;
  if (precision < -308) return std::copysign(0.0, value);
  if (precision < 0) {
    const double unit = std::pow(10.0, static_cast<double>(-precision));
    return std::nearbyint(value / unit) * unit;
  }
  // Through the decimal digits, so that 2.675 rounds as its true value (2.67499...) does.
  std::string digits(800, '\0');
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed,
                                 static_cast<int>(precision));
  double result = 0;
  std::from_chars(digits.data(), end.ptr, result);
  return result;
}

Value FilterRound(Runtime&, const Value& input, const Args& args) {
  const BoundArgs bound(args, "round", {"precision", "method"});
  const std::int64_t precision = bound.Int(0, 0);
  const std::string_view method = bound.Has(1) ? bound.String(1).bytes() : "common";
  if (method != "common" && method != "ceil" && method != "floor") Fail("round: method is common, ceil or floor");
  RequireDefined(input);
  if (!input.IsDouble() && precision >= 0 && method == "common") return Value::Int(ToInt(input, "round"));
  const double value = input.IsDouble() ? input.double_value() : static_cast<double>(ToInt(input, "round"));
  if (method == "common") {
    const double rounded = RoundTo(value, precision);
    return input.IsDouble() ? Value::Double(rounded) : Value::Int(static_cast<std::int64_t>(rounded));
  }
  if (!std::isfinite(value)) Fail("round: the number is not finite");
  const double unit = std::pow(10.0, static_cast<double>(precision));
  return Value::Double((method == "ceil" ? std::ceil(value * unit) : std::floor(value * unit)) / unit);
}

}  // namespace

const std::vector<Filter>& NumberFilters() {
  static const std::vector<Filter> kFilters = {
      {"abs", FilterAbs}, {"float", FilterFloat}, {"int", FilterInt}, {"round", FilterRound}};
  return kFilters;
}

}  // namespace bowhead::model
