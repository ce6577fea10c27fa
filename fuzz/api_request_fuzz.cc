// Bodies of the API from strangers: the JSON reader and the readers of both generating routes. What is accepted must
// also survive being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

#include "api/chat_request.h"
#include "api/completion_request.h"
#include "api/json.h"

using bowhead::api::JsonValue;
using bowhead::api::JsonWriter;

namespace {

void Write(JsonWriter& json, const JsonValue& value) {
  if (value.IsNull()) json.Null();
  if (const bool* flag = value.AsBool()) json.Bool(*flag);
  if (const auto* number = value.AsInt()) json.Int(*number);
  if (const auto* real = std::get_if<double>(&value.data())) json.Double(*real);
  if (const auto* text = value.AsString()) json.String(*text);
  if (const auto* list = value.AsArray()) {
    json.BeginArray();
    for (const JsonValue& item : *list) Write(json, item);
    json.EndArray();
  }
  if (const auto* object = value.AsObject()) {
    json.BeginObject();
    for (const auto& [key, item] : *object) Write(json.Key(key), item);
    json.EndObject();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string body(data, data + size);
  const auto parsed = bowhead::api::ParseJson(body);
  if (!parsed.ok()) return 0;
  static_cast<void>(bowhead::api::ReadChatRequest(*parsed));
  static_cast<void>(bowhead::api::ReadCompletionRequest(*parsed));
  JsonWriter json;
  Write(json, *parsed);
  if (!bowhead::api::ParseJson(json.Take()).ok()) std::abort();
  return 0;
}
