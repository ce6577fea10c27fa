// POST /v1/responses, and GET and DELETE of kept ones: OpenAI's Responses API over the same chat requests.
#include <utility>
#include <variant>

#include "api/api_server.h"
#include "api/responses/response_answer.h"
#include "api/responses/response_request.h"

namespace bowhead::api {

namespace {

constexpr std::string_view kInputItems = "/input_items";

ApiError NoResponse(std::string_view id, std::string_view param) {
  return {.status = 404,
          .message = "there is no response '" + std::string(id.substr(0, 80)) +
                     "' here; responses are kept in memory, unless 'store' is false, until newer ones need their place",
          .param = std::string(param)};
}

}  // namespace

void ApiServer::CreateResponse(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  auto read = ReadResponseRequest(body);
  if (const auto* error = std::get_if<ApiError>(&read)) {
    call->Fail(*error);
    return;
  }
  ResponseRequest& request = std::get<ResponseRequest>(read);
  const ModelPtr model = FindModel(call, request.chat.params.model);
  if (model == nullptr) return;

  std::vector<assistant::Message> conversation;  // without instructions: those hold for one response only
  if (!request.previous_response_id.empty()) {
    const auto previous = responses_->Find(call->tenant(), request.previous_response_id);
    if (previous == nullptr) {
      call->Fail(NoResponse(request.previous_response_id, "previous_response_id"));
      return;
    }
    conversation = previous->messages;
  }
  std::vector<std::string> places(conversation.size());
  for (assistant::Message& message : request.chat.messages) conversation.push_back(std::move(message));
  places.insert(places.end(), request.chat.places.begin(), request.chat.places.end());
  if (auto error = CheckToolMessages(conversation, {places, "input"})) {
    call->Fail(*error);
    return;
  }
  request.chat.messages.clear();
  if (!request.instructions.empty())
    request.chat.messages.push_back({.role = "system", .content = request.instructions});
  request.chat.messages.insert(request.chat.messages.end(), conversation.begin(), conversation.end());

  ResponseHead head;
  head.id = RandomId("resp_");
  head.model = model->id;
  head.created = UnixSeconds();
  head.previous_response_id = request.previous_response_id;
  head.instructions = request.instructions;
  head.store = request.store;
  head.max_output_tokens = request.chat.params.max_tokens;
  head.temperature = static_cast<double>(request.chat.params.sampling.temperature);
  head.top_p = static_cast<double>(request.chat.params.sampling.top_p);
  head.tools = request.tools;
  head.metadata = request.metadata;
  head.format = request.format;
  head.tool_choice = request.tool_choice;
  head.parallel_tool_calls = request.parallel_tool_calls;
  head.effort = request.effort;
  const auto done = [responses = responses_, store = request.store, tenant = call->tenant(), id = head.id,
                     input = ToJsonText(request.input_items),
                     conversation = std::move(conversation)](const std::string& json, assistant::Message answer) {
    if (!store) return;
    StoredResponse kept{json, input, conversation};
    kept.messages.push_back(std::move(answer));
    responses->Put(tenant, id, std::move(kept));
  };
  StartChat(call, *model, request.chat, [&](const assistant::Prompt&) {
    return MakeResponseSink(call, std::move(head), request.chat.params.stream, done);
  });
}

void ApiServer::KeptResponse(const CallPtr& call) {
  std::string_view id = call->path_argument();
  const bool input = id.ends_with(kInputItems);
  if (input) id.remove_suffix(kInputItems.size());
  if (call->request().method == "DELETE") {
    if (input || !responses_->Erase(call->tenant(), id)) {
      call->Fail(NoResponse(call->path_argument(), {}));
      return;
    }
    JsonWriter json;
    json.BeginObject().Field("id", id).Field("object", "response").Field("deleted", true);
    call->SendJson(200, json.EndObject().Take());
    return;
  }
  const auto kept = responses_->Find(call->tenant(), id);
  if (kept == nullptr) {
    call->Fail(NoResponse(id, {}));
    return;
  }
  if (!input) {
    call->SendJson(200, kept->json);
    return;
  }
  JsonWriter json;
  json.BeginObject().Field("object", "list").Key("data").Raw(kept->input_json);
  call->SendJson(200, json.Field("has_more", false).EndObject().Take());
}

}  // namespace bowhead::api
