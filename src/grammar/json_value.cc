#include "grammar/json_value.h"

#include <algorithm>
#include <set>

#include "model/tokenizer/unicode.h"

namespace bowhead::grammar {

/// A recursive parser; its recursion ends at max_nesting.
class JsonReader {
 public:
  JsonReader(std::string_view text, int max_nesting)
      : begin_(text.data()), p_(text.data()), end_(p_ + text.size()), nesting_left_(max_nesting) {}

  base::Result<JsonValue> Read() {
    JsonValue value;
    SkipSpace();
    if (ReadValue(value)) {
      SkipSpace();
      if (p_ != end_) Fail("there is something after the value");
    }
    if (!error_.empty()) {
      return base::InvalidArgument("JSON: " + error_ + " at byte " + std::to_string(p_ - begin_));
    }
    return value;
  }

 private:
  bool Fail(std::string what) {
    if (error_.empty()) error_ = std::move(what);
    return false;
  }
  void SkipSpace() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\t' || *p_ == '\r')) ++p_;
  }
  bool Take(char c) {
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }
  bool TakeWord(std::string_view word) {
    if (std::string_view(p_, static_cast<std::size_t>(end_ - p_)).substr(0, word.size()) != word) {
      return Fail("expected a value");
    }
    p_ += word.size();
    return true;
  }

  bool ReadValue(JsonValue& value) {
    if (p_ == end_) return Fail("expected a value");
    switch (*p_) {
      case '{':
      case '[': {
        if (nesting_left_ == 0) return Fail("nested too deeply");
        --nesting_left_;
        const bool ok = *p_ == '{' ? ReadObject(value) : ReadArray(value);
        ++nesting_left_;
        return ok;
      }
      case '"':
        value.kind_ = JsonValue::Kind::kString;
        return ReadString(value.text_);
      case 't':
      case 'f':
        value = JsonValue::Bool(*p_ == 't');
        return TakeWord(*p_ == 't' ? "true" : "false");
      case 'n':
        return TakeWord("null");
      default:
        value.kind_ = JsonValue::Kind::kNumber;
        return ReadNumber(value.text_);
    }
  }

  bool ReadObject(JsonValue& value) {
    value.kind_ = JsonValue::Kind::kObject;
    std::set<std::string> names;
    ++p_;
    SkipSpace();
    if (Take('}')) return true;
    for (;;) {
      SkipSpace();
      if (p_ == end_ || *p_ != '"') return Fail("expected a name");
      JsonValue::Member member;
      if (!ReadString(member.first)) return false;
      if (!names.insert(member.first).second) return Fail("the name \"" + member.first + "\" stands twice");
      SkipSpace();
      if (!Take(':')) return Fail("expected ':'");
      SkipSpace();
      if (!ReadValue(member.second)) return false;
      value.members_.push_back(std::move(member));
      SkipSpace();
      if (Take('}')) return true;
      if (!Take(',')) return Fail("expected ',' or '}'");
    }
  }

  bool ReadArray(JsonValue& value) {
    value.kind_ = JsonValue::Kind::kArray;
    ++p_;
    SkipSpace();
    if (Take(']')) return true;
    for (;;) {
      SkipSpace();
      value.items_.emplace_back();
      if (!ReadValue(value.items_.back())) return false;
      SkipSpace();
      if (Take(']')) return true;
      if (!Take(',')) return Fail("expected ',' or ']'");
    }
  }

  bool ReadNumber(std::string& text) {
    const char* const start = p_;
    const auto digits = [this] {
      const char* const first = p_;
      while (p_ < end_ && *p_ >= '0' && *p_ <= '9') ++p_;
      return p_ != first;
    };
    Take('-');
    if (!Take('0') && !digits()) return Fail("expected a value");
    if (Take('.') && !digits()) return Fail("expected digits");
    if (Take('e') || Take('E')) {
      if (!Take('+')) Take('-');
      if (!digits()) return Fail("expected digits");
    }
    text.assign(start, p_);
    return true;
  }

  bool ReadString(std::string& text) {
    ++p_;
    for (;;) {
      if (p_ == end_) return Fail("a string does not end");
      const auto byte = static_cast<unsigned char>(*p_);
      if (byte == '"') {
        ++p_;
        return true;
      }
      if (byte < 0x20) return Fail("a control character in a string");
      if (byte == '\\') {
        if (!ReadEscape(text)) return false;
      } else {
        const model::DecodedChar c = model::DecodeUtf8(p_, end_);
        if (!c.valid) return Fail("a string is not UTF-8");
        text.append(p_, c.length);
        p_ += c.length;
      }
    }
  }

  bool ReadEscape(std::string& text) {
    ++p_;
    if (p_ == end_) return Fail("a string does not end");
    static constexpr std::string_view kNames = "\"\\/bfnrt";
    static constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    const char c = *p_++;
    if (const std::size_t at = kNames.find(c); at != std::string_view::npos) {
      text.push_back(kValues[at]);
      return true;
    }
    std::uint32_t value = 0;
    if (c != 'u' || !ReadHex(value)) return Fail("an unknown escape");
    if (value >= 0xDC00 && value <= 0xDFFF) return Fail("an unpaired surrogate");
    if (value >= 0xD800 && value <= 0xDBFF) {
      std::uint32_t low = 0;
      if (!Take('\\') || !Take('u') || !ReadHex(low) || low < 0xDC00 || low > 0xDFFF) {
        return Fail("an unpaired surrogate");
      }
      value = 0x10000 + ((value - 0xD800) << 10U) + (low - 0xDC00);
    }
    model::AppendUtf8(value, text);
    return true;
  }

  bool ReadHex(std::uint32_t& value) {
    for (int i = 0; i < 4; ++i) {
      static constexpr std::string_view kDigits = "0123456789abcdef";
      if (p_ == end_) return false;
      const char c = *p_ >= 'A' && *p_ <= 'F' ? static_cast<char>(*p_ - 'A' + 'a') : *p_;
      const std::size_t digit = kDigits.find(c);
      if (digit == std::string_view::npos) return false;
      value = value * 16 + static_cast<std::uint32_t>(digit);
      ++p_;
    }
    return true;
  }

  const char* begin_;
  const char* p_;
  const char* end_;
  int nesting_left_;
  std::string error_;
};

base::Result<JsonValue> JsonValue::Parse(std::string_view text, int max_nesting) {
  return JsonReader(text, max_nesting).Read();
}

JsonValue JsonValue::Bool(bool value) {
  JsonValue result;
  result.kind_ = Kind::kBool;
  result.bool_ = value;
  return result;
}

JsonValue JsonValue::String(std::string value) {
  JsonValue result;
  result.kind_ = Kind::kString;
  result.text_ = std::move(value);
  return result;
}

JsonValue JsonValue::Array(std::vector<JsonValue> items) {
  JsonValue result;
  result.kind_ = Kind::kArray;
  result.items_ = std::move(items);
  return result;
}

const JsonValue* JsonValue::Find(std::string_view name) const {
  const auto it = std::find_if(members_.begin(), members_.end(), [&](const Member& m) { return m.first == name; });
  return it == members_.end() ? nullptr : &it->second;
}

std::string JsonValue::ToText() const {
  std::string out;
  AppendTo(out);
  return out;
}

void JsonValue::AppendTo(std::string& out) const {
  const char* separator = "";
  switch (kind_) {
    case Kind::kNull:
      out += "null";
      break;
    case Kind::kBool:
      out += bool_ ? "true" : "false";
      break;
    case Kind::kNumber:
      out += text_;
      break;
    case Kind::kString:
      out += '"' + EscapeJson(text_) + '"';
      break;
    case Kind::kArray:
      out += '[';
      for (const JsonValue& item : items_) {
        out += separator;
        item.AppendTo(out);
        separator = ",";
      }
      out += ']';
      break;
    case Kind::kObject:
      out += '{';
      for (const auto& [name, value] : members_) {
        out += separator;
        out += '"' + EscapeJson(name) + "\":";
        value.AppendTo(out);
        separator = ",";
      }
      out += '}';
      break;
  }
}

std::string EscapeJson(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  static constexpr std::string_view kValues = "\"\\\b\f\n\r\t";
  static constexpr std::string_view kNames = "\"\\bfnrt";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (const std::size_t at = kValues.find(c); at != std::string_view::npos) {
      out += '\\';
      out += kNames[at];
    } else if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4U];
      out += kHex[byte & 15U];
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace bowhead::grammar
