// str(), repr() and escape().
#include <array>
#include <charconv>
#include <cmath>

#include "model/template/errors.h"
#include "model/template/objects.h"
#include "model/template/python.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

constexpr std::size_t kMaxReprDepth = 2 * Meter::kMaxNesting;

void AppendHex(std::string& out, std::uint32_t value, int digits) {
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) out.push_back("0123456789abcdef"[value >> shift & 0xF]);
}

std::string EscapeForRepr(std::uint32_t c) {
  std::string out = "\\";
  if (c == '\\' || c == '\'' || c == '"') {
    out.push_back(static_cast<char>(c));
  } else if (c == '\n' || c == '\r' || c == '\t') {
    out.push_back(c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
  } else if (c < 0x100) {
    out.push_back('x');
    AppendHex(out, c, 2);
  } else if (c < 0x10000) {
    out.push_back('u');
    AppendHex(out, c, 4);
  } else {
    out.push_back('U');
    AppendHex(out, c, 8);
  }
  return out;
}

void AppendStringRepr(TextBuilder& out, const Text& text) {
  const std::string_view bytes = text.bytes();
  const bool double_quotes = bytes.find('\'') != std::string_view::npos && bytes.find('"') == std::string_view::npos;
  const std::uint32_t quote = double_quotes ? '"' : '\'';
  const std::string_view quote_text = double_quotes ? "\"" : "'";
  if (text.markup()) out.Append("Markup(");
  out.Append(quote_text);
  std::size_t plain = 0;  // start of what needs no escape
  for (std::size_t i = 0; i < bytes.size();) {
    const CodePoint c = DecodeAt(bytes, i);
    const bool fine = c.value < 0x7F ? c.value >= 0x20 : c.value != 0x7F && IsPrintable(c.value);
    if (!fine || c.value == quote || c.value == '\\') {
      out.AppendSlice(text, plain, i);
      out.AppendMapped(EscapeForRepr(c.value), text, i, i + c.size);
      plain = i + c.size;
    }
    i += c.size;
  }
  out.AppendSlice(text, plain, bytes.size());
  out.Append(quote_text);
  if (text.markup()) out.Append(")");
}

class ReprWriter {
 public:
  explicit ReprWriter(TextBuilder& out) : out_(out) {}

  void Write(const Value& value) {
    out_.meter().Step();
    switch (value.kind()) {
      case Value::Kind::kUndefined:
        out_.Append("Undefined");
        break;
      case Value::Kind::kNone:
        out_.Append("None");
        break;
      case Value::Kind::kBool:
        out_.Append(value.bool_value() ? "True" : "False");
        break;
      case Value::Kind::kInt:
        out_.Append(std::to_string(value.int_value()));
        break;
      case Value::Kind::kDouble:
        out_.Append(FloatRepr(value.double_value()));
        break;
      case Value::Kind::kString:
        AppendStringRepr(out_, value.text());
        break;
      default:
        if (++depth_ > kMaxReprDepth) FailLimit("a value is nested too deep to be printed");
        WriteContainer(value);
        --depth_;
    }
  }

 private:
  void WriteContainer(const Value& value) {
    if (value.IsList()) {
      WriteList(value.items(), value.list().tuple);
    } else if (value.IsDict()) {
      WriteDict(value.dict());
    } else {
      WriteObject(value);
    }
  }

  void WriteList(const std::vector<Value>& items, bool tuple) {
    out_.Append(tuple ? "(" : "[");
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.Append(", ");
      Write(items[i]);
    }
    out_.Append(tuple ? (items.size() == 1 ? ",)" : ")") : "]");
  }

  void WriteDict(const Dict& dict) {
    out_.Append("{");
    bool first = true;
    for (const auto& [key, value] : dict.entries()) {
      if (!first) out_.Append(", ");
      first = false;
      Write(key);
      out_.Append(": ");
      Write(value);
    }
    out_.Append("}");
  }

  void WriteObject(const Value& value) {
    const Object& object = value.object();
    switch (object.type()) {
      case Object::Type::kNamespace:
        out_.Append("<Namespace ");
        WriteDict(static_cast<const NamespaceObject&>(object).attributes);
        out_.Append(">");
        break;
      case Object::Type::kMacro:
        out_.Append("<Macro '" + static_cast<const MacroObject&>(object).node->name + "'>");
        break;
      case Object::Type::kRange: {
        const auto& range = static_cast<const RangeObject&>(object);
        out_.Append("range(" + std::to_string(range.start) + ", " +
                    std::to_string(range.start + range.length * range.step));
        out_.Append(range.step == 1 ? ")" : ", " + std::to_string(range.step) + ")");
        break;
      }
      case Object::Type::kDictView: {
        const auto part = static_cast<const DictViewObject&>(object).part;
        out_.Append(part == DictViewObject::Part::kKeys     ? "dict_keys("
                    : part == DictViewObject::Part::kValues ? "dict_values("
                                                            : "dict_items(");
        WriteList(ToVector(value, out_.meter()), false);
        out_.Append(")");
        break;
      }
      default:
        out_.Append("<" + TypeName(value) + ">");
    }
  }

  TextBuilder& out_;
  std::size_t depth_ = 0;
};

}  // namespace

std::string FloatRepr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  // The shortest digits that give the same double, as d.ddde+xx; then laid out as Python does.
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::scientific);
  std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  std::string out;
  if (text.front() == '-') {
    out = "-";
    text.remove_prefix(1);
  }
  const std::size_t e = text.find('e');
  int exponent = 0;
  const std::size_t exponent_at = e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(text.data() + exponent_at, text.data() + text.size(), exponent);
  std::string digits(text.substr(0, e));
  std::erase(digits, '.');
  const int count = static_cast<int>(digits.size());
  if (exponent < -4 || exponent >= 16) {
    out += digits.substr(0, 1);
    if (count > 1) out += "." + digits.substr(1);
    const std::string power = std::to_string(std::abs(exponent));
    return out + (exponent < 0 ? "e-" : "e+") + (power.size() < 2 ? "0" : "") + power;
  }
  if (exponent < 0) return out + "0." + std::string(static_cast<std::size_t>(-exponent - 1), '0') + digits;
  if (count <= exponent + 1)
    return out + digits + std::string(static_cast<std::size_t>(exponent + 1 - count), '0') + ".0";
  return out + digits.substr(0, static_cast<std::size_t>(exponent) + 1) + "." +
         digits.substr(static_cast<std::size_t>(exponent) + 1);
}

void AppendRepr(TextBuilder& out, const Value& value) {
  ReprWriter(out).Write(value);
}

void AppendStr(TextBuilder& out, const Value& value) {
  if (value.IsString()) {
    out.Append(value.text());
  } else if (!value.IsUndefined()) {
    AppendRepr(out, value);
  }
}

Value SoftStr(const Value& value, Meter& meter) {
  if (value.IsString()) return value;
  TextBuilder out(meter);
  AppendStr(out, value);
  return out.TakeValue();
}

Value Str(const Value& value, Meter& meter) {
  if (value.IsString() && !value.text().markup()) return value;
  TextBuilder out(meter);
  AppendStr(out, value);
  return out.TakeValue();
}

Value Escape(const Value& value, Meter& meter) {
  Value text_value = SoftStr(value, meter);
  const Text& text = text_value.text();
  if (text.markup()) return text_value;
  const std::string_view bytes = text.bytes();
  TextBuilder out(meter);
  std::size_t plain = 0;
  for (std::size_t i = bytes.find_first_of("&<>'\""); i != std::string_view::npos;
       i = bytes.find_first_of("&<>'\"", i + 1)) {
    out.AppendSlice(text, plain, i);
    const char c = bytes[i];
    const std::string_view escaped = c == '&'   ? "&amp;"
                                     : c == '<' ? "&lt;"
                                     : c == '>' ? "&gt;"
                                     : c == '"' ? "&#34;"
                                                : "&#39;";
    out.AppendMapped(escaped, text, i, i + 1);
    plain = i + 1;
  }
  out.AppendSlice(text, plain, bytes.size());
  return out.TakeValue(true);
}

}  // namespace bowhead::model
