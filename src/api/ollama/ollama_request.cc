#include "api/ollama/ollama_request.h"

#include <array>
#include <utility>

#include "api/constraint_params.h"
#include "api/reasoning_params.h"

namespace bowhead::api {

namespace {

constexpr std::array kShowParams = {
    Honoured("model", schema::kString),
    Honoured("name", schema::kString, "another name of model; one of them is needed"),
    Harmless("verbose", schema::kAny),
};
constexpr std::array kCommonParams = {
    Honoured("model", schema::kString),
    Honoured("options", R"({"$ref":"#/components/schemas/OllamaOptions"})"),
    Honoured("stream", schema::kBool, "true where it is left out"),
    Honoured("think", R"({"enum":[true,false,"low","medium","high"]})"),
    Honoured("format", R"({"anyOf":[{"enum":["json",""]},{"type":"object"}]})"),
    Harmless("keep_alive", schema::kAny, "the served model stays"),
    Refused("logprobs", "ask OpenAI's routes for them"),
    Refused("top_logprobs", "ask OpenAI's routes for them"),
};
constexpr auto kChatParams = JoinParams(
    std::array{
        Honoured("messages", R"({"type":"array","minItems":1,"items":{"$ref":"#/components/schemas/OllamaMessage"}})"),
        Honoured("tools", R"({"type":"array","maxItems":128,"items":{"$ref":"#/components/schemas/Tool"}})"),
        Honoured("tool_choice", kToolChoiceSchema, "as in chat completions"),
    },
    kCommonParams);
constexpr auto kGenerateParams = JoinParams(
    std::array{
        Honoured("prompt", schema::kFullString),
        Honoured("system", schema::kString),
        Honoured("raw", schema::kOnlyFalse, "/v1/completions takes prompts as they are"),
        Refused("images", "the served model takes text only"),
        Refused("suffix", "ask /v1/completions for it"),
        Refused("template", "start the server with --chat-template"),
        Refused("context", "send the conversation to /api/chat"),
    },
    kCommonParams);
constexpr std::array kOptionsOwnParams = {
    Honoured("num_predict", R"({"type":"integer","minimum":-2,"maximum":16777216})", "-1 and -2: as many as fit"),
    Harmless("num_ctx", schema::kAny, "the server's --ctx holds; an answer that does not fit is an error"),
    Harmless("num_thread", schema::kAny, "the server's threads hold"),
    Harmless("num_batch", schema::kAny),
    Harmless("num_gpu", schema::kAny),
    Harmless("main_gpu", schema::kAny),
    Harmless("use_mmap", schema::kAny),
    Harmless("numa", schema::kAny),
    Refused("num_keep", "conversations are never cut"),
    Refused("repeat_last_n", "the penalty looks at prompt and answer"),
    Refused("penalize_newline", "all tokens are treated alike"),
    Refused("mirostat", "there is no such sampler here"),
    Refused("mirostat_eta", "there is no such sampler here"),
    Refused("mirostat_tau", "there is no such sampler here"),
    Refused("tfs_z", "there is no such sampler here"),
};
constexpr auto kOptions = JoinParams(
    PickParams(kGenerationParams,
               std::to_array<std::string_view>({"temperature", "top_p", "top_k", "min_p", "typical_p", "repeat_penalty",
                                                "presence_penalty", "frequency_penalty", "seed", "stop"})),
    kOptionsOwnParams);
constexpr std::array kMessageParams = {
    Honoured("role", R"({"enum":["system","user","assistant","tool"]})"),
    Honoured("content", schema::kString),
    Honoured("thinking", schema::kString),
    Honoured("tool_calls", R"({"type":"array","items":{"$ref":"#/components/schemas/OllamaCall"}})"),
    Honoured("tool_name", schema::kString),
    Harmless("tool_call_id", schema::kAny, "results follow their calls in order"),
    Refused("images", "the served model takes text only"),
};
constexpr std::array kTables = {
    ParamTable{"OllamaChatRequest", kChatParams, "model,messages"},
    ParamTable{"OllamaGenerateRequest", kGenerateParams, "model,prompt"},
    ParamTable{"OllamaOptions", kOptions},
    ParamTable{"OllamaMessage", kMessageParams, "role"},
    ParamTable{"OllamaShowRequest", kShowParams},
};

void ReadOptions(ParamReader& reader, ChatRequest& request) {
  // What Ollama's documentation names as its defaults.
  engine::SamplingParams& sampling = request.params.sampling;
  static const JsonObject kNoOptions;
  const JsonObject* options = reader.Object("options");
  ParamReader inner(options == nullptr ? kNoOptions : *options, kOptions, "options.");
  request.params = ReadGenerationParams(inner);
  if (inner.Get("temperature") == nullptr) sampling.temperature = 0.8F;
  if (inner.Get("top_k") == nullptr) sampling.top_k = 40;
  if (inner.Get("top_p") == nullptr) sampling.top_p = 0.9F;
  // -1 and -2 are Ollama's "as many as fit".
  if (const auto most = inner.Int("num_predict", -2, kMaxTokens)) {
    request.params.max_tokens = *most < 0 ? 0 : static_cast<int>(*most);
    if (*most == 0) inner.Fail("num_predict", "'options.num_predict' must be positive, or -1 for as many as fit");
  }
  if (inner.error()) reader.Fail(*inner.error());
}

void ReadCommon(ParamReader& reader, ChatRequest& request) {
  ReadOptions(reader, request);
  if (const std::string* model = reader.String("model")) {
    request.params.model = WithoutTag(*model);
  } else {
    reader.Fail("model", "'model' is missing");
  }
  request.params.stream = reader.Bool("stream").value_or(true);
  if (const JsonValue* format = reader.Get("format")) {
    const std::string* name = format->AsString();
    if (format->AsObject() != nullptr) {
      SetConstraint(request, "format", {serving::ConstraintSpec::Kind::kJsonSchema, ToJsonText(*format), {}});
    } else if (name != nullptr && *name == "json") {
      SetConstraint(request, "format", {serving::ConstraintSpec::Kind::kJsonObject, {}, {}});
    } else if (name == nullptr || !name->empty()) {
      reader.Fail("format", "'format' must be \"json\" or a JSON schema");
    }
  }
  // A level is as good as true: templates have one switch.
  if (const JsonValue* think = reader.Get("think")) {
    const std::string* level = think->AsString();
    const bool known = level != nullptr && (*level == "low" || *level == "medium" || *level == "high");
    if (think->AsBool() == nullptr && !known) {
      reader.Fail("think", "'think' must be true, false, \"low\", \"medium\" or \"high\"");
    }
    SetThinking(reader, "think", level != nullptr || (think->AsBool() != nullptr && *think->AsBool()), request);
  }
}

/// Ollama's calls have no ids: results follow their calls in order.
void ReadCalls(ParamReader& reader, const std::string& place, assistant::Message& message, int* calls) {
  const JsonArray* list = reader.Array("tool_calls");
  if (list == nullptr) return;
  for (const JsonValue& item : *list) {
    const JsonValue* function = item.AsObject() == nullptr ? nullptr : FindKey(*item.AsObject(), "function");
    const JsonObject* object = function == nullptr ? nullptr : function->AsObject();
    const JsonValue* name = object == nullptr ? nullptr : FindKey(*object, "name");
    const JsonValue* arguments = object == nullptr ? nullptr : FindKey(*object, "arguments");
    if (name == nullptr || name->AsString() == nullptr || arguments == nullptr || arguments->AsObject() == nullptr) {
      reader.Fail("tool_calls", "'" + place +
                                    "tool_calls' must have items like {\"function\": {\"name\": \"f\", "
                                    "\"arguments\": {}}}");
      return;
    }
    message.tool_calls.push_back(
        {"call_" + std::to_string((*calls)++), *name->AsString(), ToJsonText(*arguments), ToTemplateValue(*arguments)});
  }
}

void ReadMessages(ParamReader& reader, ChatRequest& request) {
  const JsonArray* messages = reader.Array("messages");
  if (messages == nullptr || messages->empty()) {
    reader.Fail("messages", "'messages' is missing or empty; give at least one message");
    return;
  }
  int calls = 0;
  int results = 0;
  for (std::size_t i = 0; i < messages->size() && reader.ok(); ++i) {
    const std::string place = "messages[" + std::to_string(i) + "].";
    const JsonObject* object = (*messages)[i].AsObject();
    if (object == nullptr) {
      reader.Fail("messages", "each message must be an object with 'role' and 'content'");
      return;
    }
    ParamReader inner(*object, kMessageParams, place);
    assistant::Message message;
    const std::string* role = inner.String("role");
    const std::string* content = inner.String("content");
    if (role == nullptr || (*role != "system" && *role != "user" && *role != "assistant" && *role != "tool")) {
      inner.Fail("role", "'" + place + "role' must be 'system', 'user', 'assistant' or 'tool'");
    } else {
      message.role = *role;
    }
    if (content != nullptr) message.content = *content;
    if (const std::string* thinking = inner.String("thinking")) message.reasoning_content = *thinking;
    if (const std::string* name = inner.String("tool_name")) message.name = *name;
    ReadCalls(inner, place, message, &calls);
    if (message.role == "tool") {
      if (results == calls) inner.Fail("role", "'" + place.substr(0, place.size() - 1) + "' answers no tool call");
      message.tool_call_id = "call_" + std::to_string(results++);
    }
    if (inner.error()) {
      reader.Fail(*inner.error());
      return;
    }
    request.messages.push_back(std::move(message));
    request.places.push_back(place.substr(0, place.size() - 1));
  }
  if (reader.ok()) {
    if (auto error = CheckToolMessages(request.messages, {request.places})) reader.Fail(*std::move(error));
  }
}

}  // namespace

std::span<const ParamTable> OllamaTables() {
  return kTables;
}

std::span<const ParamSpec> OllamaShowParams() {
  return kShowParams;
}

std::string_view WithoutTag(std::string_view name) {
  constexpr std::string_view kTag = ":latest";
  return name.ends_with(kTag) ? name.substr(0, name.size() - kTag.size()) : name;
}

std::variant<ChatRequest, ApiError> ReadOllamaChat(const JsonValue& body) {
  ParamReader reader(*body.AsObject(), kChatParams);
  ChatRequest request;
  ReadCommon(reader, request);
  ReadMessages(reader, request);
  request.tools = ReadTools(reader);
  if (reader.error()) return *reader.error();
  return request;
}

std::variant<ChatRequest, ApiError> ReadOllamaGenerate(const JsonValue& body) {
  ParamReader reader(*body.AsObject(), kGenerateParams);
  ChatRequest request;
  ReadCommon(reader, request);
  if (reader.Bool("raw").value_or(false)) {
    reader.Fail("raw", "'raw' must be false; /v1/completions takes prompts as they are");
  }
  if (const std::string* system = reader.String("system"); system != nullptr && !system->empty()) {
    request.messages.push_back({.role = "system", .content = *system});
  }
  const std::string* prompt = reader.String("prompt");
  if (prompt == nullptr || prompt->empty()) reader.Fail("prompt", "'prompt' is missing or empty");
  if (reader.error()) return *reader.error();
  request.messages.push_back({.role = "user", .content = *prompt});
  return request;
}

}  // namespace bowhead::api
