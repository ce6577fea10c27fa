#include "api/chat_request.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "api/constraint_params.h"

namespace bowhead::api {

namespace {

constexpr ParamUse kRefused = ParamUse::kRefused;
constexpr ParamUse kHarmless = ParamUse::kHarmless;

constexpr std::array kChatParams = {
    ParamSpec{"messages"},
    ParamSpec{"model"},
    ParamSpec{"max_tokens"},
    ParamSpec{"max_completion_tokens"},
    ParamSpec{"temperature"},
    ParamSpec{"top_p"},
    ParamSpec{"top_k"},
    ParamSpec{"min_p"},
    ParamSpec{"typical_p"},
    ParamSpec{"repeat_penalty"},
    ParamSpec{"repetition_penalty"},
    ParamSpec{"presence_penalty"},
    ParamSpec{"frequency_penalty"},
    ParamSpec{"logit_bias"},
    ParamSpec{"logprobs"},
    ParamSpec{"top_logprobs"},
    ParamSpec{"seed"},
    ParamSpec{"n"},
    ParamSpec{"stop"},
    ParamSpec{"ignore_eos"},
    ParamSpec{"stream"},
    ParamSpec{"stream_options"},
    ParamSpec{"response_format"},
    ParamSpec{"structured_outputs"},
    ParamSpec{"modalities"},
    ParamSpec{"tools"},
    ParamSpec{"tool_choice"},
    ParamSpec{"parallel_tool_calls"},
    ParamSpec{"reasoning_effort"},
    ParamSpec{"chat_template_kwargs"},
    ParamSpec{"user", kHarmless},
    ParamSpec{"metadata", kHarmless},
    ParamSpec{"safety_identifier", kHarmless},
    ParamSpec{"prompt_cache_key", kHarmless},
    ParamSpec{"store", kHarmless},
    ParamSpec{"service_tier", kHarmless},
    ParamSpec{"audio", kRefused, "answers are text only"},
    ParamSpec{"function_call", kRefused, "it was replaced by 'tool_choice'"},
    ParamSpec{"functions", kRefused, "it was replaced by 'tools'"},
    ParamSpec{"moderation", kRefused, "there is no moderation model here"},
    ParamSpec{"prediction", kRefused, "predicted outputs are not implemented"},
    ParamSpec{"prompt_cache_retention", kRefused, "the cache keeps what fits, for as long as it fits"},
    ParamSpec{"verbosity", kRefused, "the served model has no such control"},
    ParamSpec{"web_search_options", kRefused, "there is no web search here"},
};

constexpr std::array kMessageParams = {
    ParamSpec{"role"},
    ParamSpec{"content"},
    ParamSpec{"name"},
    ParamSpec{"tool_calls"},
    ParamSpec{"tool_call_id"},
    ParamSpec{"reasoning_content"},
    ParamSpec{"annotations", kHarmless},
    ParamSpec{"refusal", kRefused, "put the text into 'content'"},
    ParamSpec{"audio", kRefused, "messages are text only"},
    ParamSpec{"function_call", kRefused, "it was replaced by 'tool_calls'"},
};

constexpr std::array kTemplateParams = {ParamSpec{"enable_thinking"}};

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

/// Both ways to say whether the model should reason: OpenAI's, and the one of servers that pass arguments to templates.
void ReadReasoning(ParamReader& reader, ChatRequest& request) {
  if (const std::string* effort = reader.String("reasoning_effort")) {
    if (*effort != "none" && *effort != "minimal" && *effort != "low" && *effort != "medium" && *effort != "high") {
      reader.Fail("reasoning_effort", "'reasoning_effort' must be 'none', 'minimal', 'low', 'medium' or 'high'");
    }
    request.enable_thinking = *effort != "none";
    request.thinking_param = "reasoning_effort";
  }
  if (const JsonObject* arguments = reader.Object("chat_template_kwargs")) {
    ParamReader inner(*arguments, kTemplateParams, "chat_template_kwargs.");
    const std::optional<bool> thinking = inner.Bool("enable_thinking");
    if (inner.error()) {
      reader.Fail(*inner.error());
    } else if (thinking && request.enable_thinking && *thinking != *request.enable_thinking) {
      reader.Fail("reasoning_effort", "'reasoning_effort' and 'chat_template_kwargs.enable_thinking' contradict");
    } else if (thinking) {
      request.enable_thinking = thinking;
      request.thinking_param = "chat_template_kwargs";
    }
  }
}

}  // namespace

std::span<const ParamSpec> ChatParams() {
  return kChatParams;
}

std::variant<ChatRequest, ApiError> ReadChatRequest(const JsonValue& body) {
  const JsonObject* object = body.AsObject();
  if (object == nullptr) return ApiError{.message = "the body must be a JSON object"};
  ParamReader reader(*object, kChatParams);
  ChatRequest request;
  request.params = ReadGenerationParams(reader);
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
  if (const int orphan = FindOrphanResult(request.messages); orphan >= 0) {
    const std::string name = "messages[" + std::to_string(orphan) + "].tool_call_id";
    reader.Fail(name, "'" + name + "' must be the id of a tool call in an earlier message");
  }
  if (reader.error()) return *reader.error();
  return request;
}

}  // namespace bowhead::api
