#include "api/params.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace bowhead::api {

namespace {

std::string FormatNumber(double value) {
  JsonWriter json;
  json.Double(value);
  return json.Take();
}

/// Levenshtein distance.
std::size_t Distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replace, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string_view NearestName(std::string_view name, std::span<const ParamSpec> table) {
  if (name.size() > 64) return {};
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const ParamSpec& spec : table) {
    if (spec.use == ParamUse::kRefused) continue;
    const std::size_t distance = Distance(name, spec.name);
    if (distance < best_distance) {
      best_distance = distance;
      best = spec.name;
    }
  }
  return best;
}

ParamReader::ParamReader(const JsonObject& object, std::span<const ParamSpec> table, std::string prefix)
    : object_(object), prefix_(std::move(prefix)) {
  for (const auto& [name, value] : object) {
    const auto spec = std::find_if(table.begin(), table.end(), [&](const ParamSpec& s) { return s.name == name; });
    if (spec == table.end()) {
      const std::string shown = name.substr(0, 100);
      std::string message = "unknown parameter '" + prefix_ + shown + "'";
      const std::string_view nearest = NearestName(name, table);
      if (!nearest.empty()) message += "; did you mean '" + std::string(nearest) + "'?";
      Fail({.status = 400, .message = std::move(message), .param = prefix_ + shown, .code = "unknown_parameter"});
      return;
    }
    if (spec->use == ParamUse::kRefused && !value.IsNull()) {
      Fail({.status = 400,
            .message = "'" + prefix_ + name + "' is not supported: " + std::string(spec->why),
            .param = prefix_ + name,
            .code = "unsupported_parameter"});
      return;
    }
  }
}

const JsonValue* ParamReader::Get(std::string_view name) const {
  if (!ok()) return nullptr;
  const JsonValue* value = FindKey(object_, name);
  return value == nullptr || value->IsNull() ? nullptr : value;
}

std::optional<std::int64_t> ParamReader::Int(std::string_view name, std::int64_t low, std::int64_t high) {
  const JsonValue* value = Get(name);
  if (value == nullptr) return std::nullopt;
  const std::int64_t* number = value->AsInt();
  if (number == nullptr) {
    WrongKind(name, "an integer", *value);
    return std::nullopt;
  }
  if (*number < low || *number > high) {
    Fail(name, "'" + prefix_ + std::string(name) + "' must be from " + std::to_string(low) + " to " +
                   std::to_string(high) + ", not " + std::to_string(*number));
    return std::nullopt;
  }
  return *number;
}

std::optional<double> ParamReader::Number(std::string_view name, double low, double high, bool above_low) {
  const JsonValue* value = Get(name);
  if (value == nullptr) return std::nullopt;
  double number = 0.0;
  if (const std::int64_t* integer = value->AsInt()) {
    number = static_cast<double>(*integer);
  } else if (const double* real = std::get_if<double>(&value->data())) {
    number = *real;
  } else {
    WrongKind(name, "a number", *value);
    return std::nullopt;
  }
  if (!(number >= low && number <= high) || (above_low && number <= low)) {
    Fail(name, "'" + prefix_ + std::string(name) + "' must be " + (above_low ? "above " : "from ") + FormatNumber(low) +
                   (above_low ? " and at most " : " to ") + FormatNumber(high) + ", not " + FormatNumber(number));
    return std::nullopt;
  }
  return number;
}

std::optional<bool> ParamReader::Bool(std::string_view name) {
  const JsonValue* value = Get(name);
  if (value == nullptr) return std::nullopt;
  if (const bool* flag = value->AsBool()) return *flag;
  WrongKind(name, "a boolean", *value);
  return std::nullopt;
}

const std::string* ParamReader::String(std::string_view name) {
  const JsonValue* value = Get(name);
  if (value == nullptr) return nullptr;
  if (value->AsString() == nullptr) WrongKind(name, "a string", *value);
  return value->AsString();
}

const JsonArray* ParamReader::Array(std::string_view name) {
  const JsonValue* value = Get(name);
  if (value == nullptr) return nullptr;
  if (value->AsArray() == nullptr) WrongKind(name, "a list", *value);
  return value->AsArray();
}

const JsonObject* ParamReader::Object(std::string_view name) {
  const JsonValue* value = Get(name);
  if (value == nullptr) return nullptr;
  if (value->AsObject() == nullptr) WrongKind(name, "an object", *value);
  return value->AsObject();
}

void ParamReader::WrongKind(std::string_view name, std::string_view wanted, const JsonValue& value) {
  Fail(name, "'" + prefix_ + std::string(name) + "' must be " + std::string(wanted) + ", not " +
                 std::string(value.KindName()));
}

void ParamReader::Fail(std::string_view name, std::string message) {
  Fail(BadParameter(prefix_ + std::string(name), std::move(message)));
}

void ParamReader::Fail(ApiError error) {
  if (!error_) error_ = std::move(error);
}

}  // namespace bowhead::api
