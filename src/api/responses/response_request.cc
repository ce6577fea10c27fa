#include "api/responses/response_request.h"

#include <array>
#include <string_view>
#include <utility>

#include "api/constraint_params.h"
#include "api/reasoning_params.h"

namespace bowhead::api {

namespace {

/// What this API shares with chat completions.
constexpr std::array<std::string_view, 7> kShared = {"model", "temperature", "top_p", "top_k",
                                                     "min_p", "seed",        "stream"};

constexpr std::array kOwnParams = {
    Honoured("input", R"({"anyOf":[{"type":"string"},{"type":"array","minItems":1,
        "items":{"$ref":"#/components/schemas/InputItem"}}]})"),
    Honoured("instructions", schema::kString),
    Honoured("previous_response_id", schema::kString),
    Honoured("conversation",
             R"({"anyOf":[{"type":"string","minLength":1},{"$ref":"#/components/schemas/ConversationName"}]})",
             "not together with previous_response_id"),
    Honoured("max_output_tokens", schema::kTokenCount),
    Honoured("stream_options", schema::kObject),
    Honoured("store", schema::kBool, "kept in memory until newer ones need the place"),
    Honoured("tools", R"({"type":"array","maxItems":128,"items":{"$ref":"#/components/schemas/ResponseTool"}})"),
    Honoured("tool_choice", kToolChoiceSchema),
    Honoured("parallel_tool_calls", schema::kBool),
    Honoured("reasoning", R"({"$ref":"#/components/schemas/ResponseReasoning"})"),
    Honoured("text", R"({"$ref":"#/components/schemas/ResponseText"})"),
    Honoured("truncation", R"({"const":"disabled"})", "conversations are never cut silently"),
    Honoured("metadata", schema::kObject),
    Honoured("include", R"({"type":"array","maxItems":1,"items":{"const":"reasoning.encrypted_content"}})",
             "nothing else that it can ask for exists here"),
    Honoured("background", schema::kOnlyFalse),
    Refused("context_management", "conversations are used as they are"),
    Refused("max_tool_calls", "no tools run on this server"),
    Refused("moderation", "there is no moderation model here"),
    Refused("prompt", "there are no stored prompts here"),
    Refused("top_logprobs", "ask /v1/chat/completions for them"),
};
constexpr auto kResponseParams = JoinParams(
    kOwnParams, PickParams(kGenerationParams, kShared),
    PickParams(kClientParams,
               std::to_array<std::string_view>({"user", "safety_identifier", "prompt_cache_key", "service_tier"})));

constexpr std::string_view kTextsSchema =
    R"({"anyOf":[{"type":"string"},{"type":"array","items":{"$ref":"#/components/schemas/InputPart"}}]})";
constexpr std::array kItemParams = {
    Harmless("id", schema::kAny),
    Harmless("status", schema::kAny),
};
constexpr auto kMessageParams = JoinParams(
    std::array{
        Honoured("type", R"({"const":"message"})"),
        Honoured("role", R"({"enum":["user","assistant","system","developer"]})"),
        Honoured("content", kTextsSchema),
        Harmless("phase", schema::kAny),
    },
    kItemParams);
constexpr auto kCallParams = JoinParams(
    std::array{
        Honoured("type", R"({"const":"function_call"})"),
        Honoured("call_id", schema::kFullString),
        Honoured("name", schema::kString),
        Honoured("arguments", schema::kString),
    },
    kItemParams);
constexpr auto kOutputParams = JoinParams(
    std::array{
        Honoured("type", R"({"const":"function_call_output"})"),
        Honoured("call_id", schema::kString),
        Honoured("output", kTextsSchema),
    },
    kItemParams);
constexpr auto kReasoningItemParams = JoinParams(
    std::array{
        Honoured("type", R"({"const":"reasoning"})"),
        Honoured("content", kTextsSchema),
        Harmless("summary", schema::kAny),
        Harmless("encrypted_content", schema::kAny),
    },
    kItemParams);
constexpr std::array kToolParams = {
    Honoured("type", R"({"const":"function"})"),
    Honoured("name", R"({"type":"string","pattern":"^[A-Za-z0-9_-]{1,64}$"})"),
    Honoured("description", schema::kString),
    Honoured("parameters", schema::kObject),
    Honoured("strict", schema::kBool),
};
constexpr std::array kReasoningParams = {
    Honoured("effort", kEffortSchema),
    Honoured("max_tokens", kBudgetSchema, "where the model reasons"),
    Harmless("summary", schema::kString, "the reasoning itself is there to read"),
    Refused("generate_summary", "reasoning comes as it is"),
};
constexpr std::array kTextParams = {
    Honoured("format", R"({"$ref":"#/components/schemas/FlatFormat"})"),
    Refused("verbosity", "the served model has no such control"),
};
constexpr std::array kConversationParams = {Honoured("id", schema::kFullString)};
constexpr std::array kTables = {
    ParamTable{"ConversationName", kConversationParams, "id"},
    ParamTable{"ResponseRequest", kResponseParams, "input"},
    ParamTable{"InputMessage", kMessageParams, "role,content"},
    ParamTable{"InputCall", kCallParams, "type,call_id,name,arguments"},
    ParamTable{"InputCallOutput", kOutputParams, "type,call_id"},
    ParamTable{"InputReasoning", kReasoningItemParams, "type"},
    ParamTable{"ResponseTool", kToolParams, "type,name"},
    ParamTable{"ResponseReasoning", kReasoningParams},
    ParamTable{"ResponseText", kTextParams},
};

/// A string, or a list of parts with text.
void ReadTexts(ParamReader& reader, std::string_view name, std::string* out) {
  const JsonValue* value = reader.Get(name);
  if (value == nullptr) return;
  if (const std::string* text = value->AsString()) {
    *out += *text;
    return;
  }
  const JsonArray* parts = value->AsArray();
  for (std::size_t i = 0; parts != nullptr && i < parts->size(); ++i) {
    const JsonObject* part = (*parts)[i].AsObject();
    const JsonValue* type = part == nullptr ? nullptr : FindKey(*part, "type");
    const JsonValue* text = part == nullptr ? nullptr : FindKey(*part, "text");
    const std::string kind = type == nullptr || type->AsString() == nullptr ? "" : *type->AsString();
    if ((kind != "input_text" && kind != "output_text" && kind != "reasoning_text") || text == nullptr ||
        text->AsString() == nullptr) {
      reader.Fail(std::string(name) + "[" + std::to_string(i) + "]",
                  "parts must be of type 'input_text' or 'output_text'; the served model takes text only");
      return;
    }
    *out += *text->AsString();
  }
  if (parts == nullptr) reader.Fail(name, "'" + std::string(name) + "' must be a string or a list of parts");
}

/// Items become messages; what one answer made (reasoning, text, calls) becomes one message again.
class ItemReader {
 public:
  explicit ItemReader(std::vector<assistant::Message>* out) : out_(out) {}

  std::optional<ApiError> Read(const JsonValue& value, const std::string& place) {
    const JsonObject* object = value.AsObject();
    if (object == nullptr) return BadParameter(place, "'" + place + "' must be an object");
    const JsonValue* type = FindKey(*object, "type");
    const bool untyped = type == nullptr || type->IsNull();
    if (!untyped && type->AsString() == nullptr) {
      return BadParameter(place + ".type", "'" + place + ".type' must be a string");
    }
    const std::string kind = untyped ? "message" : *type->AsString();
    if (kind == "message") return ReadMessage(*object, place);
    if (kind == "function_call") return ReadCall(*object, place);
    if (kind == "function_call_output") return ReadOutput(*object, place);
    if (kind == "reasoning") return ReadReasoning(*object, place);
    return BadParameter(place + ".type",
                        "'" + place + ".type' is '" + kind.substr(0, 50) +
                            "'; supported are message, function_call, function_call_output, reasoning");
  }

 private:
  std::optional<ApiError> ReadMessage(const JsonObject& object, const std::string& place) {
    ParamReader reader(object, kMessageParams, place + ".");
    const std::string* role = reader.String("role");
    const bool known =
        role != nullptr && (*role == "user" || *role == "assistant" || *role == "system" || *role == "developer");
    if (!known) reader.Fail("role", "'" + place + ".role' must be 'user', 'assistant', 'system' or 'developer'");
    if (reader.Get("content") == nullptr) reader.Fail("content", "'" + place + ".content' is missing");
    std::string text;
    ReadTexts(reader, "content", &text);
    if (reader.error()) return reader.error();
    if (*role == "assistant") {
      Answer().content += text;
    } else {
      out_->push_back({.role = *role == "developer" ? "system" : *role, .content = std::move(text)});
    }
    return std::nullopt;
  }

  std::optional<ApiError> ReadCall(const JsonObject& object, const std::string& place) {
    ParamReader reader(object, kCallParams, place + ".");
    const std::string* id = reader.String("call_id");
    const std::string* name = reader.String("name");
    const std::string* arguments = reader.String("arguments");
    if (id == nullptr || id->empty() || name == nullptr || arguments == nullptr) {
      reader.Fail("call_id", "'" + place + "' needs 'call_id', 'name' and 'arguments'");
    }
    if (reader.error()) return reader.error();
    Answer().tool_calls.push_back(MakeToolCall(*id, *name, *arguments));
    return std::nullopt;
  }

  std::optional<ApiError> ReadOutput(const JsonObject& object, const std::string& place) {
    ParamReader reader(object, kOutputParams, place + ".");
    const std::string* id = reader.String("call_id");
    if (id == nullptr) reader.Fail("call_id", "'" + place + ".call_id' is missing");
    assistant::Message result{.role = "tool", .content = {}};
    ReadTexts(reader, "output", &result.content);
    if (reader.error()) return reader.error();
    result.tool_call_id = *id;
    out_->push_back(std::move(result));
    return std::nullopt;
  }

  std::optional<ApiError> ReadReasoning(const JsonObject& object, const std::string& place) {
    ParamReader reader(object, kReasoningItemParams, place + ".");
    std::string text;
    ReadTexts(reader, "content", &text);
    if (reader.error()) return reader.error();
    Answer().reasoning_content += text;
    return std::nullopt;
  }

  /// The answer that the items so far end with, or a new one.
  assistant::Message& Answer() {
    if (out_->empty() || out_->back().role != "assistant") out_->push_back({.role = "assistant", .content = {}});
    return out_->back();
  }

  std::vector<assistant::Message>* out_;
};

void ReadInput(ParamReader& reader, ResponseRequest& request) {
  const JsonValue* input = reader.Get("input");
  if (input == nullptr) {
    reader.Fail("input", "'input' is missing; give a string or a list of items");
  } else if (const std::string* text = input->AsString()) {
    request.chat.messages.push_back({.role = "user", .content = *text});
    JsonObject part{{"type", JsonValue(std::string("input_text"))}, {"text", *input}};
    JsonObject item{{"type", JsonValue(std::string("message"))},
                    {"role", JsonValue(std::string("user"))},
                    {"content", JsonValue(JsonArray{JsonValue(std::move(part))})}};
    request.input_items = JsonValue(JsonArray{JsonValue(std::move(item))});
  } else if (const JsonArray* items = input->AsArray(); items != nullptr && !items->empty()) {
    ItemReader item_reader(&request.chat.messages);
    for (std::size_t i = 0; i < items->size() && reader.ok(); ++i) {
      const std::string place = "input[" + std::to_string(i) + "]";
      if (auto error = item_reader.Read((*items)[i], place)) reader.Fail(*error);
      request.chat.places.resize(request.chat.messages.size(), place);
    }
    request.input_items = *input;
  } else {
    reader.Fail("input", "'input' must be a string or a list of items that is not empty");
  }
}

/// The tools of this API are flat.
void ReadResponseTools(ParamReader& reader, ResponseRequest& request) {
  const ToolChoice choice = ReadToolChoice(reader, /*flat=*/true);
  request.parallel_tool_calls = reader.Bool("parallel_tool_calls").value_or(true);
  if (const JsonValue* stated = reader.Get("tool_choice")) request.tool_choice = *stated;
  const JsonArray* tools = reader.Array("tools");
  ToolList list(reader);
  for (std::size_t i = 0; tools != nullptr && i < tools->size() && reader.ok(); ++i) {
    const std::string place = "tools[" + std::to_string(i) + "]";
    const JsonObject* object = (*tools)[i].AsObject();
    const JsonValue* type = object == nullptr ? nullptr : FindKey(*object, "type");
    if (type == nullptr || type->AsString() == nullptr || *type->AsString() != "function") {
      reader.Fail(
          BadParameter(place + ".type", "'" + place + ".type' must be 'function'; there are no built-in tools here"));
      return;
    }
    ParamReader inner(*object, kToolParams, place + ".");
    ToolFields fields;
    fields.place = place;
    fields.name = inner.String("name");
    fields.description = inner.Get("description");
    fields.schema = inner.Get("parameters");
    fields.strict = inner.Bool("strict").value_or(false);
    if (inner.error()) {
      reader.Fail(*inner.error());
      return;
    }
    list.Add(fields);
  }
  if (tools != nullptr) request.tools = *reader.Get("tools");
  request.chat.tools = list.Finish(choice, !request.parallel_tool_calls);
}

void ReadReasoningAndText(ParamReader& reader, ResponseRequest& request) {
  if (const JsonObject* reasoning = reader.Object("reasoning")) {
    ParamReader inner(*reasoning, kReasoningParams, "reasoning.");
    ReadEffort(inner, "effort", "reasoning.effort", request.chat);
    if (const std::string* effort = inner.String("effort")) request.effort = *effort;
    if (const auto most = inner.Int("max_tokens", 0, kMaxTokens)) {
      SetBudget(inner, "reasoning.max_tokens", static_cast<int>(*most), request.chat);
    }
    static_cast<void>(inner.String("summary"));  // the reasoning itself is there to read
    if (inner.error()) reader.Fail(*inner.error());
  }
  if (const JsonObject* text = reader.Object("text")) {
    ParamReader inner(*text, kTextParams, "text.");
    ReadFlatFormat(inner, "format", "text.format", request.chat);
    if (const JsonValue* format = inner.Get("format")) request.format = *format;
    if (inner.error()) reader.Fail(*inner.error());
  }
}

/// An id, or an object that holds it.
void ReadConversation(ParamReader& reader, ResponseRequest& request) {
  const JsonValue* conversation = reader.Get("conversation");
  if (conversation == nullptr) return;
  if (const std::string* id = conversation->AsString()) {
    request.conversation = *id;
  } else if (const JsonObject* object = reader.Object("conversation")) {
    ParamReader inner(*object, kConversationParams, "conversation.");
    if (const std::string* inner_id = inner.String("id")) request.conversation = *inner_id;
    if (inner.error()) reader.Fail(*inner.error());
  }
  if (request.conversation.empty()) reader.Fail("conversation", "'conversation' must be the id of a conversation");
  if (!request.previous_response_id.empty()) {
    reader.Fail("conversation", "'conversation' and 'previous_response_id' cannot be combined");
  }
}

void ReadPolicies(ParamReader& reader, ResponseRequest& request) {
  CheckClientParams(reader);
  request.store = reader.Bool("store").value_or(true);
  if (const JsonObject* metadata = reader.Object("metadata")) request.metadata = JsonValue(*metadata);
  const std::string* truncation = reader.String("truncation");
  if (truncation != nullptr && *truncation != "disabled") {
    reader.Fail("truncation", "'truncation' can only be 'disabled': conversations are never cut silently");
  }
  if (reader.Bool("background").value_or(false)) {
    reader.Fail("background", "'background' must be false: answers are made while the client waits");
  }
  if (const JsonArray* include = reader.Array("include"); include != nullptr && !include->empty()) {
    const std::string* first = include->front().AsString();
    if (include->size() > 1 || first == nullptr || *first != "reasoning.encrypted_content") {
      reader.Fail("include", "nothing that 'include' can ask for exists here");
    }
  }
}

}  // namespace

std::span<const ParamTable> ResponseTables() {
  return kTables;
}

std::optional<ApiError> ReadItems(const JsonArray& items, std::string_view name, std::vector<assistant::Message>* out) {
  ItemReader reader(out);
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (auto error = reader.Read(items[i], std::string(name) + "[" + std::to_string(i) + "]")) return error;
  }
  return std::nullopt;
}

std::variant<ResponseRequest, ApiError> ReadResponseRequest(const JsonValue& body) {
  ParamReader reader(*body.AsObject(), kResponseParams);
  ResponseRequest request;
  ReadPolicies(reader, request);
  // `store` means something here; what chat's reader would say of it, and of tiers, does not.
  JsonObject common;
  for (const std::string_view name : kShared) {
    if (const JsonValue* value = reader.Get(name)) common.emplace_back(name, *value);
  }
  ParamReader params(common, ChatParams());
  request.chat.params = ReadGenerationParams(params);
  if (params.error()) reader.Fail(*params.error());
  request.chat.params.max_tokens = static_cast<int>(reader.Int("max_output_tokens", 1, kMaxTokens).value_or(0));
  if (const std::string* previous = reader.String("previous_response_id")) request.previous_response_id = *previous;
  ReadConversation(reader, request);
  if (const std::string* instructions = reader.String("instructions")) request.instructions = *instructions;
  ReadInput(reader, request);
  ReadResponseTools(reader, request);
  ReadReasoningAndText(reader, request);
  if (reader.error()) return *reader.error();
  return request;
}

}  // namespace bowhead::api
