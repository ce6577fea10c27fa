// Reading a request's parameters against a table: each is honoured, harmless, or refused by name.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "api/error.h"
#include "api/json.h"

namespace bowhead::api {

enum class ParamUse : std::uint8_t {
  kHonoured,
  kHarmless,  // accepted; it has no effect that the client could miss
  kRefused,   // known, but not honoured: a 400 that says why
};

/// One parameter. These rows are the one source of what a request may hold: readers check against them, and
/// /openapi.json is made of them.
struct ParamSpec {
  std::string_view name;
  ParamUse use = ParamUse::kHonoured;
  std::string_view schema = {};  // JSON Schema of the value; null is always allowed besides
  std::string_view why = {};     // for kRefused: ends the sentence "'x' is not supported: "; else a note
};

constexpr ParamSpec Honoured(std::string_view name, std::string_view schema, std::string_view note = {}) {
  return {name, ParamUse::kHonoured, schema, note};
}
constexpr ParamSpec Harmless(std::string_view name, std::string_view schema, std::string_view note = {}) {
  return {name, ParamUse::kHarmless, schema, note};
}
constexpr ParamSpec Refused(std::string_view name, std::string_view why) {
  return {name, ParamUse::kRefused, R"({"type":"null"})", why};
}

/// A table of requests or of an object inside them, by the name that the document gives it.
struct ParamTable {
  std::string_view name;
  std::span<const ParamSpec> rows;
  std::string_view required = {};  // names that must be there, with commas between
};

/// Several tables as one.
template <std::size_t... N>
constexpr auto JoinParams(const std::array<ParamSpec, N>&... tables) {
  std::array<ParamSpec, (N + ...)> all{};
  auto at = all.begin();
  ((at = std::copy(tables.begin(), tables.end(), at)), ...);
  return all;
}

/// The rows of those names. A name that the table lacks does not compile.
template <std::size_t M, std::size_t N>
consteval std::array<ParamSpec, N> PickParams(const std::array<ParamSpec, M>& table,
                                              const std::array<std::string_view, N>& names) {
  std::array<ParamSpec, N> picked{};
  for (std::size_t i = 0; i < N; ++i) {
    const auto row = std::find_if(table.begin(), table.end(), [&](const ParamSpec& s) { return s.name == names[i]; });
    if (row == table.end()) throw std::logic_error("the table has no such row");
    picked[i] = *row;
  }
  return picked;
}

/// JSON Schemas that many rows share.
namespace schema {
inline constexpr std::string_view kString = R"({"type":"string"})";
inline constexpr std::string_view kFullString = R"({"type":"string","minLength":1})";
inline constexpr std::string_view kBool = R"({"type":"boolean"})";
inline constexpr std::string_view kObject = R"({"type":"object"})";
inline constexpr std::string_view kTokenCount = R"({"type":"integer","minimum":1,"maximum":16777216})";
inline constexpr std::string_view kTopLogprobs = R"({"type":"integer","minimum":0,"maximum":20})";
inline constexpr std::string_view kOnlyFalse = R"({"const":false})";
inline constexpr std::string_view kAny = R"({})";
}  // namespace schema

/// Reads the keys of one JSON object. The first mistake is kept in error(); the getters go on and give nothing then, so
/// that a caller checks once, at the end. A null is as good as absent. Points into the object.
class ParamReader {
 public:
  /// Checks every key against the table. `prefix` stands before the names in messages ("messages[2].").
  ParamReader(const JsonObject& object, std::span<const ParamSpec> table, std::string prefix = {});

  [[nodiscard]] const JsonValue* Get(std::string_view name) const;
  std::optional<std::int64_t> Int(std::string_view name, std::int64_t low, std::int64_t high);
  /// In [low, high], or (low, high] with `above_low`.
  std::optional<double> Number(std::string_view name, double low, double high, bool above_low = false);
  std::optional<bool> Bool(std::string_view name);
  const std::string* String(std::string_view name);
  const JsonArray* Array(std::string_view name);
  const JsonObject* Object(std::string_view name);

  /// Keeps the error unless there is one already.
  void Fail(std::string_view name, std::string message);
  void Fail(ApiError error);
  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  [[nodiscard]] const std::optional<ApiError>& error() const { return error_; }

 private:
  void WrongKind(std::string_view name, std::string_view wanted, const JsonValue& value);

  const JsonObject& object_;
  std::string prefix_;
  std::optional<ApiError> error_;
};

/// The name in the table that is most like `name`, if one is like it at all; "" otherwise.
std::string_view NearestName(std::string_view name, std::span<const ParamSpec> table);

}  // namespace bowhead::api
