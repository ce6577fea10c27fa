#include "api/anthropic/messages_request.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/constraint_params.h"

namespace bowhead::api {

namespace {

constexpr std::string_view kTextBlocksSchema =
    R"({"anyOf":[{"type":"string"},{"type":"array","items":{"$ref":"#/components/schemas/AnthropicTextBlock"}}]})";

constexpr std::array kMessagesOwnParams = {
    Honoured("messages", R"({"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/AnthropicMessage"}})"),
    Honoured("system", kTextBlocksSchema),
    Honoured("stop_sequences",
             R"({"type":"array","maxItems":16,"items":{"type":"string","minLength":1,"maxLength":1024}})"),
    Honoured("tools", R"({"type":"array","maxItems":128,"items":{"$ref":"#/components/schemas/AnthropicTool"}})"),
    Honoured("tool_choice", R"({"$ref":"#/components/schemas/AnthropicToolChoice"})"),
    Honoured("thinking", R"({"$ref":"#/components/schemas/AnthropicThinking"})"),
    Honoured("output_config", R"({"$ref":"#/components/schemas/AnthropicOutputConfig"})"),
    Honoured("output_format", R"({"$ref":"#/components/schemas/FlatFormat"})"),
    Harmless("metadata", schema::kObject),
    Harmless("cache_control", schema::kAny, "the prefix cache needs no marks"),
    Harmless("service_tier", R"({"enum":["auto","standard_only"]})"),
    Refused("container", "nothing runs on this server but the model"),
    Refused("context_management", "conversations are used as they come"),
    Refused("mcp_servers", "there is no MCP client here"),
};
constexpr auto kMessagesParams = JoinParams(
    kMessagesOwnParams,
    PickParams(kGenerationParams,
               std::to_array<std::string_view>({"model", "max_tokens", "temperature", "top_p", "top_k", "stream"})));
constexpr std::array kMessageParams = {
    Honoured("role", R"({"enum":["user","assistant"]})"),
    Honoured("content", R"({"anyOf":[{"type":"string"},{"type":"array",
        "items":{"$ref":"#/components/schemas/AnthropicBlock"}}]})"),
};
constexpr std::array kToolParams = {
    Honoured("name", R"({"type":"string","pattern":"^[A-Za-z0-9_-]{1,64}$"})"),
    Honoured("description", schema::kString),
    Honoured("input_schema", schema::kObject),
    Honoured("type", R"({"const":"custom"})"),
    Honoured("strict", schema::kBool, "arguments always validate; what cannot be enforced is refused"),
    Harmless("cache_control", schema::kAny),
};
constexpr std::array kConfigParams = {
    Honoured("format", R"({"$ref":"#/components/schemas/FlatFormat"})"),
    Refused("effort", "the served model has no such control"),
};
constexpr std::array kChoiceParams = {
    Honoured("type", R"({"enum":["auto","any","tool","none"]})"),
    Honoured("name", schema::kString, "of type tool only"),
    Honoured("disable_parallel_tool_use", schema::kBool),
};
constexpr std::array kThinkingParams = {
    Honoured("type", R"({"enum":["enabled","adaptive","disabled"]})"),
    Honoured("budget_tokens", schema::kTokenCount, "of type enabled only; less than max_tokens"),
    Harmless("display", schema::kString, "all of it is shown"),
};
constexpr std::array kTables = {
    ParamTable{"AnthropicRequest", kMessagesParams, "messages,max_tokens"},
    ParamTable{"AnthropicCountRequest", kMessagesParams, "messages"},
    ParamTable{"AnthropicMessage", kMessageParams, "role,content"},
    ParamTable{"AnthropicTool", kToolParams, "name,input_schema"},
    ParamTable{"AnthropicToolChoice", kChoiceParams, "type"},
    ParamTable{"AnthropicThinking", kThinkingParams, "type"},
    ParamTable{"AnthropicOutputConfig", kConfigParams},
};

std::string StringOf(const JsonObject& object, std::string_view key) {
  const JsonValue* value = FindKey(object, key);
  return value == nullptr || value->AsString() == nullptr ? std::string() : *value->AsString();
}

ApiError Mistake(const std::string& place, const std::string& what) {
  return BadParameter(place, place + ": " + what);
}

/// A string, or a list of text blocks; `place` names it in mistakes.
std::variant<std::string, ApiError> ReadText(const JsonValue& value, const std::string& place) {
  if (const std::string* text = value.AsString()) return *text;
  const JsonArray* blocks = value.AsArray();
  if (blocks == nullptr) return Mistake(place, "give a string or a list of text blocks");
  std::string all;
  for (std::size_t i = 0; i < blocks->size(); ++i) {
    const JsonObject* block = (*blocks)[i].AsObject();
    const JsonValue* text = block == nullptr ? nullptr : FindKey(*block, "text");
    if (block == nullptr || StringOf(*block, "type") != "text" || text == nullptr || text->AsString() == nullptr) {
      return Mistake(place + "." + std::to_string(i), "only text blocks are supported here");
    }
    all += *text->AsString();
  }
  return all;
}

/// Reads the blocks of one message; results of tools become messages of their own, in order.
class MessageReader {
 public:
  MessageReader(std::string role, std::string place, std::vector<assistant::Message>* out)
      : role_(std::move(role)), place_(std::move(place)), out_(out) {
    message_.role = role_;
  }

  std::optional<ApiError> Read(const JsonValue& content) {
    if (const std::string* text = content.AsString()) {
      message_.content = *text;
      used_ = true;
    } else if (const JsonArray* blocks = content.AsArray()) {
      for (std::size_t i = 0; i < blocks->size(); ++i) {
        const std::string place = place_ + ".content." + std::to_string(i);
        const JsonObject* block = (*blocks)[i].AsObject();
        if (block == nullptr) return Mistake(place, "a block must be an object");
        if (auto error = ReadBlock(*block, place)) return error;
      }
    } else {
      return Mistake(place_ + ".content", "give a string or a list of blocks");
    }
    if (used_) out_->push_back(std::move(message_));
    return std::nullopt;
  }

 private:
  std::optional<ApiError> ReadBlock(const JsonObject& block, const std::string& place) {
    const std::string type = StringOf(block, "type");
    if (const std::string_view member = type == "thinking" ? "thinking" : "text";
        type == "text" || type == "thinking") {
      const JsonValue* text = FindKey(block, member);
      if (text == nullptr || text->AsString() == nullptr) {
        return Mistake(place, "a " + type + " block needs '" + std::string(member) + "', a string");
      }
    }
    if (type == "text") {
      message_.content += StringOf(block, "text");
      used_ = true;
      return std::nullopt;
    }
    if (type == "tool_use" && role_ == "assistant") return ReadToolUse(block, place);
    if (type == "tool_result" && role_ == "user") return ReadToolResult(block, place);
    if (type == "thinking" && role_ == "assistant") {
      message_.reasoning_content += StringOf(block, "thinking");
      used_ = true;
      return std::nullopt;
    }
    return Mistake(place + ".type", "'" + type.substr(0, 50) + "' blocks are not supported in messages of the " +
                                        role_ + "; the served model takes text, tool_use and tool_result");
  }

  std::optional<ApiError> ReadToolUse(const JsonObject& block, const std::string& place) {
    const JsonValue* input = FindKey(block, "input");
    if (StringOf(block, "id").empty() || StringOf(block, "name").empty() || input == nullptr ||
        input->AsObject() == nullptr) {
      return Mistake(place, "a tool_use block needs 'id', 'name' and 'input'");
    }
    message_.tool_calls.push_back(
        {StringOf(block, "id"), StringOf(block, "name"), ToJsonText(*input), ToTemplateValue(*input)});
    used_ = true;
    return std::nullopt;
  }

  std::optional<ApiError> ReadToolResult(const JsonObject& block, const std::string& place) {
    assistant::Message result{.role = "tool", .content = {}};
    result.tool_call_id = StringOf(block, "tool_use_id");
    if (const JsonValue* content = FindKey(block, "content")) {
      auto text = ReadText(*content, place + ".content");
      if (const auto* error = std::get_if<ApiError>(&text)) return *error;
      result.content = std::move(std::get<std::string>(text));
    }
    if (used_) {
      out_->push_back(std::move(message_));
      message_ = {.role = role_, .content = {}};
      used_ = false;
    }
    out_->push_back(std::move(result));
    return std::nullopt;
  }

  const std::string role_;
  const std::string place_;
  std::vector<assistant::Message>* out_;
  assistant::Message message_;
  bool used_ = false;
};

void ReadMessages(ParamReader& reader, ChatRequest& request) {
  if (const JsonValue* system = reader.Get("system")) {
    auto text = ReadText(*system, "system");
    if (const auto* error = std::get_if<ApiError>(&text)) {
      reader.Fail(*error);
      return;
    }
    request.messages.push_back({.role = "system", .content = std::move(std::get<std::string>(text))});
    request.places.emplace_back("system");
  }
  const JsonArray* messages = reader.Array("messages");
  if (messages == nullptr || messages->empty()) {
    reader.Fail("messages", "'messages' is missing or empty; give at least one message");
    return;
  }
  for (std::size_t i = 0; i < messages->size() && reader.ok(); ++i) {
    const std::string place = "messages." + std::to_string(i);
    const JsonObject* object = (*messages)[i].AsObject();
    if (object == nullptr) {
      reader.Fail(Mistake(place, "a message must be an object with 'role' and 'content'"));
      return;
    }
    ParamReader inner(*object, kMessageParams, place + ".");
    const std::string* role = inner.String("role");
    const JsonValue* content = inner.Get("content");
    if (role == nullptr || (*role != "user" && *role != "assistant")) {
      inner.Fail(Mistake(place + ".role", "must be 'user' or 'assistant'"));
    } else if (content == nullptr) {
      inner.Fail(Mistake(place + ".content", "is missing"));
    } else if (auto error = MessageReader(*role, place, &request.messages).Read(*content)) {
      inner.Fail(*error);
    }
    if (inner.error()) reader.Fail(*inner.error());
    request.places.resize(request.messages.size(), place);
  }
}

ToolChoice ReadMessagesChoice(ParamReader& reader, bool* single_call) {
  ToolChoice choice;
  const JsonObject* object = reader.Object("tool_choice");
  if (object == nullptr) return choice;
  ParamReader inner(*object, kChoiceParams, "tool_choice.");
  const std::string type = StringOf(*object, "type");
  const std::string* name = inner.String("name");
  if (type == "none") {
    choice.mode = ToolChoice::Mode::kNone;
  } else if (type == "any" || type == "tool") {
    choice.mode = ToolChoice::Mode::kRequired;
  } else if (type != "auto") {
    inner.Fail("type", "'tool_choice.type' must be 'auto', 'any', 'tool' or 'none'");
  }
  if ((name != nullptr) != (type == "tool")) {
    inner.Fail("name", "'tool_choice.name' belongs to the type 'tool', and only to that");
  } else if (name != nullptr) {
    choice.only = {*name};
    choice.place = "tool_choice.name";
  }
  *single_call = inner.Bool("disable_parallel_tool_use").value_or(false);
  if (inner.error()) reader.Fail(*inner.error());
  return choice;
}

void ReadMessagesTools(ParamReader& reader, ChatRequest& request) {
  bool single_call = false;
  const ToolChoice choice = ReadMessagesChoice(reader, &single_call);
  const JsonArray* tools = reader.Array("tools");
  ToolList list(reader);
  for (std::size_t i = 0; tools != nullptr && i < tools->size() && reader.ok(); ++i) {
    const std::string place = "tools." + std::to_string(i);
    const JsonObject* object = (*tools)[i].AsObject();
    if (object == nullptr) {
      reader.Fail(Mistake(place, "a tool must be an object"));
      return;
    }
    ParamReader inner(*object, kToolParams, place + ".");
    const std::string* type = inner.String("type");
    if (type != nullptr && *type != "custom") {
      inner.Fail(Mistake(place + ".type", "only tools of type 'custom' are supported"));
    }
    ToolFields fields;
    fields.place = place;
    fields.schema_key = "input_schema";
    fields.name = inner.String("name");
    fields.description = inner.Get("description");
    fields.schema = inner.Get("input_schema");
    fields.strict = inner.Bool("strict").value_or(false);
    if (fields.schema == nullptr) inner.Fail(Mistake(place + ".input_schema", "is missing"));
    if (inner.error()) {
      reader.Fail(*inner.error());
      return;
    }
    list.Add(fields);
  }
  request.tools = list.Finish(choice, single_call);
}

void ReadThinking(ParamReader& reader, ChatRequest& request) {
  const JsonObject* thinking = reader.Object("thinking");
  if (thinking == nullptr) return;
  ParamReader inner(*thinking, kThinkingParams, "thinking.");
  const std::string type = StringOf(*thinking, "type");
  const auto budget = inner.Int("budget_tokens", 1, kMaxTokens);
  static_cast<void>(inner.String("display"));  // all of it is shown
  if (type == "enabled") {
    if (!budget) {
      inner.Fail("budget_tokens", "'thinking.budget_tokens' is missing; it says how many tokens the model may think");
    } else if (request.params.max_tokens != 0 && *budget >= request.params.max_tokens) {
      inner.Fail("budget_tokens", "'thinking.budget_tokens' must be less than 'max_tokens'");
    } else {
      request.max_reasoning_tokens = static_cast<int>(*budget);
      request.budget_param = "thinking";
    }
  } else if (type == "disabled") {
    request.enable_thinking = false;
    request.thinking_param = "thinking";
  } else if (type != "adaptive") {
    inner.Fail("type", "'thinking.type' must be 'enabled', 'adaptive' or 'disabled'");
  }
  if (type != "enabled" && budget) inner.Fail("budget_tokens", "'thinking.budget_tokens' needs the type 'enabled'");
  if (inner.error()) reader.Fail(*inner.error());
}

}  // namespace

std::span<const ParamTable> MessagesTables() {
  return kTables;
}

std::variant<ChatRequest, ApiError> ReadMessagesRequest(const JsonValue& body, bool counting) {
  const JsonObject* object = body.AsObject();
  if (object == nullptr) return ApiError{.message = "the body must be a JSON object"};
  ParamReader reader(*object, kMessagesParams);
  ChatRequest request;
  request.params = ReadGenerationParams(reader);
  static_cast<void>(reader.Object("metadata"));
  const std::string* tier = reader.String("service_tier");
  if (tier != nullptr && *tier != "auto" && *tier != "standard_only") {
    reader.Fail("service_tier", "'service_tier' must be 'auto' or 'standard_only'");
  }
  if (request.params.max_tokens == 0 && !counting) {
    reader.Fail("max_tokens", "'max_tokens' is missing; it says how long the answer may be");
  }
  if (const JsonArray* stops = reader.Array("stop_sequences")) {
    for (const JsonValue& stop : *stops) {
      if (stop.AsString() == nullptr || stop.AsString()->empty() || stop.AsString()->size() > kMaxStopBytes ||
          request.params.stops.size() == kMaxStops) {
        reader.Fail("stop_sequences", "'stop_sequences' may have up to " + std::to_string(kMaxStops) +
                                          " strings of 1 to " + std::to_string(kMaxStopBytes) + " bytes");
        break;
      }
      request.params.stops.push_back(*stop.AsString());
    }
  }
  ReadMessages(reader, request);
  ReadMessagesTools(reader, request);
  ReadThinking(reader, request);
  ReadFlatFormat(reader, "output_format", "output_format", request);
  if (const JsonObject* config = reader.Object("output_config")) {
    ParamReader inner(*config, kConfigParams, "output_config.");
    ReadFlatFormat(inner, "format", "output_config.format", request);
    if (inner.error()) reader.Fail(*inner.error());
  }
  if (reader.ok()) {
    if (auto error = CheckToolMessages(request.messages, {request.places, "messages", ".content", ".content"}))
      reader.Fail(*std::move(error));
  }
  if (reader.error()) return *reader.error();
  return request;
}

}  // namespace bowhead::api
