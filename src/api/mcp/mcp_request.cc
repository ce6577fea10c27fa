#include "api/mcp/mcp_request.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "api/params.h"

namespace bowhead::api {

namespace {

constexpr std::string_view kOnlyOurs = "this server reaches only MCP servers that it was started with (--mcp)";
constexpr std::array kMcpParams = {
    Honoured("type", R"({"const":"mcp"})"),
    Honoured("server_label", R"({"type":"string"})"),
    Honoured("allowed_tools", "{}"),
    Honoured("require_approval", R"({"const":"never"})"),
    Harmless("server_description", R"({"type":"string"})"),
    Refused("server_url", kOnlyOurs),
    Refused("connector_id", kOnlyOurs),
    Refused("authorization", kOnlyOurs),
    Refused("headers", kOnlyOurs),
};

constexpr std::array kTables = {ParamTable{"McpTool", kMcpParams, "type,server_label"}};

JsonValue Text(std::string text) {
  return JsonValue(JsonValue::Data(std::move(text)));
}

/// A list of names, or an object with one below "tool_names"; nothing after a mistake has been told.
std::optional<std::vector<std::string>> ReadNames(ParamReader& reader, const std::string& name,
                                                  const JsonValue& value) {
  const JsonObject* object = value.AsObject();
  const JsonValue* inner = object == nullptr ? &value : FindKey(*object, "tool_names");
  const JsonArray* list = inner == nullptr || (object != nullptr && object->size() != 1) ? nullptr : inner->AsArray();
  std::vector<std::string> names;
  for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
    const std::string* text = (*list)[i].AsString();
    if (text == nullptr) list = nullptr;
    if (text != nullptr) names.push_back(*text);
  }
  if (list != nullptr) return names;
  reader.Fail(name, "'" + name + "' must be a list of names of tools, or {\"tool_names\": […]}");
  return std::nullopt;
}

bool Has(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

/// The tools that one entry stands for; or the mistake goes to `outer`.
OfferedTools ReadEntry(ParamReader& outer, const JsonObject& entry, const std::string& place, const mcp::ToolHub* hub) {
  ParamReader reader(entry, kMcpParams, place + ".");
  OfferedTools offered;
  const std::string* label = reader.String("server_label");
  if (const JsonValue* approval = reader.Get("require_approval");
      approval != nullptr && (approval->AsString() == nullptr || *approval->AsString() != "never")) {
    reader.Fail("require_approval", "'require_approval' can only be 'never': nobody can be asked during an answer");
  }
  std::optional<std::vector<std::string>> allowed;
  if (const JsonValue* value = reader.Get("allowed_tools")) allowed = ReadNames(reader, "allowed_tools", *value);
  std::optional<mcp::ServerState> state;
  if (label == nullptr) {
    reader.Fail("server_label", "'" + place + ".server_label' is missing");
  } else if (hub == nullptr || hub->empty()) {
    reader.Fail("server_label", "this server was started without MCP servers (--mcp)");
  } else if (state = hub->StateOf(*label); !state) {
    std::string known;
    for (const mcp::ServerState& one : hub->States()) known += (known.empty() ? "" : ", ") + one.label;
    reader.Fail("server_label", "there is no MCP server '" + label->substr(0, 40) + "' here; there are: " + known);
  } else if (!state->connected) {
    reader.Fail({.status = 503,
                 .message = "the MCP server '" + *label + "' is not connected: " + state->problem,
                 .param = place + ".server_label"});
  }
  if (reader.error()) {
    outer.Fail(*reader.error());
    return offered;
  }
  for (const auto& tool : state->tools) {
    if (allowed && !Has(*allowed, tool->name)) continue;
    offered.push_back(tool);
  }
  if (offered.empty()) {
    outer.Fail(BadParameter(place, "'" + place + "' gives no tool that the model may call; start the server with " +
                                       "--mcp-allow " + *label + "/TOOL"));
  }
  return offered;
}

/// Tools as chat's `tools` has them, a list of functions.
JsonArray AsFunctions(const OfferedTools& tools) {
  JsonArray list;
  for (const auto& tool : tools) {
    base::Result<JsonValue> schema = ParseJson(tool->schema);
    if (!schema.ok()) continue;  // beyond the limits of requests
    JsonObject function;
    function.emplace_back("name", Text(tool->model_name));
    function.emplace_back("description", Text(tool->description));
    function.emplace_back("parameters", std::move(*schema));
    JsonObject item;
    item.emplace_back("type", Text("function"));
    item.emplace_back("function", JsonValue(JsonValue::Data(std::move(function))));
    list.emplace_back(JsonValue::Data(std::move(item)));
  }
  return list;
}

/// The object of an entry of type "mcp", or null.
const JsonObject* AsMcpTool(const JsonValue& tool) {
  const JsonObject* entry = tool.AsObject();
  const JsonValue* type = entry == nullptr ? nullptr : FindKey(*entry, "type");
  return type != nullptr && type->AsString() != nullptr && *type->AsString() == "mcp" ? entry : nullptr;
}

class HubTools final : public assistant::ServerTools {
 public:
  HubTools(mcp::ToolHub& hub, OfferedTools tools) : hub_(hub), tools_(std::move(tools)) {}

  [[nodiscard]] bool Has(std::string_view name) const override { return Find(name) != nullptr; }

  assistant::ToolOutput Run(std::string_view name, std::string_view arguments, std::stop_token stop) override {
    const mcp::Tool* offered = Find(name);
    if (offered == nullptr) return {"there is no such tool", true};
    const base::Result<JsonValue> parsed = ParseJson(arguments);
    if (!parsed.ok() || parsed->AsObject() == nullptr) {
      return {"the arguments are no JSON object; write them again", true};
    }
    base::Result<mcp::CallResult> result = hub_.Call(*offered, ToJsonText(*parsed), std::move(stop));
    if (!result.ok()) return {result.status().message(), true};
    return {std::move(result->text), result->is_error};
  }

 private:
  [[nodiscard]] const mcp::Tool* Find(std::string_view name) const {
    const auto found = std::find_if(tools_.begin(), tools_.end(), [&](const std::shared_ptr<const mcp::Tool>& one) {
      return one->model_name == name;
    });
    return found == tools_.end() ? nullptr : found->get();
  }

  mcp::ToolHub& hub_;
  const OfferedTools tools_;
};

}  // namespace

std::span<const ParamTable> McpTables() {
  return kTables;
}

bool HasMcpTools(const JsonValue& body) {
  const JsonObject* object = body.AsObject();
  const JsonValue* tools = object == nullptr ? nullptr : FindKey(*object, "tools");
  const JsonArray* list = tools == nullptr ? nullptr : tools->AsArray();
  return list != nullptr &&
         std::any_of(list->begin(), list->end(), [](const JsonValue& tool) { return AsMcpTool(tool) != nullptr; });
}

std::variant<OfferedTools, ApiError> TakeMcpTools(JsonValue& body, const mcp::ToolHub* hub) {
  OfferedTools taken;
  auto* object = std::get_if<JsonObject>(&body.data());
  if (object == nullptr) return taken;
  for (auto& [key, value] : *object) {
    auto* list = key == "tools" ? std::get_if<JsonArray>(&value.data()) : nullptr;
    if (list == nullptr) continue;
    const JsonObject none;
    ParamReader mistakes(none, {});
    JsonArray rest;
    for (std::size_t i = 0; i < list->size(); ++i) {
      const JsonObject* entry = AsMcpTool((*list)[i]);
      if (entry == nullptr) {
        rest.push_back(std::move((*list)[i]));
        continue;
      }
      OfferedTools more = ReadEntry(mistakes, *entry, "tools[" + std::to_string(i) + "]", hub);
      for (JsonValue& function : AsFunctions(more)) rest.push_back(std::move(function));
      taken.insert(taken.end(), more.begin(), more.end());
    }
    if (mistakes.error()) return *mistakes.error();
    *list = std::move(rest);
  }
  return taken;
}

OfferedTools PlainTools(const mcp::ToolHub& hub) {
  OfferedTools offered;
  for (const mcp::ServerState& state : hub.States()) {
    offered.insert(offered.end(), state.tools.begin(), state.tools.end());
  }
  return offered;
}

ChatRequest WithFunctions(const OfferedTools& tools) {
  JsonObject object;
  object.emplace_back("tools", JsonValue(JsonValue::Data(AsFunctions(tools))));
  ParamReader reader(object, ChatParams());
  ChatRequest request;
  request.tools = ReadTools(reader);
  if (reader.error()) request.tools = {};  // such as more tools than one request may have
  return request;
}

std::shared_ptr<assistant::ServerTools> MakeServerTools(mcp::ToolHub& hub, OfferedTools tools) {
  return std::make_shared<HubTools>(hub, std::move(tools));
}

}  // namespace bowhead::api
