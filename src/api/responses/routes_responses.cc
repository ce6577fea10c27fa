// POST /v1/responses, and GET and DELETE of kept ones: OpenAI's Responses API over the same chat requests.
#include <utility>
#include <variant>

#include "api/api_server.h"
#include "api/responses/conversation_items.h"
#include "api/responses/response_answer.h"
#include "api/responses/response_request.h"

namespace bowhead::api {

namespace {

ApiError NoResponse(std::string_view id, std::string_view param) {
  return {.status = 404,
          .message = "there is no response '" + std::string(id.substr(0, 80)) +
                     "' here; responses are kept in memory, unless 'store' is false, until newer ones need their place",
          .param = std::string(param)};
}

/// The items of a response object's output.
void AppendOutput(const std::string& response, std::vector<StoredItem>& items) {
  const base::Result<JsonValue> parsed = ParseJson(response);
  const JsonValue* output = parsed.ok() ? FindKey(*parsed->AsObject(), "output") : nullptr;
  if (output == nullptr || output->AsArray() == nullptr) return;
  for (const JsonValue& item : *output->AsArray()) items.push_back(ToStoredItem(item, {}, /*keep_id=*/true));
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
    const auto previous = kept_->FindResponse(call->tenant(), request.previous_response_id);
    if (previous == nullptr) {
      call->Fail(NoResponse(request.previous_response_id, "previous_response_id"));
      return;
    }
    conversation = previous->messages;
  }
  if (!request.conversation.empty()) {
    const auto kept = kept_->FindConversation(call->tenant(), request.conversation);
    if (kept == nullptr) {
      call->Fail({.status = 404,
                  .message = "there is no conversation '" + request.conversation.substr(0, 80) + "' here",
                  .param = "conversation"});
      return;
    }
    conversation = ToMessages(*kept);
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
  head.conversation = request.conversation;
  std::vector<StoredItem> asked;
  if (!request.conversation.empty()) {
    const IdMaker make_id = [this](std::string_view prefix) { return RandomId(prefix); };
    for (const JsonValue& item : *request.input_items.AsArray()) asked.push_back(ToStoredItem(item, make_id, false));
  }
  const auto done = [kept = kept_, store = request.store, tenant = call->tenant(), id = head.id,
                     conversation_id = request.conversation, asked = std::move(asked),
                     input = ToJsonText(request.input_items),
                     conversation = std::move(conversation)](const std::string& json, assistant::Message answer) {
    if (!conversation_id.empty()) {
      // Deleted meanwhile, or too large now: the answer is good all the same.
      static_cast<void>(kept->Update(tenant, conversation_id, [&](StoredConversation& found) {
        found.items.insert(found.items.end(), asked.begin(), asked.end());
        AppendOutput(json, found.items);
      }));
    }
    if (!store) return;
    StoredResponse response{json, input, conversation};
    response.messages.push_back(std::move(answer));
    static_cast<void>(kept->Put(tenant, id, std::move(response)));
  };
  StartChat(call, *model, request.chat, [&](const assistant::Prompt&) {
    return MakeResponseSink(call, std::move(head), request.chat.params.stream, done);
  });
}

void ApiServer::KeptResponse(const CallPtr& call) {
  const std::string& id = call->path_argument();
  if (call->request().method == "DELETE") {
    if (!kept_->EraseResponse(call->tenant(), id)) {
      call->Fail(NoResponse(id, {}));
      return;
    }
    JsonWriter json;
    json.BeginObject().Field("id", id).Field("object", "response").Field("deleted", true);
    call->SendJson(200, json.EndObject().Take());
    return;
  }
  const auto kept = kept_->FindResponse(call->tenant(), id);
  if (kept == nullptr) {
    call->Fail(NoResponse(id, {}));
    return;
  }
  call->SendJson(200, kept->json);
}

void ApiServer::ResponseInput(const CallPtr& call) {
  const auto kept = kept_->FindResponse(call->tenant(), call->path_argument());
  if (kept == nullptr) {
    call->Fail(NoResponse(call->path_argument(), {}));
    return;
  }
  JsonWriter json;
  json.BeginObject().Field("object", "list").Key("data").Raw(kept->input_json);
  call->SendJson(200, json.Field("has_more", false).EndObject().Take());
}

}  // namespace bowhead::api
