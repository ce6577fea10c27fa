// Reading a request's parameters against a table: each is honoured, harmless, or refused by name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
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

struct ParamSpec {
  std::string_view name;
  ParamUse use = ParamUse::kHonoured;
  std::string_view why = {};  // for kRefused: ends the sentence "'x' is not supported: "
};

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
