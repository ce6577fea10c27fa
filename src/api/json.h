// JSON that strangers sent, as a plain tree; and a writer for our answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/status.h"

namespace bowhead::api {

class JsonValue;
using JsonArray = std::vector<JsonValue>;
using JsonObject = std::vector<std::pair<std::string, JsonValue>>;  // in the text's order; keys are unique

/// One JSON value. Integers that fit are int64_t; all other numbers are double.
class JsonValue {
 public:
  using Data = std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, JsonArray, JsonObject>;

  JsonValue() : data_(nullptr) {}
  explicit JsonValue(Data data) : data_(std::move(data)) {}

  [[nodiscard]] bool IsNull() const { return std::holds_alternative<std::nullptr_t>(data_); }
  // nullptr if it is of another kind.
  [[nodiscard]] const bool* AsBool() const { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* AsInt() const { return std::get_if<std::int64_t>(&data_); }
  [[nodiscard]] const std::string* AsString() const { return std::get_if<std::string>(&data_); }
  [[nodiscard]] const JsonArray* AsArray() const { return std::get_if<JsonArray>(&data_); }
  [[nodiscard]] const JsonObject* AsObject() const { return std::get_if<JsonObject>(&data_); }
  [[nodiscard]] const Data& data() const { return data_; }
  [[nodiscard]] Data& data() { return data_; }

  /// "null", "a boolean", "an integer", "a number", "a string", "a list" or "an object".
  [[nodiscard]] std::string_view KindName() const;

 private:
  Data data_;
};

/// nullptr if the object has no such key. Linear.
const JsonValue* FindKey(const JsonObject& object, std::string_view key);

struct JsonLimits {
  std::size_t max_depth = 64;
  std::size_t max_values = 1'000'000;
};

/// Parses one document (RFC 8259). Errors, all kInvalidArgument with the place: syntax, invalid UTF-8, numbers that do
/// not fit, duplicate keys, more than the limits.
base::Result<JsonValue> ParseJson(std::string_view text, const JsonLimits& limits = {});

[[nodiscard]] bool IsValidUtf8(std::string_view text);

/// Writes one JSON document. Commas come by themselves. Bytes that are no UTF-8 become U+FFFD.
class JsonWriter {
 public:
  JsonWriter& BeginObject() { return Open('{'); }
  JsonWriter& EndObject() { return Close('}'); }
  JsonWriter& BeginArray() { return Open('['); }
  JsonWriter& EndArray() { return Close(']'); }
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view text);
  JsonWriter& Int(std::int64_t value);
  JsonWriter& Double(double value);  // what JSON cannot say (NaN, infinity) becomes null
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  JsonWriter& Value(const JsonValue& tree);
  JsonWriter& Raw(std::string_view document);  // a value that is JSON already

  JsonWriter& Field(std::string_view key, std::string_view text) { return Key(key).String(text); }
  JsonWriter& Field(std::string_view key, const char* text) { return Key(key).String(text); }
  JsonWriter& Field(std::string_view key, const std::string& text) { return Key(key).String(text); }
  JsonWriter& Field(std::string_view key, int value) { return Key(key).Int(value); }
  JsonWriter& Field(std::string_view key, std::int64_t value) { return Key(key).Int(value); }
  JsonWriter& Field(std::string_view key, std::uint64_t value) {
    return Key(key).Int(static_cast<std::int64_t>(value));
  }
  JsonWriter& Field(std::string_view key, double value) { return Key(key).Double(value); }
  JsonWriter& Field(std::string_view key, bool value) { return Key(key).Bool(value); }

  [[nodiscard]] std::string Take() { return std::move(out_); }

 private:
  JsonWriter& Open(char bracket);
  JsonWriter& Close(char bracket);
  void Separate();

  std::string out_;
  bool comma_ = false;  // the next value or key is preceded by a comma
};

/// The tree as a document again, without blanks.
std::string ToJsonText(const JsonValue& value);

}  // namespace bowhead::api
