// Renders chat templates for the Python tests. Reads JSON lines on stdin and writes one JSON line for each:
//   {"template": "source"}                          parses it and makes it current: {"ok": true} or {"error": ...,
//   "code": ...}
//   {"builtin": "chatml"}                           the same with a built-in template
//   {"source": true}                                {"source": ...} of the built-in template that was last asked for
//   {"context": {...}, "now": 1700000000}           renders: {"text": ..., "untrusted": [[begin, end], ...]} or
//   {"error": ...}
//   {"context": {...}, "repeat": 100}               renders that often and adds "seconds" for one rendering
// Strings below the keys messages, tools and documents are untrusted, but for plain words as role or type.
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "model/template/builtin.h"
#include "model/template/chat_template.h"

namespace {

using bowhead::base::Result;
using bowhead::base::Status;
using bowhead::model::ChatTemplate;
using bowhead::model::Dict;
using bowhead::model::RenderedPrompt;
using bowhead::model::RenderLimits;
using bowhead::model::Value;
using Json = nlohmann::ordered_json;

// Roles and types are words that a server knows, and parts of special tokens in some templates (<|user|>).
bool IsKnownWord(const std::string& key, const Json& value) {
  return (key == "role" || key == "type") && value.is_string() &&
         value.get_ref<const std::string&>().find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
}

Value ToValue(const Json& json, bool untrusted, bool top) {
  switch (json.type()) {
    case Json::value_t::boolean:
      return Value::Bool(json.get<bool>());
    case Json::value_t::number_integer:
    case Json::value_t::number_unsigned:
      return Value::Int(json.get<std::int64_t>());
    case Json::value_t::number_float:
      return Value::Double(json.get<double>());
    case Json::value_t::string:
      return Value::String(json.get<std::string>(), untrusted);
    case Json::value_t::array: {
      std::vector<Value> items;
      for (const Json& item : json) items.push_back(ToValue(item, untrusted, false));
      return Value::FromList(std::move(items));
    }
    case Json::value_t::object: {
      Dict dict;
      for (const auto& [key, value] : json.items()) {
        const bool conversation = top && (key == "messages" || key == "tools" || key == "documents");
        dict.Set(Value::String(key, untrusted), ToValue(value, (untrusted || conversation) && !IsKnownWord(key, value), false));
      }
      return Value::FromDict(std::move(dict));
    }
    default:
      return Value::None();
  }
}

Json ErrorJson(const Status& status) {
  return {{"error", status.message()}, {"code", bowhead::base::StatusCodeName(status.code())}};
}

Json Render(const ChatTemplate& chat_template, const Json& request) {
  RenderLimits limits;
  if (request.contains("now")) limits.now_unix_seconds = request["now"].get<std::int64_t>();
  if (request.contains("max_steps")) limits.max_steps = request["max_steps"].get<std::size_t>();
  const Value context = ToValue(request["context"], false, true);
  const int repeat = request.value("repeat", 1);
  const auto begin = std::chrono::steady_clock::now();
  Result<RenderedPrompt> result = chat_template.Render(context, limits);
  for (int i = 1; i < repeat; ++i) result = chat_template.Render(context, limits);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  if (!result.ok()) return ErrorJson(result.status());
  Json ranges = Json::array();
  for (const auto& range : result->untrusted) ranges.push_back({range.begin, range.end});
  Json reply = {{"text", result->text}, {"untrusted", std::move(ranges)}};
  if (repeat > 1) reply["seconds"] = elapsed.count() / repeat;
  return reply;
}

}  // namespace

int main() {
  std::shared_ptr<const ChatTemplate> current;
  std::string builtin;
  std::string line;
  while (std::getline(std::cin, line)) {
    const Json request = Json::parse(line);
    Json reply;
    if (request.contains("context")) {
      reply = current == nullptr ? Json{{"error", "no template"}} : Render(*current, request);
    } else if (request.contains("source")) {
      reply = {{"source", bowhead::model::BuiltInTemplate(builtin)}};
    } else {
      builtin = request.value("builtin", "");
      auto parsed = request.contains("builtin") ? ChatTemplate::BuiltIn(builtin)
                                                : ChatTemplate::Parse(request["template"].get<std::string>(), "test");
      current = parsed.ok() ? *parsed : nullptr;
      reply = parsed.ok() ? Json{{"ok", true}} : ErrorJson(parsed.status());
    }
    std::cout << reply.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  }
  return 0;
}
