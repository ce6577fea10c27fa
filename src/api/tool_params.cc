#include "api/tool_params.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <type_traits>
#include <utility>

namespace bowhead::api {

namespace {

constexpr std::size_t kMaxTools = 128;
constexpr std::size_t kMaxNameLength = 64;

constexpr std::array kToolParams = {
    Honoured("type", R"({"const":"function"})"),
    Honoured("function", R"({"$ref":"#/components/schemas/ToolFunction"})"),
};
constexpr std::array kFunctionParams = {
    Honoured("name", R"({"type":"string","pattern":"^[A-Za-z0-9_-]{1,64}$"})"),
    Honoured("description", schema::kString),
    Honoured("parameters", schema::kObject),
    Honoured("strict", schema::kBool),
};
constexpr std::array kCallParams = {
    Honoured("id", schema::kFullString),
    Honoured("type", R"({"const":"function"})"),
    Honoured("function", R"({"$ref":"#/components/schemas/CalledFunction"})"),
    Harmless("index", schema::kAny, "clients send back what streams brought"),
};
constexpr std::array kCalledFunctionParams = {
    Honoured("name", schema::kString),
    Honoured("arguments", schema::kString, "the JSON text that the model wrote"),
};
constexpr std::array kTables = {
    ParamTable{"Tool", kToolParams, "type,function"},
    ParamTable{"ToolFunction", kFunctionParams, "name"},
    ParamTable{"ToolCall", kCallParams, "id,type,function"},
    ParamTable{"CalledFunction", kCalledFunctionParams, "name,arguments"},
};

bool IsToolName(std::string_view name) {
  return !name.empty() && name.size() <= kMaxNameLength && std::all_of(name.begin(), name.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-';
  });
}

/// The object below `name` of a list's item, or null with the mistake told.
const JsonObject* ItemObject(ParamReader& reader, const std::string& place, const JsonValue& item) {
  const JsonObject* object = item.AsObject();
  if (object == nullptr) reader.Fail(BadParameter(place, "'" + place + "' must be an object"));
  return object;
}

void CheckFunctionType(ParamReader& item, const std::string& place) {
  const std::string* type = item.String("type");
  if (type == nullptr || *type != "function") {
    item.Fail("type", "'" + place + ".type' must be 'function'; other kinds of tools are not supported");
  }
}

void ReadTool(ParamReader& reader, const JsonValue& value, std::size_t index, ToolParams& tools) {
  const std::string place = "tools[" + std::to_string(index) + "]";
  const JsonObject* object = ItemObject(reader, place, value);
  if (object == nullptr) return;
  ParamReader item(*object, kToolParams, place + ".");
  CheckFunctionType(item, place);
  const JsonObject* function = item.Object("function");
  if (function == nullptr) item.Fail("function", "'" + place + ".function' is missing");
  if (item.error()) {
    reader.Fail(*item.error());
    return;
  }
  ParamReader inner(*function, kFunctionParams, place + ".function.");
  const std::string* name = inner.String("name");
  if (name == nullptr || !IsToolName(*name)) {
    inner.Fail("name", "'" + place + ".function.name' must have 1 to 64 letters, digits, '_' or '-'");
  } else if (std::find(tools.names.begin(), tools.names.end(), *name) != tools.names.end()) {
    inner.Fail("name", "two tools are called '" + *name + "'");
  }
  static_cast<void>(inner.String("description"));
  static_cast<void>(inner.Object("parameters"));
  if (inner.Bool("strict").value_or(false)) {
    inner.Fail("strict",
               "'" + place + ".function.strict' is not supported: arguments are not held to their schema yet");
  }
  if (inner.error()) {
    reader.Fail(*inner.error());
    return;
  }
  tools.names.push_back(*name);
}

/// Whether the model may call tools at all.
bool ReadToolChoice(ParamReader& reader) {
  const JsonValue* choice = reader.Get("tool_choice");
  if (choice == nullptr) return true;
  const std::string* name = choice->AsString();
  if (name == nullptr || (*name != "auto" && *name != "none")) {
    reader.Fail("tool_choice", "'tool_choice' can only be 'auto' or 'none': a tool call cannot be forced yet");
    return false;
  }
  return *name == "auto";
}

assistant::ToolCall ReadToolCall(ParamReader& reader, const std::string& place, const JsonValue& value) {
  assistant::ToolCall call;
  const JsonObject* object = ItemObject(reader, place, value);
  if (object == nullptr) return call;
  ParamReader item(*object, kCallParams, place + ".");
  CheckFunctionType(item, place);
  const std::string* id = item.String("id");
  if (id == nullptr || id->empty()) item.Fail("id", "'" + place + ".id' is missing");
  const JsonObject* function = item.Object("function");
  if (function == nullptr) item.Fail("function", "'" + place + ".function' is missing");
  if (item.error()) {
    reader.Fail(*item.error());
    return call;
  }
  ParamReader inner(*function, kCalledFunctionParams, place + ".function.");
  const std::string* name = inner.String("name");
  if (name == nullptr) inner.Fail("name", "'" + place + ".function.name' is missing");
  const std::string* arguments = inner.String("arguments");
  if (arguments == nullptr) {
    inner.Fail("arguments", "'" + place + ".function.arguments' is missing; give the JSON text that the model wrote");
  }
  if (inner.error()) {
    reader.Fail(*inner.error());
    return call;
  }
  return MakeToolCall(*id, *name, *arguments);
}

}  // namespace

std::span<const ParamTable> ToolTables() {
  return kTables;
}

ToolParams ReadTools(ParamReader& reader) {
  ToolParams tools;
  const bool wanted = ReadToolChoice(reader);
  const std::optional<bool> parallel = reader.Bool("parallel_tool_calls");
  const JsonArray* list = reader.Array("tools");
  if (list == nullptr || list->empty()) return tools;
  if (parallel.has_value() && !*parallel) {
    reader.Fail("parallel_tool_calls",
                "'parallel_tool_calls' can only be true: the number of calls is not limited yet");
  }
  if (list->size() > kMaxTools) {
    reader.Fail("tools", "'tools' has " + std::to_string(list->size()) + " tools; at most " +
                             std::to_string(kMaxTools) + " are allowed");
  }
  for (std::size_t i = 0; i < list->size() && reader.ok(); ++i) ReadTool(reader, (*list)[i], i, tools);
  if (!wanted || !reader.ok()) return {};
  tools.definitions = ToTemplateValue(*reader.Get("tools"));
  return tools;
}

std::vector<assistant::ToolCall> ReadToolCalls(ParamReader& reader, const std::string& prefix) {
  std::vector<assistant::ToolCall> calls;
  const JsonArray* list = reader.Array("tool_calls");
  if (list == nullptr) return calls;
  for (std::size_t i = 0; i < list->size() && reader.ok(); ++i) {
    calls.push_back(ReadToolCall(reader, prefix + "tool_calls[" + std::to_string(i) + "]", (*list)[i]));
  }
  return calls;
}

assistant::ToolCall MakeToolCall(std::string id, std::string name, std::string arguments) {
  assistant::ToolCall call{std::move(id), std::move(name), std::move(arguments), {}};
  const base::Result<JsonValue> parsed = ParseJson(call.arguments);
  if (parsed.ok() && parsed->AsObject() != nullptr) call.parsed_arguments = ToTemplateValue(*parsed);
  return call;
}

int FindOrphanResult(const std::vector<assistant::Message>& messages) {
  std::vector<std::string_view> open;
  for (std::size_t i = 0; i < messages.size(); ++i) {
    for (const assistant::ToolCall& call : messages[i].tool_calls) open.emplace_back(call.id);
    if (messages[i].role != "tool") continue;
    if (std::find(open.begin(), open.end(), messages[i].tool_call_id) == open.end()) return static_cast<int>(i);
  }
  return -1;
}

model::Value ToTemplateValue(const JsonValue& json) {
  return std::visit(
      [](const auto& value) -> model::Value {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::nullptr_t>) {
          return model::Value::None();
        } else if constexpr (std::is_same_v<T, bool>) {
          return model::Value::Bool(value);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          return model::Value::Int(value);
        } else if constexpr (std::is_same_v<T, double>) {
          return model::Value::Double(value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return model::Value::String(value, /*untrusted=*/true);
        } else if constexpr (std::is_same_v<T, JsonArray>) {
          std::vector<model::Value> items;
          items.reserve(value.size());
          for (const JsonValue& item : value) items.push_back(ToTemplateValue(item));
          return model::Value::FromList(std::move(items));
        } else {
          model::Dict dict;
          for (const auto& [key, item] : value) {
            dict.Set(model::Value::String(key, /*untrusted=*/true), ToTemplateValue(item));
          }
          return model::Value::FromDict(std::move(dict));
        }
      },
      json.data());
}

}  // namespace bowhead::api
