#include "model/format/metadata.h"

#include <limits>

namespace bowhead::model {
namespace {

template <class T>
const T* Find(const Metadata& metadata, std::string_view key) {
  const auto it = metadata.values().find(key);
  return it == metadata.values().end() ? nullptr : std::get_if<T>(&it->second);
}

std::optional<std::int64_t> ToSigned(std::uint64_t value) {
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

template <class T>
std::vector<double> ToDoubles(const std::vector<T>& values) {
  std::vector<double> out;
  out.reserve(values.size());
  for (const T value : values) out.push_back(static_cast<double>(value));
  return out;
}

}  // namespace

std::optional<std::uint64_t> Metadata::GetUint(std::string_view key) const {
  if (const auto* value = Find<std::uint64_t>(*this, key)) return *value;
  const auto* value = Find<std::int64_t>(*this, key);
  if (value == nullptr || *value < 0) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

std::optional<std::int64_t> Metadata::GetInt(std::string_view key) const {
  if (const auto* value = Find<std::int64_t>(*this, key)) return *value;
  if (const auto* value = Find<std::uint64_t>(*this, key)) return ToSigned(*value);
  return std::nullopt;
}

std::optional<double> Metadata::GetFloat(std::string_view key) const {
  if (const auto* value = Find<double>(*this, key)) return *value;
  if (const auto* value = Find<std::uint64_t>(*this, key)) return static_cast<double>(*value);
  if (const auto* value = Find<std::int64_t>(*this, key)) return static_cast<double>(*value);
  return std::nullopt;
}

std::optional<bool> Metadata::GetBool(std::string_view key) const {
  const auto* value = Find<bool>(*this, key);
  return value == nullptr ? std::nullopt : std::optional<bool>(*value);
}

const std::string* Metadata::GetString(std::string_view key) const {
  return Find<std::string>(*this, key);
}

const StringArray* Metadata::GetStrings(std::string_view key) const {
  return Find<StringArray>(*this, key);
}

std::optional<std::vector<std::int64_t>> Metadata::GetInts(std::string_view key) const {
  if (const auto* values = Find<std::vector<std::int64_t>>(*this, key)) return *values;
  const auto* values = Find<std::vector<std::uint64_t>>(*this, key);
  if (values == nullptr) return std::nullopt;
  std::vector<std::int64_t> out;
  out.reserve(values->size());
  for (const std::uint64_t value : *values) {
    const std::optional<std::int64_t> converted = ToSigned(value);
    if (!converted) return std::nullopt;
    out.push_back(*converted);
  }
  return out;
}

std::optional<std::vector<double>> Metadata::GetFloats(std::string_view key) const {
  if (const auto* values = Find<std::vector<double>>(*this, key)) return *values;
  if (const auto* values = Find<std::vector<std::int64_t>>(*this, key)) return ToDoubles(*values);
  if (const auto* values = Find<std::vector<std::uint64_t>>(*this, key)) return ToDoubles(*values);
  return std::nullopt;
}

std::optional<std::vector<bool>> Metadata::GetBools(std::string_view key) const {
  const auto* values = Find<std::vector<bool>>(*this, key);
  return values == nullptr ? std::nullopt : std::optional<std::vector<bool>>(*values);
}

}  // namespace bowhead::model
