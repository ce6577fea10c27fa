// JSON as schemas need it: numbers keep their digits, objects their order.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace bowhead::grammar {

/// A JSON value. A schema states bounds as decimal numbers, and a double is none: numbers stay text here.
class JsonValue {
 public:
  enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };
  using Member = std::pair<std::string, JsonValue>;

  /// Strict RFC 8259 in UTF-8, nothing before or after it but whitespace. Errors: kInvalidArgument with the byte's
  /// offset; a key twice in one object, nesting beyond `max_nesting` and unpaired surrogates are errors too.
  static base::Result<JsonValue> Parse(std::string_view text, int max_nesting);

  JsonValue() = default;
  static JsonValue Bool(bool value);
  static JsonValue String(std::string value);
  static JsonValue Array(std::vector<JsonValue> items);

  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] bool is(Kind kind) const { return kind_ == kind; }
  [[nodiscard]] bool boolean() const { return bool_; }
  /// A string's characters in UTF-8, or a number as it was written.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::vector<JsonValue>& items() const { return items_; }
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  /// The member of that name, or nullptr.
  [[nodiscard]] const JsonValue* Find(std::string_view name) const;

  /// The value in its one canonical spelling: no spaces, only the escapes that must be, numbers as written.
  [[nodiscard]] std::string ToText() const;

 private:
  friend class JsonReader;
  void AppendTo(std::string& out) const;

  Kind kind_ = Kind::kNull;
  bool bool_ = false;
  std::string text_;
  std::vector<JsonValue> items_;
  std::vector<Member> members_;
};

/// The inside of a JSON string that spells `text` with no more escapes than needed: \" \\ \b \f \n \r \t, and \u00xx
/// (lower case) for the other control characters.
std::string EscapeJson(std::string_view text);

}  // namespace bowhead::grammar
