// String formatting: '...' % args and '...'.format(...).
#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "model/template/errors.h"
#include "model/template/format_spec.h"
#include "model/template/objects.h"
#include "model/template/python.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

// format(value, spec)
void FormatValue(TextBuilder& out, const Value& value, std::string_view spec_text) {
  if (spec_text.empty()) {
    AppendStr(out, value);
    return;
  }
  if (value.IsString()) {
    FormatSpec spec = ParseFormatSpec(spec_text);
    AppendFormattedString(out, value.text(), spec);
  } else if (value.IsInt() || value.IsBool()) {
    AppendFormattedInt(out, ToInt(value, "format"), ParseFormatSpec(spec_text));
  } else if (value.IsDouble()) {
    AppendFormattedFloat(out, value.double_value(), ParseFormatSpec(spec_text));
  } else {
    Fail("a " + TypeName(value) + " has no format '" + std::string(spec_text) + "'");
  }
}

Value Converted(const Value& value, char conversion, Meter& meter) {
  if (conversion == '\0') return value;
  TextBuilder out(meter);
  if (conversion == 's') {
    AppendStr(out, value);
  } else if (conversion == 'r') {
    AppendRepr(out, value);
  } else {
    Fail(std::string("the conversion '!") + conversion + "' is not supported");
  }
  return out.TakeValue();
}

class BraceFormatter {
 public:
  BraceFormatter(const Args& args, Meter& meter) : args_(args), meter_(meter) {}

  void Write(TextBuilder& out, const Text& format, std::size_t depth) {
    if (depth == 0) Fail("formats are nested too deep");
    const std::string_view bytes = format.bytes();
    for (std::size_t i = 0; i < bytes.size();) {
      const std::size_t special = std::min(bytes.find_first_of("{}", i), bytes.size());
      out.AppendSlice(format, i, special);
      if (special == bytes.size()) return;
      i = special;
      if (i + 1 < bytes.size() && bytes[i + 1] == bytes[i]) {
        out.AppendSlice(format, i, i + 1);
        i += 2;
      } else if (bytes[i] == '}') {
        Fail("a single '}' in a format");
      } else {
        i = WriteField(out, format, i + 1, depth);
      }
    }
  }

 private:
  // The field that starts behind a '{' at `begin`; gives the place behind its '}'.
  std::size_t WriteField(TextBuilder& out, const Text& format, std::size_t begin, std::size_t depth) {
    const std::string_view bytes = format.bytes();
    std::size_t level = 1;
    std::size_t end = begin;
    for (; end < bytes.size(); ++end) {
      if (bytes[end] == '{') ++level;
      if (bytes[end] == '}' && --level == 0) break;
    }
    if (end >= bytes.size()) Fail("a '{' in a format has no '}'");
    std::size_t at = begin;
    while (at < end && bytes[at] != '!' && bytes[at] != ':') {
      at = bytes[at] == '[' ? std::min(bytes.find(']', at), end) : at + 1;
    }
    const Value value = Find(bytes.substr(begin, at - begin));
    char conversion = '\0';
    if (at < end && bytes[at] == '!') {
      if (at + 1 >= end) Fail("a format has no conversion after '!'");
      conversion = bytes[at + 1];
      at += 2;
      if (at < end && bytes[at] != ':') Fail("expected ':' after the conversion of a format");
    }
    TextBuilder spec(meter_);
    if (at < end) Write(spec, format.Slice(at + 1, end), depth - 1);
    FormatValue(out, Converted(value, conversion, meter_), spec.text().bytes());
    return end + 1;
  }

  Value Find(std::string_view field) {
    std::size_t at = std::min(field.find_first_of(".["), field.size());
    Value value = First(field.substr(0, at));
    while (at < field.size()) {
      if (field[at] == '.') {
        const std::size_t end = std::min(field.find_first_of(".[", at + 1), field.size());
        const std::string_view name = field.substr(at + 1, end - at - 1);
        value = GetAttribute(value, name, FindMethods(name), meter_);
        at = end;
      } else if (field[at] == '[') {
        const std::size_t end = field.find(']', at);
        if (end == std::string_view::npos) Fail("a '[' in a format has no ']'");
        const std::string_view key = field.substr(at + 1, end - at - 1);
        const auto index = ParseIndex(key);
        value = GetItem(value, index ? Value::Int(*index) : Value::String(std::string(key)), meter_);
        at = end + 1;
      } else {
        Fail("a format's field is not valid");
      }
    }
    return value;
  }

  static std::optional<std::int64_t> ParseIndex(std::string_view text) {
    std::int64_t value = 0;
    const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = result.ec == std::errc() && result.ptr == text.data() + text.size() && value >= 0;
    return whole && text.front() != '-' ? std::optional(value) : std::nullopt;
  }

  Value First(std::string_view name) {
    std::optional<std::int64_t> index = name.empty() ? std::nullopt : ParseIndex(name);
    if (name.empty()) {
      if (manual_) Fail("a format mixes {} and {0}");
      index = automatic_++;
    } else if (index) {
      if (automatic_ > 0) Fail("a format mixes {} and {0}");
      manual_ = true;
    }
    if (index) {
      if (*index >= static_cast<std::int64_t>(args_.positional.size())) {
        Fail("a format needs more arguments than the " + std::to_string(args_.positional.size()) + " given");
      }
      return args_.positional[static_cast<std::size_t>(*index)];
    }
    for (const auto& [key, value] : args_.named) {
      if (key == name) return value;
    }
    Fail("a format names '" + std::string(name) + "', which is not given");
  }

  const Args& args_;
  Meter& meter_;
  std::int64_t automatic_ = 0;
  bool manual_ = false;
};

class PercentFormatter {
 public:
  PercentFormatter(const Text& format, const Value& args, Meter& meter)
      : format_(format), args_(args), tuple_(args.IsTuple()), out_(meter) {}

  Value Run() {
    const std::string_view bytes = format_.bytes();
    while (at_ < bytes.size()) {
      const std::size_t percent = std::min(bytes.find('%', at_), bytes.size());
      out_.AppendSlice(format_, at_, percent);
      at_ = percent;
      if (at_ < bytes.size()) WriteOne(bytes);
    }
    if (!args_.IsDict() && used_ < (tuple_ ? args_.items().size() : 1)) {
      // One argument that can be indexed, for a format that uses none: Python takes it for a mapping.
      if (tuple_ || used_ != 0 || !(args_.IsList() || args_.IsUndefined() || AsRange(args_) != nullptr))
        Fail("a format uses not all of its arguments");
    }
    return out_.TakeValue(format_.markup());
  }

 private:
  void WriteOne(std::string_view bytes) {
    ++at_;
    const auto peek = [&] { return at_ < bytes.size() ? bytes[at_] : '\0'; };
    const Value* keyed = nullptr;
    if (peek() == '(') keyed = &Keyed(bytes);
    FormatSpec spec;
    bool left = false;
    bool zero = false;
    for (; peek() != '\0' && std::string_view("-+ #0").find(peek()) != std::string_view::npos; ++at_) {
      left |= peek() == '-';
      zero |= peek() == '0';
      spec.alternate |= peek() == '#';
      if (peek() == '+' || (peek() == ' ' && spec.sign != '+')) spec.sign = peek();
    }
    spec.width = Count(bytes);
    if (spec.width < 0) {
      left = true;
      spec.width = -spec.width;
    }
    if (peek() == '.') {
      ++at_;
      spec.precision = std::max<std::int64_t>(0, Count(bytes));
    }
    while (peek() == 'h' || peek() == 'l' || peek() == 'L') ++at_;
    if (at_ >= bytes.size()) Fail("a format ends after '%'");
    const char type = bytes[at_++];
    if (type == '%') {
      out_.Append("%");
      return;
    }
    const Value& value = keyed != nullptr ? *keyed : NextArgument();
    spec.align = left ? '<' : zero ? '=' : '>';
    if (zero && !left) spec.fill = "0";
    Convert(value, type, spec);
  }

  const Value& Keyed(std::string_view bytes) {
    std::size_t level = 0;
    std::size_t end = at_;
    for (; end < bytes.size(); ++end) {
      if (bytes[end] == '(') ++level;
      if (bytes[end] == ')' && --level == 0) break;
    }
    if (end >= bytes.size()) Fail("a '%(' in a format has no ')'");
    if (!args_.IsDict()) Fail("a format with names needs a dict");
    const std::string_view key = bytes.substr(at_ + 1, end - at_ - 1);
    const Value* found = args_.dict().Find(key);
    if (found == nullptr) Fail("a format names '" + std::string(key) + "', which is not given");
    at_ = end + 1;
    return *found;
  }

  std::int64_t Count(std::string_view bytes) {
    if (at_ < bytes.size() && bytes[at_] == '*') {
      ++at_;
      const std::int64_t value = ToInt(NextArgument(), "a format");
      if (value > 100'000'000 || value < -100'000'000) FailLimit("a width or precision in a format is too large");
      return value;
    }
    return ParseFormatCount(bytes, at_);
  }

  const Value& NextArgument() {
    if (tuple_) {
      if (used_ >= args_.items().size()) Fail("a format needs more arguments than are given");
      return args_.items()[used_++];
    }
    if (used_ > 0) Fail("a format needs more arguments than are given");
    ++used_;
    return args_;
  }

  void Convert(const Value& value, char type, FormatSpec spec) {
    switch (type) {
      case 's':
      case 'r': {
        TextBuilder text(out_.meter());
        if (type == 'r') {
          AppendRepr(text, value);
        } else if (format_.markup()) {
          AppendStr(text, Escape(value, out_.meter()));
        } else {
          AppendStr(text, value);
        }
        if (spec.align == '=') spec.align = '>';
        spec.fill = " ";
        spec.sign = '-';
        AppendFormattedString(out_, text.text(), spec);
        break;
      }
      case 'c':
        ConvertCharacter(value, spec);
        break;
      case 'd':
      case 'i':
      case 'u':
      case 'x':
      case 'X':
      case 'o':
        ConvertInt(value, type, spec);
        break;
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        spec.type = type;
        RequireDefined(value);
        if (!value.IsDouble() && !value.IsInt() && !value.IsBool())
          Fail("a format needs a number, not " + TypeName(value));
        AppendFormattedFloat(
            out_, value.IsDouble() ? value.double_value() : static_cast<double>(ToInt(value, "format")), spec);
        break;
      default:
        Fail(std::string("the format '%") + type + "' is not known");
    }
  }

  void ConvertCharacter(const Value& value, FormatSpec spec) {
    if (spec.align == '=') spec.align = '>';
    spec.fill = " ";
    spec.sign = '-';
    spec.precision = -1;
    if (value.IsString() && CountCodePoints(value.string_value()) == 1) {
      AppendFormattedString(out_, value.text(), spec);
      return;
    }
    spec.type = 'c';
    AppendFormattedInt(out_, ToInt(value, "%c"), spec);
  }

  void ConvertInt(const Value& value, char type, FormatSpec spec) {
    RequireDefined(value);
    const bool decimal = type == 'd' || type == 'i' || type == 'u';
    std::int64_t number = 0;
    if (value.IsDouble() && decimal) {
      if (!(std::abs(value.double_value()) < 0x1p63)) Fail("the number does not fit an integer");
      number = static_cast<std::int64_t>(value.double_value());
    } else {
      number = ToInt(value, "a format");
    }
    spec.type = decimal ? 'd' : type;
    if (spec.precision >= 0) {
      // A precision is the least number of digits.
      if (spec.precision > kMaxFormatPrecision) FailLimit("a precision in a format is too large");
      std::string digits = std::to_string(number);
      if (!decimal) FailUnknown(0, "a precision with %x or %o is not supported");
      const bool negative = number < 0;
      if (negative) digits.erase(0, 1);
      const auto least = static_cast<std::size_t>(spec.precision);
      if (digits.size() < least) digits.insert(0, least - digits.size(), '0');
      AppendFormattedNumber(out_, spec, negative, "", digits);
      return;
    }
    AppendFormattedInt(out_, number, spec);
  }

  const Text& format_;
  const Value& args_;
  bool tuple_;
  TextBuilder out_;
  std::size_t at_ = 0;
  std::size_t used_ = 0;
};

}  // namespace

Value PercentFormat(const Text& format, const Value& args, Meter& meter) {
  return PercentFormatter(format, args, meter).Run();
}

Value BraceFormat(const Text& format, const Args& args, Meter& meter) {
  TextBuilder out(meter);
  BraceFormatter(args, meter).Write(out, format, 2);
  return out.TakeValue(format.markup());
}

}  // namespace bowhead::model
