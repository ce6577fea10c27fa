// POST /v1/messages and /v1/messages/count_tokens: Anthropic's API over the same chat requests.
#include <utility>
#include <variant>

#include "api/anthropic/messages_answer.h"
#include "api/anthropic/messages_request.h"
#include "api/api_server.h"

namespace bowhead::api {

void ApiServer::Messages(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  auto read = ReadMessagesRequest(body, /*counting=*/false);
  if (const auto* error = std::get_if<ApiError>(&read)) {
    call->Fail(*error);
    return;
  }
  ChatRequest& request = std::get<ChatRequest>(read);
  const ModelPtr model = FindModel(call, request.params.model);
  if (model == nullptr) return;
  StartChat(call, *model, request, [&](const assistant::Prompt& prompt) {
    MessagesHead head{RandomId("msg_"), model->id, static_cast<int>(prompt.tokens.size())};
    return MakeMessagesSink(call, std::move(head), request.params.stream);
  });
}

void ApiServer::CountTokens(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  auto read = ReadMessagesRequest(body, /*counting=*/true);
  if (const auto* error = std::get_if<ApiError>(&read)) {
    call->Fail(*error);
    return;
  }
  const ChatRequest& request = std::get<ChatRequest>(read);
  const ModelPtr model = FindModel(call, request.params.model);
  if (model == nullptr) return;
  const auto made = MakePrompt(*model, request);
  if (const auto* error = std::get_if<ApiError>(&made)) {
    call->Fail(*error);
    return;
  }
  const auto& prompt = std::get<assistant::Prompt>(made);
  JsonWriter json;
  json.BeginObject().Field("input_tokens", static_cast<std::int64_t>(prompt.tokens.size()));
  call->SendJson(200, json.EndObject().Take());
}

}  // namespace bowhead::api
