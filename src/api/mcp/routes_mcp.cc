// Requests whose tools run on the server: chat completions with tools of type "mcp".
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "api/api_server.h"
#include "api/chat_request.h"
#include "api/mcp/mcp_request.h"
#include "api/tool_params.h"
#include "assistant/tool_loop.h"

namespace bowhead::api {

std::shared_ptr<assistant::ToolLoop> ApiServer::MakeToolLoop(const CallPtr& call, const ModelPtr& model,
                                                             const ChatRequest& request, OfferedTools offered,
                                                             std::shared_ptr<assistant::AnswerSink> sink) {
  assistant::ToolLoopOptions loop;
  loop.max_rounds = options_.max_tool_rounds;
  loop.new_id = [this] { return RandomId("call_"); };
  loop.as_message = [](const assistant::ServerCall& made) { return MakeToolCall(made.id, made.name, made.arguments); };
  loop.watch = [call](std::function<void()> gone) { call->OnDisconnect(std::move(gone)); };
  loop.next = [this, call, model, first = std::make_shared<const ChatRequest>(request)](
                  const assistant::ToolRound& round, const std::shared_ptr<assistant::AnswerSink>& next_sink) {
    ChatRequest next = *first;
    next.tools.call_required = false;  // the call that was asked for has been made
    next.messages.insert(next.messages.end(), round.added.begin(), round.added.end());
    if (!round.offer_tools) next.tools = {};
    if (next.params.max_tokens > 0) next.params.max_tokens = std::max(1, next.params.max_tokens - round.used_tokens);
    const auto error = TryStartChat(call, *model, next, [&](const assistant::Prompt&) { return next_sink; });
    if (!error) return base::OkStatus();
    const std::string message = "after a call of a tool: " + error->message;
    return error->status < 500 ? base::InvalidArgument(message) : base::Unavailable(message);
  };
  return std::make_shared<assistant::ToolLoop>(std::move(loop), MakeServerTools(*options_.tools, std::move(offered)),
                                               tool_threads_, std::move(sink));
}

void ApiServer::RunChatWithTools(const CallPtr& call, JsonValue body, const ChatSinkMaker& make_sink) {
  auto taken = TakeMcpTools(body, options_.tools);
  if (const auto* error = std::get_if<ApiError>(&taken)) {
    call->Fail(*error);
    return;
  }
  auto read = ReadChatRequest(body);
  if (const auto* error = std::get_if<ApiError>(&read)) {
    call->Fail(*error);
    return;
  }
  const ChatRequest& request = std::get<ChatRequest>(read);
  if (request.params.n > 1) {
    call->Fail(BadParameter("n", "'n' must be 1 with tools of MCP servers"));
    return;
  }
  const ModelPtr model = FindChatModel(call, body, request);
  if (model == nullptr) return;
  StartChat(call, *model, request, [&](const assistant::Prompt&) {
    return MakeToolLoop(call, model, request, std::get<OfferedTools>(std::move(taken)),
                        make_sink(MakeHead(*model, "chatcmpl-", request.params), request));
  });
}

}  // namespace bowhead::api
