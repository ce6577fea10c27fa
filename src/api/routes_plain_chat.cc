// /chat: a prompt in, a reply out. JSON, a form, or ?prompt=.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <memory>
#include <optional>
#include <utility>
#include <variant>

#include "api/api_server.h"
#include "api/chat_answer.h"
#include "api/request_tables.h"
#include "assistant/prompt.h"
#include "net/form.h"
#include "net/uri.h"

namespace bowhead::api {

namespace {

constexpr std::array kChatFields = {
    Honoured("prompt", schema::kFullString),
    Honoured("max_tokens", schema::kTokenCount),
    Honoured("conversation_id", R"({"type":"string","pattern":"^[A-Za-z0-9_.:-]{0,128}$"})"),
};
constexpr std::array kTables = {ParamTable{"PlainChatRequest", kChatFields, "prompt"}};

struct PlainRequest {
  std::string prompt;
  int max_tokens = 0;
  std::string conversation_id;
};

/// Query and form fields are all text; max_tokens becomes a number where it is one.
JsonObject ToObject(net::Parameters fields) {
  JsonObject object;
  for (auto& [name, value] : fields) {
    std::int64_t number = 0;
    const auto parsed = std::from_chars(value.data(), value.data() + value.size(), number);
    if (name == "max_tokens" && parsed.ec == std::errc() && parsed.ptr == value.data() + value.size()) {
      object.emplace_back(std::move(name), JsonValue(JsonValue::Data(number)));
    } else {
      object.emplace_back(std::move(name), JsonValue(JsonValue::Data(std::move(value))));
    }
  }
  return object;
}

/// The fields of the request, wherever they are: the query, a form, or a JSON body.
base::Result<JsonValue> ReadFields(const Call& call) {
  const net::HttpRequest& request = call.request();
  const std::string& body = call.body();
  base::Result<net::Parameters> query = net::ParseQuery(request.query);
  if (!query.ok()) return query.status().WithContext("the query");
  net::Parameters fields = std::move(*query);
  const std::string_view type = request.Header("content-type");
  const std::size_t first = body.find_first_not_of(" \t\r\n");
  const bool looks_like_json = first != std::string::npos && body[first] == '{';
  // curl -d says "form" whatever it sends, so a body that starts as JSON is taken as JSON.
  const net::FormKind kind = net::FormKindOf(type);
  if (first != std::string::npos && (kind == net::FormKind::kNone || looks_like_json) &&
      kind != net::FormKind::kMultipart) {
    if (!fields.empty())
      return base::InvalidArgument("give the fields either in the query or in the body, not in both");
    return ParseJson(body);
  }
  if (kind != net::FormKind::kNone && !body.empty()) {
    base::Result<std::vector<net::FormField>> form = net::ParseForm(type, body);
    if (!form.ok()) return form.status();
    for (net::FormField& field : *form) fields.emplace_back(std::move(field.name), std::move(field.value));
  }
  JsonObject object = ToObject(std::move(fields));
  for (std::size_t i = 1; i < object.size(); ++i) {
    for (std::size_t k = 0; k < i; ++k) {
      if (object[i].first == object[k].first) {
        return base::InvalidArgument("the field '" + object[i].first.substr(0, 50) + "' is given twice");
      }
    }
  }
  for (const auto& [name, value] : object) {
    if (!IsValidUtf8(name) || (value.AsString() != nullptr && !IsValidUtf8(*value.AsString()))) {
      return base::InvalidArgument("the fields must be UTF-8");
    }
  }
  return JsonValue(JsonValue::Data(std::move(object)));
}

bool IsConversationId(std::string_view id) {
  return id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
           return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '.' || c == ':';
         });
}

std::variant<PlainRequest, ApiError> ReadPlainRequest(const JsonValue& body) {
  const JsonObject* object = body.AsObject();
  if (object == nullptr) return ApiError{.message = "the body must be a JSON object like {\"prompt\": \"Hello\"}"};
  ParamReader reader(*object, kChatFields);
  PlainRequest request;
  const std::string* prompt = reader.String("prompt");
  if (prompt == nullptr || prompt->empty()) {
    reader.Fail("prompt", "'prompt' is missing or empty; say something, for example {\"prompt\": \"Hello\"}");
  } else {
    request.prompt = *prompt;
  }
  request.max_tokens = static_cast<int>(reader.Int("max_tokens", 1, kMaxTokens).value_or(0));
  if (const std::string* id = reader.String("conversation_id")) {
    if (!IsConversationId(*id)) {
      reader.Fail("conversation_id", "'conversation_id' may have up to 128 letters, digits and any of - _ . :");
    }
    request.conversation_id = *id;
  }
  if (reader.error()) return *reader.error();
  return request;
}

}  // namespace

std::span<const ParamTable> PlainChatTables() {
  return kTables;
}

void ApiServer::PlainChat(const CallPtr& call) {
  const base::Result<JsonValue> fields = ReadFields(*call);
  if (!fields.ok()) {
    call->Fail(FromStatus(fields.status()));
    return;
  }
  auto read = ReadPlainRequest(*fields);
  if (const auto* error = std::get_if<ApiError>(&read)) {
    call->Fail(*error);
    return;
  }
  PlainRequest& request = std::get<PlainRequest>(read);
  const ModelPtr model = FindModel(call, {});
  if (model == nullptr) return;

  const std::string id = request.conversation_id.empty() ? RandomId("conv-") : request.conversation_id;
  std::vector<assistant::Message> messages = conversations_->History(call->tenant(), id);
  messages.push_back({.role = "user", .content = request.prompt});
  auto prompt = assistant::BuildPrompt(*model->chat_template, model->backend->tokenizer(), messages);
  if (!prompt.ok()) {
    call->Fail(FromStatus(prompt.status()));
    return;
  }
  base::Result<int> budget = serving::AnswerBudget(*model, prompt->tokens.size(), request.max_tokens);
  if (!budget.ok()) {
    ApiError error = FromStatus(budget.status());
    if (messages.size() > 1) error.message += "; or begin a new conversation";
    error.param = "prompt";
    call->Fail(error);
    return;
  }
  if (request.max_tokens == 0) *budget = std::min(*budget, options_.max_chat_tokens);

  serving::ChoiceRequest choice;
  choice.request.prompt = std::move(prompt->tokens);
  choice.request.max_tokens = *budget;
  // Calmer than the model's own distribution: this route has no knobs, and its readers expect a sensible answer.
  choice.request.sampling.temperature = 0.6F;
  choice.request.sampling.top_p = 0.9F;
  choice.request.sampling.seed = Random();
  choice.request.tenant = call->tenant();

  const auto done = [conversations = conversations_, call, id, asked = request.prompt,
                     model_id = model->id](const std::vector<WholeAnswer>& answers) {
    const WholeAnswer& answer = answers.front();
    const serving::ChoiceResult& result = answer.result.choice;
    if (const std::optional<ApiError> error = ErrorOf(result)) {
      call->Fail(*error);
      return;
    }
    const std::size_t turns = conversations->AddTurn(call->tenant(), id, asked, answer.content);
    JsonWriter json;
    json.BeginObject().Field("reply", answer.content).Field("conversation_id", id);
    json.Field("turn", static_cast<std::int64_t>(turns)).Field("model", model_id);
    json.Field("finish_reason", FinishReasonName(result.reason));
    json.Key("usage").BeginObject().Field("prompt_tokens", result.prompt_tokens);
    json.Field("completion_tokens", result.completion_tokens).EndObject().EndObject();
    call->SendJson(200, json.Take());
  };
  const OfferedTools offered = options_.tools != nullptr && model->chat_template->dialect().has_tools()
                                               ? PlainTools(*options_.tools)
                                               : OfferedTools();
  if (!offered.empty()) {
    ChatRequest chat = WithFunctions(offered);
    chat.messages = std::move(messages);
    chat.params.max_tokens = *budget;
    chat.params.sampling = choice.request.sampling;
    chat.params.has_seed = true;
    StartChat(call, *model, chat, [&](const assistant::Prompt&) {
      return MakeToolLoop(call, model, chat, offered, CollectAnswers(1, done));
    });
    return;
  }
  const assistant::ReadingOptions reading{model->chat_template->dialect(), /*tools=*/false, prompt->opens_reasoning};
  Start(call, *model, serving::FanOut(choice, 1), assistant::ReadAnswers(reading, 1, CollectAnswers(1, done)));
}

}  // namespace bowhead::api
