#include "api/tool_messages.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "api/tool_params.h"

namespace bowhead::api {

namespace {

constexpr std::size_t kMaxIdLength = 256;

constexpr std::array kCallParams = {
    Honoured("id", R"({"type":"string","minLength":1,"maxLength":256})"),
    Honoured("type", R"({"const":"function"})"),
    Honoured("function", R"({"$ref":"#/components/schemas/CalledFunction"})"),
    Harmless("index", schema::kAny, "clients send back what streams brought"),
};
constexpr std::array kCalledFunctionParams = {
    Honoured("name", schema::kString),
    Honoured("arguments", schema::kString, "the JSON text that the model wrote"),
};
constexpr std::array kTables = {
    ParamTable{"ToolCall", kCallParams, "id,type,function"},
    ParamTable{"CalledFunction", kCalledFunctionParams, "name,arguments"},
};

assistant::ToolCall ReadToolCall(ParamReader& reader, const std::string& place, const JsonValue& value) {
  const JsonObject* object = value.AsObject();
  if (object == nullptr) {
    reader.Fail(BadParameter(place, "'" + place + "' must be an object"));
    return {};
  }
  ParamReader item(*object, kCallParams, place + ".");
  const std::string* type = item.String("type");
  if (type == nullptr || *type != "function") {
    item.Fail("type", "'" + place + ".type' must be 'function'; other kinds of tools are not supported");
  }
  const std::string* id = item.String("id");
  if (id == nullptr || id->empty()) item.Fail("id", "'" + place + ".id' is missing");
  const JsonObject* function = item.Object("function");
  if (function == nullptr) item.Fail("function", "'" + place + ".function' is missing");
  if (item.error()) {
    reader.Fail(*item.error());
    return {};
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
    return {};
  }
  return MakeToolCall(*id, *name, *arguments);
}

std::string Shown(std::string_view id) {
  constexpr std::size_t kMost = 60;
  return "'" + std::string(id.substr(0, kMost)) + (id.size() > kMost ? "..." : "") + "'";
}

}  // namespace

std::span<const ParamTable> ToolCallTables() {
  return kTables;
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

std::optional<ApiError> CheckToolMessages(std::span<const assistant::Message> messages, const MessagePlaces& places) {
  const auto mistake = [&](std::size_t index, const std::string& part, const std::string& what) {
    const bool known = index < places.messages.size() && !places.messages[index].empty();
    const std::string place = known ? places.messages[index] + part : places.fallback;
    return BadParameter(place, "'" + place + "' " + what);
  };
  std::vector<std::string_view> open;  // ids of calls without a result yet
  std::size_t caller = 0;
  for (std::size_t i = 0; i <= messages.size(); ++i) {
    const bool result = i < messages.size() && messages[i].role == "tool";
    if (!result && !open.empty()) {
      return mistake(caller, places.calls,
                     "calls a tool, but the result of " + Shown(open.front()) + " does not follow it");
    }
    if (i == messages.size()) break;
    if (result) {
      const auto call = std::find(open.begin(), open.end(), messages[i].tool_call_id);
      if (call == open.end()) {
        return mistake(i, places.result,
                       "must answer a tool call of the message before it, which has none with the id " +
                           Shown(messages[i].tool_call_id) + " that is still to be answered");
      }
      open.erase(call);
    }
    for (const assistant::ToolCall& call : messages[i].tool_calls) {
      if (call.id.size() > kMaxIdLength)
        return mistake(i, places.calls, "has the id of a tool call that is longer than 256 bytes");
      if (std::find(open.begin(), open.end(), call.id) != open.end()) {
        return mistake(i, places.calls, "has two tool calls with the id " + Shown(call.id));
      }
      open.emplace_back(call.id);
      caller = i;
    }
  }
  return std::nullopt;
}

}  // namespace bowhead::api
