// json.dumps and json.loads.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "model/template/errors.h"
#include "model/template/objects.h"
#include "model/template/python.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

void AppendEscapedUnit(std::string& out, std::uint32_t unit) {
  out += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back("0123456789abcdef"[unit >> shift & 0xF]);
}

std::string EscapeForJson(std::uint32_t c) {
  std::string out;
  constexpr std::string_view kFrom = "\"\\\n\r\t\b\f";
  constexpr std::string_view kTo = "\"\\nrtbf";
  const std::size_t i = c < 0x80 ? kFrom.find(static_cast<char>(c)) : std::string_view::npos;
  if (i != std::string_view::npos) {
    out = {'\\', kTo[i]};
  } else if (c < 0x10000) {
    AppendEscapedUnit(out, c);
  } else {
    AppendEscapedUnit(out, 0xD800 + ((c - 0x10000) >> 10));
    AppendEscapedUnit(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
  }
  return out;
}

class JsonWriter {
 public:
  JsonWriter(TextBuilder& out, const JsonStyle& style) : out_(out), style_(style) {}

  void Write(const Value& value) {
    out_.meter().Step();
    switch (value.kind()) {
      case Value::Kind::kNone:
        out_.Append("null");
        break;
      case Value::Kind::kBool:
        out_.Append(value.bool_value() ? "true" : "false");
        break;
      case Value::Kind::kInt:
        out_.Append(std::to_string(value.int_value()));
        break;
      case Value::Kind::kDouble:
        out_.Append(Number(value.double_value()));
        break;
      case Value::Kind::kString:
        WriteString(value.text());
        break;
      case Value::Kind::kList:
        WriteList(value.items());
        break;
      case Value::Kind::kDict:
        WriteDict(value.dict());
        break;
      default:
        RequireDefined(value);
        Fail("a " + TypeName(value) + " cannot be written as JSON");
    }
  }

 private:
  static std::string Number(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    return FloatRepr(value);
  }

  void WriteString(const Text& text) {
    const std::string_view bytes = text.bytes();
    out_.Append("\"");
    std::size_t plain = 0;
    for (std::size_t i = 0; i < bytes.size();) {
      const auto byte = static_cast<unsigned char>(bytes[i]);
      if (byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\') {
        ++i;
        continue;
      }
      const CodePoint c = DecodeAt(bytes, i);
      const bool fine =
          c.value >= 0x20 && c.value != '"' && c.value != '\\' && (!style_.ensure_ascii || c.value < 0x7F);
      if (!fine) {
        out_.AppendSlice(text, plain, i);
        out_.AppendMapped(EscapeForJson(c.value), text, i, i + c.size);
        plain = i + c.size;
      }
      i += c.size;
    }
    out_.AppendSlice(text, plain, bytes.size());
    out_.Append("\"");
  }

  void NewLine() {
    if (!style_.pretty) return;
    out_.Append("\n");
    for (std::size_t i = 0; i < level_; ++i) out_.Append(style_.indent);
  }

  void WriteList(const std::vector<Value>& items) {
    if (items.empty()) {
      out_.Append("[]");
      return;
    }
    out_.Append("[");
    ++level_;
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator);
      NewLine();
      Write(items[i]);
    }
    --level_;
    NewLine();
    out_.Append("]");
  }

  void WriteDict(const Dict& dict) {
    if (dict.empty()) {
      out_.Append("{}");
      return;
    }
    std::vector<const Dict::Entry*> entries;
    for (const auto& entry : dict.entries()) entries.push_back(&entry);
    if (style_.sort_keys) {
      out_.meter().Step(entries.size());
      std::stable_sort(entries.begin(), entries.end(), [this](const Dict::Entry* a, const Dict::Entry* b) {
        return Compare(CompareOp::kLess, a->first, b->first, out_.meter());
      });
    }
    out_.Append("{");
    ++level_;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out_.Append(style_.item_separator);
      NewLine();
      WriteKey(entries[i]->first);
      out_.Append(style_.key_separator);
      Write(entries[i]->second);
    }
    --level_;
    NewLine();
    out_.Append("}");
  }

  void WriteKey(const Value& key) {
    if (key.IsString()) {
      WriteString(key.text());
    } else if (key.IsNone() || key.IsBool() || key.IsInt() || key.IsDouble()) {
      out_.Append("\"");
      Write(key);
      out_.Append("\"");
    } else {
      Fail("a key of a dict cannot be written as JSON, since it is a " + TypeName(key));
    }
  }

  TextBuilder& out_;
  const JsonStyle& style_;
  std::size_t level_ = 0;
};

class JsonReader {
 public:
  JsonReader(const Text& text, Meter& meter) : text_(text), bytes_(text.bytes()), meter_(meter) {}

  Value Run() {
    meter_.Bytes(bytes_.size());
    Value value = Read(0);
    SkipSpace();
    if (at_ != bytes_.size()) Invalid();
    return value;
  }

 private:
  [[noreturn]] void Invalid() const { Fail("from_json: the text is no valid JSON at byte " + std::to_string(at_)); }

  void SkipSpace() {
    while (at_ < bytes_.size() && std::string_view(" \t\n\r").find(bytes_[at_]) != std::string_view::npos) ++at_;
  }

  bool Skip(std::string_view what) {
    if (!bytes_.substr(at_).starts_with(what)) return false;
    at_ += what.size();
    return true;
  }

  Value Read(std::size_t depth) {
    if (depth > Meter::kMaxNesting / 2) FailLimit("from_json: the JSON is nested too deep");
    meter_.Step();
    SkipSpace();
    if (at_ >= bytes_.size()) Invalid();
    const char c = bytes_[at_];
    if (c == '{') return ReadDict(depth);
    if (c == '[') return ReadList(depth);
    if (c == '"') return ReadString();
    if (Skip("null")) return Value::None();
    if (Skip("true")) return Value::Bool(true);
    if (Skip("false")) return Value::Bool(false);
    if (Skip("NaN")) return Value::Double(std::nan(""));
    if (Skip("Infinity")) return Value::Double(HUGE_VAL);
    if (Skip("-Infinity")) return Value::Double(-HUGE_VAL);
    return ReadNumber();
  }

  Value ReadList(std::size_t depth) {
    ++at_;
    std::vector<Value> items;
    SkipSpace();
    if (Skip("]")) return Value::FromList({});
    do {
      items.push_back(Read(depth + 1));
      SkipSpace();
    } while (Skip(","));
    if (!Skip("]")) Invalid();
    return MakeList(std::move(items), meter_);
  }

  Value ReadDict(std::size_t depth) {
    ++at_;
    Dict dict;
    SkipSpace();
    if (Skip("}")) return Value::FromDict({});
    do {
      SkipSpace();
      if (at_ >= bytes_.size() || bytes_[at_] != '"') Invalid();
      Value key = ReadString();
      SkipSpace();
      if (!Skip(":")) Invalid();
      dict.Set(std::move(key), Read(depth + 1));
      SkipSpace();
    } while (Skip(","));
    if (!Skip("}")) Invalid();
    return MakeDict(std::move(dict), meter_);
  }

  std::uint32_t ReadHex4() {
    std::uint32_t value = 0;
    const auto* first = bytes_.data() + std::min(at_, bytes_.size());
    const auto* last = bytes_.data() + std::min(at_ + 4, bytes_.size());
    const auto result = std::from_chars(first, last, value, 16);
    if (result.ec != std::errc() || result.ptr != first + 4) Invalid();
    at_ += 4;
    return value;
  }

  void ReadEscape(TextBuilder& out) {
    const std::size_t begin = at_++;
    if (at_ >= bytes_.size()) Invalid();
    constexpr std::string_view kFrom = "\"\\/bfnrt";
    constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const char c = bytes_[at_++];
    if (const std::size_t i = kFrom.find(c); i != std::string_view::npos) {
      out.AppendMapped(kTo.substr(i, 1), text_, begin, at_);
      return;
    }
    if (c != 'u') Invalid();
    std::uint32_t value = ReadHex4();
    if (value >= 0xD800 && value < 0xDC00 && Skip("\\u")) {
      const std::uint32_t low = ReadHex4();
      if (low >= 0xDC00 && low < 0xE000) {
        value = 0x10000 + ((value - 0xD800) << 10) + (low - 0xDC00);
      } else {
        at_ -= 6;
      }
    }
    std::string utf8;
    AppendUtf8(utf8, value >= 0xD800 && value < 0xE000 ? 0xFFFD : value);
    out.AppendMapped(utf8, text_, begin, at_);
  }

  Value ReadString() {
    ++at_;
    TextBuilder out(meter_);
    for (;;) {
      std::size_t end = at_;
      while (end < bytes_.size() && bytes_[end] != '"' && bytes_[end] != '\\' &&
             static_cast<unsigned char>(bytes_[end]) >= 0x20) {
        ++end;
      }
      out.AppendSlice(text_, at_, end);
      at_ = end;
      if (at_ >= bytes_.size()) Invalid();
      if (Skip("\"")) return out.TakeValue();
      if (bytes_[at_] != '\\') Invalid();
      ReadEscape(out);
    }
  }

  Value ReadNumber() {
    std::size_t end = at_;
    const auto digits = [this, &end] {
      const std::size_t begin = end;
      while (end < bytes_.size() && bytes_[end] >= '0' && bytes_[end] <= '9') ++end;
      return end - begin;
    };
    if (end < bytes_.size() && bytes_[end] == '-') ++end;
    const std::size_t whole = end;
    if (digits() == 0 || (end - whole > 1 && bytes_[whole] == '0')) Invalid();
    bool is_float = false;
    const auto peek = [this, &end] { return end < bytes_.size() ? bytes_[end] : '\0'; };
    if (peek() == '.') {
      ++end;
      is_float = true;
      if (digits() == 0) Invalid();
    }
    if (peek() == 'e' || peek() == 'E') {
      ++end;
      is_float = true;
      if (peek() == '+' || peek() == '-') ++end;
      if (digits() == 0) Invalid();
    }
    const char* first = bytes_.data() + at_;
    const char* last = bytes_.data() + end;
    at_ = end;
    if (is_float) {
      double value = 0;
      if (std::from_chars(first, last, value).ec != std::errc()) Fail("from_json: a number does not fit a double");
      return Value::Double(value);
    }
    std::int64_t value = 0;
    if (std::from_chars(first, last, value).ec != std::errc())
      FailLimit("from_json: an integer needs more than 64 bits");
    return Value::Int(value);
  }

  const Text& text_;
  std::string_view bytes_;
  Meter& meter_;
  std::size_t at_ = 0;
};

}  // namespace

void AppendJson(TextBuilder& out, const Value& value, const JsonStyle& style) {
  JsonWriter(out, style).Write(value);
}

Value ParseJson(const Text& text, Meter& meter) {
  return JsonReader(text, meter).Run();
}

}  // namespace bowhead::model
