#include "api/chat_request.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "api/constraint_params.h"
#include "api/reasoning_params.h"

namespace bowhead::api {

namespace {

constexpr std::array kOwnParams = {
    Honoured("messages", R"({"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/ChatMessage"}})"),
    Honoured("max_completion_tokens", schema::kTokenCount, "another name of max_tokens"),
    Honoured("logprobs", schema::kBool),
    Honoured("top_logprobs", schema::kTopLogprobs, "needs logprobs"),
    Honoured("response_format", R"({"$ref":"#/components/schemas/ResponseFormat"})",
             "kept exactly, or refused with the keyword and its place"),
    Honoured("structured_outputs", R"({"$ref":"#/components/schemas/StructuredOutputs"})", "vLLM's way to say it"),
    Honoured("modalities", R"({"type":"array","items":{"const":"text"}})"),
    Honoured("tools", R"({"type":"array","maxItems":128,"items":{"anyOf":[{"$ref":"#/components/schemas/Tool"},
        {"$ref":"#/components/schemas/McpTool"}]}})",
             "for every model; strict ones always validate"),
    Honoured("tool_choice", kToolChoiceSchema),
    Honoured("parallel_tool_calls", schema::kBool),
    Honoured("reasoning_effort", kEffortSchema, "where the model's template can switch reasoning"),
    Honoured("reasoning", R"({"$ref":"#/components/schemas/Reasoning"})"),
    Honoured("max_reasoning_tokens", kBudgetSchema, "where the model reasons"),
    Honoured("thinking_token_budget", kBudgetSchema, "another name of max_reasoning_tokens"),
    Honoured("chat_template_kwargs", R"({"$ref":"#/components/schemas/ChatTemplateKwargs"})"),
    Refused("audio", "answers are text only"),
    Refused("function_call", "it was replaced by 'tool_choice'"),
    Refused("functions", "it was replaced by 'tools'"),
    Refused("moderation", "there is no moderation model here"),
    Refused("prediction", "predicted outputs are not implemented"),
    Refused("prompt_cache_retention", "the cache keeps what fits, for as long as it fits"),
    Refused("verbosity", "the served model has no such control"),
    Refused("web_search_options", "there is no web search here"),
};
constexpr auto kChatParams = JoinParams(kOwnParams, kGenerationParams, kClientParams);

constexpr std::array kMessageParams = {
    Honoured("role", R"({"enum":["system","developer","user","assistant","tool"]})"),
    Honoured("content",
             R"({"anyOf":[{"type":"string"},{"type":"array","items":{"$ref":"#/components/schemas/TextPart"}}]})",
             "needed unless there are tool_calls"),
    Honoured("name", schema::kString),
    Honoured("tool_calls", R"({"type":"array","items":{"$ref":"#/components/schemas/ToolCall"}})"),
    Honoured("tool_call_id", schema::kString),
    Honoured("reasoning_content", schema::kString),
    Harmless("annotations", schema::kAny),
    Refused("refusal", "put the text into 'content'"),
    Refused("audio", "messages are text only"),
    Refused("function_call", "it was replaced by 'tool_calls'"),
};

constexpr std::array kTables = {
    ParamTable{"ChatRequest", kChatParams, "messages"},
    ParamTable{"ChatMessage", kMessageParams, "role"},
};

/// Content is a string, or a list of text parts, which are joined.
void ReadContent(ParamReader& reader, const std::string& name, assistant::Message& message, bool required) {
  const JsonValue* content = reader.Get("content");
  if (content == nullptr) {
    if (required) reader.Fail("content", "'" + name + "content' is missing; give a string or a list of text parts");
    return;
  }
  if (const std::string* text = content->AsString()) {
    message.content = *text;
    return;
  }
  const JsonArray* parts = content->AsArray();
  if (parts == nullptr) {
    reader.Fail("content", "'" + name + "content' must be a string or a list of text parts, not " +
                               std::string(content->KindName()));
    return;
  }
  for (std::size_t i = 0; i < parts->size(); ++i) {
    const std::string place = "content[" + std::to_string(i) + "]";
    const JsonObject* part = (*parts)[i].AsObject();
    const JsonValue* type = part == nullptr ? nullptr : FindKey(*part, "type");
    const JsonValue* text = part == nullptr ? nullptr : FindKey(*part, "text");
    if (type != nullptr && type->AsString() != nullptr && *type->AsString() != "text") {
      reader.Fail(place + ".type", "'" + name + place + ".type' is '" + type->AsString()->substr(0, 50) +
                                       "'; the served model takes text only");
      return;
    }
    if (type == nullptr || type->AsString() == nullptr || text == nullptr || text->AsString() == nullptr ||
        part->size() != 2) {
      reader.Fail(place, "'" + name + place + "' must be {\"type\": \"text\", \"text\": \"...\"}");
      return;
    }
    message.content += *text->AsString();
  }
}

void ReadMessage(ParamReader& request, const JsonValue& value, std::size_t index, ChatRequest& out) {
  const std::string name = "messages[" + std::to_string(index) + "]";
  const JsonObject* object = value.AsObject();
  if (object == nullptr) {
    request.Fail(name,
                 "'" + name + "' must be an object with 'role' and 'content', not " + std::string(value.KindName()));
    return;
  }
  ParamReader reader(*object, kMessageParams, name + ".");
  assistant::Message message;
  const std::string* role = reader.String("role");
  if (role == nullptr) {
    reader.Fail("role", "'" + name + ".role' is missing");
  } else if (*role == "developer") {
    message.role = "system";  // OpenAI's newer name for it; templates know the older one
  } else if (*role == "system" || *role == "user" || *role == "assistant" || *role == "tool") {
    message.role = *role;
  } else {
    reader.Fail("role", "'" + name + ".role' must be 'system', 'developer', 'user', 'assistant' or 'tool', not '" +
                            role->substr(0, 50) + "'");
  }
  if (const JsonArray* calls = reader.Array("tool_calls"); calls != nullptr && !calls->empty()) {
    if (message.role != "assistant") reader.Fail("tool_calls", "only messages of the assistant have 'tool_calls'");
    message.tool_calls = ReadToolCalls(reader, name + ".");
  }
  if (const std::string* id = reader.String("tool_call_id")) message.tool_call_id = *id;
  if (const std::string* speaker = reader.String("name")) message.name = *speaker;
  if (const std::string* reasoning = reader.String("reasoning_content")) message.reasoning_content = *reasoning;
  ReadContent(reader, name + ".", message, message.tool_calls.empty());
  if (reader.error()) {
    request.Fail(*reader.error());
    return;
  }
  out.messages.push_back(std::move(message));
  out.places.push_back(name);
}

void ReadLogprobs(ParamReader& reader, GenerationParams& params) {
  const bool wanted = reader.Bool("logprobs").value_or(false);
  const auto top = reader.Int("top_logprobs", 0, kMaxTopLogprobs);
  if (top && !wanted) reader.Fail("top_logprobs", "'top_logprobs' needs 'logprobs': true");
  if (wanted) params.sampling.num_logprobs = static_cast<int>(top.value_or(0));
}

void ReadFormat(ParamReader& reader, ChatRequest& request) {
  ReadConstraint(reader, "response_format", request);
  ReadStructuredOutputs(reader, request);
  if (const JsonArray* modalities = reader.Array("modalities")) {
    for (const JsonValue& item : *modalities) {
      if (item.AsString() == nullptr || *item.AsString() != "text") {
        reader.Fail("modalities", "'modalities' can only be [\"text\"]");
      }
    }
  }
}

}  // namespace

std::span<const ParamSpec> ChatParams() {
  return kChatParams;
}

std::span<const ParamTable> ChatTables() {
  return kTables;
}

std::variant<ChatRequest, ApiError> ReadChatRequest(const JsonValue& body) {
  const JsonObject* object = body.AsObject();
  if (object == nullptr) return ApiError{.message = "the body must be a JSON object"};
  ParamReader reader(*object, kChatParams);
  ChatRequest request;
  request.params = ReadGenerationParams(reader);
  CheckClientParams(reader);
  RefuseStore(reader);
  if (const auto tokens = reader.Int("max_completion_tokens", 1, kMaxTokens)) {
    if (request.params.max_tokens != 0 && request.params.max_tokens != *tokens) {
      reader.Fail("max_tokens", "'max_tokens' and 'max_completion_tokens' are the same thing; give one of them");
    }
    request.params.max_tokens = static_cast<int>(*tokens);
  }
  ReadLogprobs(reader, request.params);
  ReadFormat(reader, request);
  request.tools = ReadTools(reader);
  ReadReasoning(reader, request);

  const JsonArray* messages = reader.Array("messages");
  if (messages == nullptr) {
    reader.Fail("messages", "'messages' is missing; give a list with at least one message");
  } else if (messages->empty()) {
    reader.Fail("messages", "'messages' is empty; give at least one message");
  } else {
    for (std::size_t i = 0; i < messages->size() && reader.ok(); ++i) ReadMessage(reader, (*messages)[i], i, request);
  }
  if (reader.ok()) {
    if (auto error = CheckToolMessages(request.messages, {request.places, "messages", ".tool_calls", ".tool_call_id"}))
      reader.Fail(*std::move(error));
  }
  if (reader.error()) return *reader.error();
  return request;
}

}  // namespace bowhead::api
