// The key-value metadata of a model file.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/format/string_array.h"

namespace bowhead::model {

/// One metadata value. Integers of every width are widened to 64 bits, floats to double; arrays are homogeneous.
using MetadataValue = std::variant<std::uint64_t, std::int64_t, double, bool, std::string, std::vector<std::uint64_t>,
                                   std::vector<std::int64_t>, std::vector<double>, std::vector<bool>, StringArray>;

/// Keys and values of a model file, sorted by key. The getters convert between integer kinds where the value fits
/// (a u32 0 is also a valid i64 0, an integer also a valid double) and give nullopt/nullptr where the key is absent or
/// of another kind, so that a hostile file cannot make a caller misread bytes. Immutable once built; thread-safe.
class Metadata {
 public:
  using Map = std::map<std::string, MetadataValue, std::less<>>;

  Metadata() = default;
  explicit Metadata(Map values) : values_(std::move(values)) {}

  [[nodiscard]] const Map& values() const { return values_; }
  [[nodiscard]] bool Has(std::string_view key) const { return values_.find(key) != values_.end(); }

  [[nodiscard]] std::optional<std::uint64_t> GetUint(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> GetInt(std::string_view key) const;
  [[nodiscard]] std::optional<double> GetFloat(std::string_view key) const;
  [[nodiscard]] std::optional<bool> GetBool(std::string_view key) const;
  /// Points into this object.
  [[nodiscard]] const std::string* GetString(std::string_view key) const;
  /// Points into this object; nullptr unless it is an array of strings.
  [[nodiscard]] const StringArray* GetStrings(std::string_view key) const;
  /// A copy, from any integer array whose values fit.
  [[nodiscard]] std::optional<std::vector<std::int64_t>> GetInts(std::string_view key) const;
  /// A copy, from any array of floats or integers.
  [[nodiscard]] std::optional<std::vector<double>> GetFloats(std::string_view key) const;
  [[nodiscard]] std::optional<std::vector<bool>> GetBools(std::string_view key) const;

 private:
  Map values_;
};

}  // namespace bowhead::model
