#include "api/grpc/proto_json.h"

#include <bowhead/v1/parameters.pb.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/unknown_field_set.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bowhead::api {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

constexpr std::string_view kJsonSuffix = "_json";

JsonValue Text(std::string text) {
  return JsonValue(std::move(text));
}

/// Turns one request over; keeps the first mistake.
class Converter {
 public:
  JsonValue Convert(const Message& message, const std::string& place);
  [[nodiscard]] const std::optional<ApiError>& error() const { return error_; }

 private:
  JsonValue Special(const v1::Input& input, const std::string& place);
  static JsonValue Special(const v1::ToolChoice& choice);
  void Field(const Message& message, const FieldDescriptor& field, const std::string& place, JsonObject& object);
  JsonValue Item(const Message& message, const FieldDescriptor& field, int index, const std::string& place);
  JsonValue Map(const Message& message, const FieldDescriptor& field, const std::string& place);
  JsonValue Embedded(const std::string& text, const std::string& place);
  bool Count();
  void Fail(ApiError error) {
    if (!error_) error_ = std::move(error);
  }

  std::optional<ApiError> error_;
  std::size_t values_left_ = JsonLimits().max_values;
};

bool Converter::Count() {
  if (values_left_ == 0) Fail({.message = "the request has too many values"});
  if (error_) return false;
  --values_left_;
  return true;
}

JsonValue Converter::Special(const v1::Input& input, const std::string& place) {
  if (input.has_text()) return Text(input.text());
  if (!input.has_tokens()) {
    Fail(BadParameter(place, "'" + place + "' has neither text nor tokens"));
    return {};
  }
  JsonArray ids;
  for (const std::int32_t id : input.tokens().ids()) {
    if (!Count()) break;
    ids.emplace_back(std::int64_t{id});
  }
  return JsonValue(std::move(ids));
}

JsonValue Converter::Special(const v1::ToolChoice& choice) {
  if (!choice.has_function()) return Text(choice.mode());
  JsonObject function;
  function.emplace_back("name", Text(choice.function()));
  JsonObject object;
  object.emplace_back("type", Text("function"));
  object.emplace_back("function", JsonValue(std::move(function)));
  return JsonValue(std::move(object));
}

JsonValue Converter::Convert(const Message& message, const std::string& place) {
  if (!Count()) return {};
  const Reflection& reflection = *message.GetReflection();
  const auto& unknown = reflection.GetUnknownFields(message);
  if (!unknown.empty()) {
    Fail({.message = "field " + std::to_string(unknown.field(0).number()) + " of " +
                     message.GetDescriptor()->full_name() +
                     " is not known to this server; it is older than the client's proto files",
          .param = place,
          .code = "unknown_parameter"});
    return {};
  }
  if (const auto* input = dynamic_cast<const v1::Input*>(&message)) return Special(*input, place);
  if (const auto* choice = dynamic_cast<const v1::ToolChoice*>(&message)) return Special(*choice);
  JsonObject object;
  const google::protobuf::Descriptor& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count() && !error_; ++i) Field(message, *descriptor.field(i), place, object);
  return JsonValue(std::move(object));
}

void Converter::Field(const Message& message, const FieldDescriptor& field, const std::string& place,
                      JsonObject& object) {
  const Reflection& reflection = *message.GetReflection();
  std::string name = field.name();
  const bool json = name.ends_with(kJsonSuffix);
  if (json) name.resize(name.size() - kJsonSuffix.size());
  const std::string here = place.empty() ? name : place + "." + name;
  if (field.is_map()) {
    if (reflection.FieldSize(message, &field) != 0) object.emplace_back(name, Map(message, field, here));
  } else if (field.is_repeated()) {
    const int size = reflection.FieldSize(message, &field);
    if (size == 0) return;
    JsonArray items;
    for (int i = 0; i < size && !error_; ++i) {
      items.push_back(Item(message, field, i, here + "[" + std::to_string(i) + "]"));
    }
    object.emplace_back(name, JsonValue(std::move(items)));
  } else if (reflection.HasField(message, &field)) {
    JsonValue value = json ? Embedded(reflection.GetString(message, &field), here) : Item(message, field, -1, here);
    object.emplace_back(name, std::move(value));
  }
}

/// The field's value, or one of its values if it is repeated.
JsonValue Converter::Item(const Message& message, const FieldDescriptor& field, int index, const std::string& place) {
  if (!Count()) return {};
  const Reflection& reflection = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return Convert(
          one ? reflection.GetMessage(message, &field) : reflection.GetRepeatedMessage(message, &field, index), place);
    case FieldDescriptor::CPPTYPE_STRING:
      return Text(one ? reflection.GetString(message, &field) : reflection.GetRepeatedString(message, &field, index));
    case FieldDescriptor::CPPTYPE_BOOL:
      return JsonValue(one ? reflection.GetBool(message, &field) : reflection.GetRepeatedBool(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT32:
      return JsonValue(std::int64_t{one ? reflection.GetInt32(message, &field)
                                        : reflection.GetRepeatedInt32(message, &field, index)});
    case FieldDescriptor::CPPTYPE_INT64:
      return JsonValue(std::int64_t{one ? reflection.GetInt64(message, &field)
                                        : reflection.GetRepeatedInt64(message, &field, index)});
    case FieldDescriptor::CPPTYPE_DOUBLE:
      return JsonValue(one ? reflection.GetDouble(message, &field)
                           : reflection.GetRepeatedDouble(message, &field, index));
    default:
      Fail(FromStatus(base::Internal("'" + place + "' is of a kind that requests do not have")));
      return {};
  }
}

/// Of maps there are only those from numbers to numbers.
JsonValue Converter::Map(const Message& message, const FieldDescriptor& field, const std::string& place) {
  JsonObject object;
  const Reflection& reflection = *message.GetReflection();
  const int size = reflection.FieldSize(message, &field);
  for (int i = 0; i < size && !error_; ++i) {
    const Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const FieldDescriptor& key = *entry.GetDescriptor()->map_key();
    const std::string name = std::to_string(entry.GetReflection()->GetInt32(entry, &key));
    object.emplace_back(name, Item(entry, *entry.GetDescriptor()->map_value(), -1, place + "." + name));
  }
  return JsonValue(std::move(object));
}

JsonValue Converter::Embedded(const std::string& text, const std::string& place) {
  auto parsed = ParseJson(text);
  if (parsed.ok()) return std::move(*parsed);
  Fail({.message = "'" + place + "' is no JSON: " + parsed.status().message(), .param = place, .code = "invalid_json"});
  return {};
}

}  // namespace

std::variant<JsonValue, ApiError> ToJson(const Message& message) {
  Converter converter;
  JsonValue value = converter.Convert(message, "");
  if (converter.error()) return *converter.error();
  return value;
}

}  // namespace bowhead::api
