// POST /v1/chat/completions and /v1/completions.
#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "api/api_server.h"
#include "api/chat_answer.h"
#include "api/chat_request.h"
#include "api/completion_answer.h"
#include "api/completion_request.h"
#include "assistant/prompt.h"

namespace bowhead::api {

namespace {

/// FromStatus, but the parameter that a client can change is named.
ApiError PromptError(const base::Status& status, std::string_view param) {
  ApiError error = FromStatus(status);
  if (error.status == 400) error.param = std::string(param);
  return error;
}

}  // namespace

AnswerHead ApiServer::MakeHead(const serving::ServedModel& model, std::string_view prefix,
                               const GenerationParams& params) {
  AnswerHead head;
  head.id = RandomId(prefix);
  head.model = model.id;
  head.fingerprint = "bowhead-" + options_.version;
  head.created =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  head.choices_per_prompt = params.n;
  head.include_usage = params.include_usage;
  head.num_logprobs = params.sampling.num_logprobs;
  // The tokenizer lives in the backend.
  head.tokenizer = std::shared_ptr<const model::Tokenizer>(model.backend, &model.backend->tokenizer());
  return head;
}

std::shared_ptr<serving::Generation> ApiServer::Start(const CallPtr& call, const serving::ServedModel& model,
                                                      std::vector<serving::ChoiceRequest> choices,
                                                      std::shared_ptr<serving::TextSink> sink) {
  auto generation = service_.Generate(model, std::move(choices), std::move(sink));
  if (!generation.ok()) {
    ApiError error = FromStatus(generation.status());
    if (error.status >= 500) {
      logger_.Warning("the engine refused a request",
                      {{"request_id", call->request_id()}, {"why", generation.status().message()}});
    }
    call->Fail(error);
    return nullptr;
  }
  call->OnDisconnect([weak = std::weak_ptr<serving::Generation>(*generation)] {
    if (const auto running = weak.lock()) running->Cancel();
  });
  return std::move(*generation);
}

void ApiServer::ChatCompletions(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  auto read = ReadChatRequest(body);
  if (const auto* error = std::get_if<ApiError>(&read)) {
    call->Fail(*error);
    return;
  }
  ChatRequest& request = std::get<ChatRequest>(read);
  const ModelPtr model = FindModel(call, request.params.model);
  if (model == nullptr) return;
  const model::Tokenizer& tokenizer = model->backend->tokenizer();
  ParamReader reader(*body.AsObject(), ChatParams());
  CheckLogitBias(reader, request.params, tokenizer.vocab_size());
  const model::Dialect& dialect = model->chat_template->dialect();
  if (!request.tools.names.empty() && !dialect.has_tools()) {
    reader.Fail("tools",
                "'tools' is not supported: the chat template of this model does not say how calls are written");
  }
  if (request.enable_thinking && !dialect.thinking_switch) {
    const std::string name = reader.Get("reasoning_effort") != nullptr ? "reasoning_effort" : "chat_template_kwargs";
    reader.Fail(name, "'" + name + "' is not supported: the chat template of this model cannot switch reasoning");
  }
  if (reader.error()) {
    call->Fail(*reader.error());
    return;
  }

  auto prompt = assistant::BuildPrompt(*model->chat_template, tokenizer, request.messages,
                                       {request.tools.definitions, request.enable_thinking});
  if (!prompt.ok()) {
    ApiError error = FromStatus(prompt.status());
    if (error.status == 429) error = BadParameter("messages", prompt.status().message());  // the template's own limits
    if (error.status == 400) error.param = "messages";
    call->Fail(error);
    return;
  }
  const base::Result<int> budget = serving::AnswerBudget(*model, prompt->tokens.size(), request.params.max_tokens);
  if (!budget.ok()) {
    call->Fail(PromptError(budget.status(), "messages"));
    return;
  }
  serving::ChoiceRequest choice;
  choice.request.prompt = std::move(prompt->tokens);
  choice.request.max_tokens = *budget;
  choice.request.sampling = request.params.sampling;
  if (!request.params.has_seed) choice.request.sampling.seed = Random();
  choice.request.ignore_eos = request.params.ignore_eos;
  choice.request.tenant = call->tenant();
  choice.stops = request.params.stops;
  const int n = request.params.n;
  auto sink = MakeChatSink(call, MakeHead(*model, "chatcmpl-", request.params), n, request.params.stream);
  const assistant::ReadingOptions reading{dialect, !request.tools.names.empty(), prompt->opens_reasoning};
  static_cast<void>(
      Start(call, *model, serving::FanOut(choice, n), assistant::ReadAnswers(reading, n, std::move(sink))));
}

void ApiServer::Completions(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  auto read = ReadCompletionRequest(body);
  if (const auto* error = std::get_if<ApiError>(&read)) {
    call->Fail(*error);
    return;
  }
  CompletionRequest& request = std::get<CompletionRequest>(read);
  const ModelPtr model = FindModel(call, request.params.model);
  if (model == nullptr) return;
  const model::Tokenizer& tokenizer = model->backend->tokenizer();
  ParamReader reader(*body.AsObject(), CompletionParams());
  CheckLogitBias(reader, request.params, tokenizer.vocab_size());
  if (reader.error()) {
    call->Fail(*reader.error());
    return;
  }

  AnswerHead head = MakeHead(*model, "cmpl-", request.params);
  std::vector<serving::ChoiceRequest> choices;
  const std::uint64_t seed = request.params.has_seed ? request.params.sampling.seed : Random();
  for (const TextOrTokens& prompt : request.prompts) {
    // A completion's prompt is the client's own, template and all, so special tokens in it count.
    auto tokens = ToTokens(prompt, tokenizer, /*parse_special=*/true);
    if (!tokens.ok()) {
      call->Fail(PromptError(tokens.status(), "prompt"));
      return;
    }
    const base::Result<int> budget = serving::AnswerBudget(*model, tokens->size(), request.params.max_tokens);
    if (!budget.ok()) {
      call->Fail(PromptError(budget.status(), "prompt"));
      return;
    }
    if (request.echo) {
      const auto* text = std::get_if<std::string>(&prompt);
      head.echoes.push_back(text != nullptr ? *text : tokenizer.Decode(*tokens, /*with_special=*/true));
    }
    serving::ChoiceRequest choice;
    choice.request.prompt = std::move(*tokens);
    choice.request.max_tokens = *budget;
    choice.request.sampling = request.params.sampling;
    choice.request.sampling.seed = seed;
    choice.request.ignore_eos = request.params.ignore_eos;
    choice.request.tenant = call->tenant();
    choice.stops = request.params.stops;
    choice.continuation = true;
    for (serving::ChoiceRequest& one : serving::FanOut(choice, request.params.n)) choices.push_back(std::move(one));
  }
  const int num_choices = static_cast<int>(choices.size());
  static_cast<void>(Start(call, *model, std::move(choices),
                          MakeCompletionSink(call, std::move(head), num_choices, request.params.stream)));
}

}  // namespace bowhead::api
