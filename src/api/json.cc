#include "api/json.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

namespace bowhead::api {

namespace {

/// Builds the tree from the parser's events; stops at the first thing that is not allowed.
class TreeBuilder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit TreeBuilder(const JsonLimits& limits) : limits_(limits) {}

  bool null() override { return Add(JsonValue()); }
  bool boolean(bool value) override { return Add(JsonValue(JsonValue::Data(value))); }
  bool number_integer(number_integer_t value) override { return Add(JsonValue(JsonValue::Data(std::int64_t{value}))); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value > static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
      return Add(JsonValue(JsonValue::Data(static_cast<double>(value))));
    }
    return Add(JsonValue(JsonValue::Data(static_cast<std::int64_t>(value))));
  }
  bool number_float(number_float_t value, const string_t& /*text*/) override {
    return Add(JsonValue(JsonValue::Data(double{value})));
  }
  bool string(string_t& value) override { return Add(JsonValue(JsonValue::Data(std::move(value)))); }
  bool binary(binary_t& /*value*/) override { return Fail("binary values are not JSON"); }
  bool start_object(std::size_t /*size*/) override { return Push(JsonValue(JsonValue::Data(JsonObject()))); }
  bool start_array(std::size_t /*size*/) override { return Push(JsonValue(JsonValue::Data(JsonArray()))); }
  bool key(string_t& value) override {
    // A key waits on its object with a null value, which the next value replaces.
    std::get<JsonObject>(open_.back().data()).emplace_back(std::move(value), JsonValue());
    return true;
  }
  bool end_object() override {
    const JsonObject& object = std::get<JsonObject>(open_.back().data());
    std::vector<std::string_view> keys;
    keys.reserve(object.size());
    for (const auto& entry : object) keys.emplace_back(entry.first);
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) return Fail("the key '" + std::string(twice->substr(0, 100)) + "' appears twice");
    return Pop();
  }
  bool end_array() override { return Pop(); }
  bool parse_error(std::size_t position, const std::string& /*token*/,
                   const nlohmann::detail::exception& failure) override {
    // The parser's text starts with its own error number: "[json.exception.parse_error.101] parse error at ...: what".
    const std::string_view text = failure.what();
    const std::size_t bracket = text.find("] ");
    std::string what(bracket == std::string_view::npos ? text : text.substr(bracket + 2));
    if (what.size() > 200) what = what.substr(0, 200) + "...";
    return Fail("byte " + std::to_string(position) + ": " + what);
  }

  std::optional<JsonValue> root;
  std::string error;

 private:
  bool Fail(std::string why) {
    if (error.empty()) error = std::move(why);
    return false;
  }
  bool Count() {
    if (++values_ <= limits_.max_values) return true;
    return Fail("it has more than " + std::to_string(limits_.max_values) + " values");
  }
  bool Push(JsonValue container) {
    if (!Count()) return false;
    if (open_.size() >= limits_.max_depth) {
      return Fail("it is nested deeper than " + std::to_string(limits_.max_depth) + " levels");
    }
    open_.push_back(std::move(container));
    return true;
  }
  bool Pop() {
    JsonValue done = std::move(open_.back());
    open_.pop_back();
    Attach(std::move(done));
    return true;
  }
  bool Add(JsonValue value) {
    if (!Count()) return false;
    Attach(std::move(value));
    return true;
  }
  void Attach(JsonValue value) {
    if (open_.empty()) {
      root = std::move(value);
    } else if (auto* array = std::get_if<JsonArray>(&open_.back().data())) {
      array->push_back(std::move(value));
    } else {
      std::get<JsonObject>(open_.back().data()).back().second = std::move(value);
    }
  }

  const JsonLimits limits_;
  std::size_t values_ = 0;
  std::vector<JsonValue> open_;
};

/// The length of the valid UTF-8 sequence at the start of `text`; 0 if there is none (RFC 3629).
std::size_t SequenceLength(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned low = 0x80;
  unsigned high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xBF) return 0;
  }
  return length;
}

void AppendEscaped(std::string& out, std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto is_plain = [](char c) { return c >= ' ' && c < 0x7F && c != '"' && c != '\\'; };
  out.push_back('"');
  for (;;) {
    const auto plain = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
    out.append(text.substr(0, plain));
    text.remove_prefix(plain);
    if (text.empty()) break;
    const char c = text.front();
    const auto code = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else if (code < 0x20 || code == 0x7F) {
      out += "\\u00";
      out.push_back(kHex[code >> 4U]);
      out.push_back(kHex[code & 15U]);
    } else {
      const std::size_t length = SequenceLength(text);
      if (length == 0) {
        out += "\xEF\xBF\xBD";
      } else {
        out.append(text.substr(0, length));
        text.remove_prefix(length - 1);
      }
    }
    text.remove_prefix(1);
  }
  out.push_back('"');
}

}  // namespace

std::string_view JsonValue::KindName() const {
  switch (data_.index()) {
    case 0:
      return "null";
    case 1:
      return "a boolean";
    case 2:
      return "an integer";
    case 3:
      return "a number";
    case 4:
      return "a string";
    case 5:
      return "a list";
    default:
      return "an object";
  }
}

const JsonValue* FindKey(const JsonObject& object, std::string_view key) {
  for (const auto& entry : object) {
    if (entry.first == key) return &entry.second;
  }
  return nullptr;
}

base::Result<JsonValue> ParseJson(std::string_view text, const JsonLimits& limits) {
  TreeBuilder builder(limits);
  try {
    if (nlohmann::json::sax_parse(text.begin(), text.end(), &builder) && builder.root) return std::move(*builder.root);
  } catch (const std::exception& error) {
    return base::InvalidArgument(std::string("the body is not valid JSON: ") + error.what());
  }
  return base::InvalidArgument("the body is not valid JSON: " +
                               (builder.error.empty() ? "it is empty" : builder.error));
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

void JsonWriter::Separate() {
  if (comma_) out_.push_back(',');
  comma_ = true;
}

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  out_.push_back(bracket);
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  out_.push_back(bracket);
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  Separate();
  AppendEscaped(out_, key);
  out_.push_back(':');
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view text) {
  Separate();
  AppendEscaped(out_, text);
  return *this;
}

JsonWriter& JsonWriter::Int(std::int64_t value) {
  Separate();
  out_ += std::to_string(value);
  return *this;
}

JsonWriter& JsonWriter::Double(double value) {
  if (!std::isfinite(value)) return Null();
  Separate();
  char buffer[32];
  const auto result = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out_.append(buffer, result.ptr);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  Separate();
  out_ += value ? "true" : "false";
  return *this;
}

JsonWriter& JsonWriter::Null() {
  Separate();
  out_ += "null";
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view document) {
  Separate();
  out_ += document;
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::Value(const JsonValue& tree) {
  std::visit(
      [this](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::nullptr_t>) {
          Null();
        } else if constexpr (std::is_same_v<T, bool>) {
          Bool(value);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          Int(value);
        } else if constexpr (std::is_same_v<T, double>) {
          Double(value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          String(value);
        } else if constexpr (std::is_same_v<T, JsonArray>) {
          BeginArray();
          for (const JsonValue& item : value) Value(item);
          EndArray();
        } else {
          BeginObject();
          for (const auto& [key, item] : value) Key(key).Value(item);
          EndObject();
        }
      },
      tree.data());
  return *this;
}

std::string ToJsonText(const JsonValue& value) {
  JsonWriter json;
  return json.Value(value).Take();
}

}  // namespace bowhead::api
