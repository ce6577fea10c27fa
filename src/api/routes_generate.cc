// POST /v1/chat/completions and /v1/completions.
#include <memory>
#include <utility>
#include <variant>

#include "api/api_server.h"
#include "api/chat_answer.h"
#include "api/chat_request.h"
#include "api/completion_answer.h"
#include "api/completion_request.h"
#include "assistant/answer_plan.h"
#include "assistant/prompt.h"
#include "model/tokenizer/fill_in.h"

namespace bowhead::api {

namespace {

/// FromStatus, but the parameter that a client can change is named.
ApiError PromptError(const base::Status& status, std::string_view param) {
  ApiError error = FromStatus(status);
  if (error.status == 400) error.param = std::string(param);
  return error;
}

/// What the chat template of the model cannot do, if the request asks for it.
std::optional<ApiError> CheckModelCan(const serving::ServedModel& model, const ChatRequest& request) {
  const model::Dialect& dialect = model.chat_template->dialect();
  const bool can_switch = !dialect.thinking_variable.empty();
  // Without reasoning there is nothing to switch off.
  const bool as_asked = request.enable_thinking == false && !dialect.has_reasoning();
  if (request.enable_thinking && !can_switch && !as_asked) {
    return BadParameter(request.thinking_param, "'" + request.thinking_param +
                                                    "' is not supported: the chat template of this model cannot "
                                                    "switch reasoning");
  }
  if (request.max_reasoning_tokens && !dialect.has_reasoning()) {
    return BadParameter(request.budget_param,
                        "'" + request.budget_param + "' is not supported: this model's template knows no reasoning");
  }
  return std::nullopt;
}

assistant::AnswerRules RulesOf(const ChatRequest& request) {
  assistant::AnswerRules rules;
  for (const CallableTool& tool : request.tools.tools) rules.tools.push_back({tool.name, tool.schema, tool.strict});
  rules.call_required = request.tools.call_required;
  rules.single_call = request.tools.single_call;
  rules.only_these = request.tools.only_these;
  rules.content = request.constraint;
  rules.max_reasoning_tokens = request.max_reasoning_tokens;
  rules.no_reasoning = request.enable_thinking == false;
  return rules;
}

/// The error for a plan that could not be made, with the parameter that it is about.
ApiError PlanError(const assistant::PlanFailure& failure, const ChatRequest& request) {
  std::string param = request.constraint_param.empty() ? "tools" : request.constraint_param;
  if (failure.tool >= 0) param = request.tools.tools[static_cast<std::size_t>(failure.tool)].place;
  ApiError error = BadParameter(param, "'" + param + "' cannot be enforced: " + failure.status.message());
  error.code = "unsupported_schema";
  return error;
}

}  // namespace

AnswerHead ApiServer::MakeHead(const serving::ServedModel& model, std::string_view prefix,
                               const GenerationParams& params) {
  AnswerHead head;
  head.id = RandomId(prefix);
  head.model = model.id;
  head.fingerprint = "bowhead-" + options_.version;
  head.created = UnixSeconds();
  head.choices_per_prompt = params.n;
  head.include_usage = params.include_usage;
  head.num_logprobs = params.sampling.num_logprobs;
  // The tokenizer lives in the backend.
  head.tokenizer = std::shared_ptr<const model::Tokenizer>(model.backend, &model.backend->tokenizer());
  return head;
}

std::optional<ApiError> ApiServer::TryStart(const CallPtr& call, const serving::ServedModel& model,
                                            std::vector<serving::ChoiceRequest> choices,
                                            std::shared_ptr<serving::TextSink> sink) {
  auto generation = service_.Generate(model, std::move(choices), std::move(sink));
  if (!generation.ok()) {
    ApiError error = FromRefusal(generation.status(), *model.backend, call->tenant());
    if (error.status >= 500) {
      logger_.Warning("the engine refused a request",
                      {{"request_id", call->request_id()}, {"why", generation.status().message()}});
    }
    return error;
  }
  call->OnDisconnect([weak = std::weak_ptr<serving::Generation>(*generation)] {
    if (const auto running = weak.lock()) running->Cancel();
  });
  return std::nullopt;
}

void ApiServer::Start(const CallPtr& call, const serving::ServedModel& model,
                      std::vector<serving::ChoiceRequest> choices, std::shared_ptr<serving::TextSink> sink) {
  const auto error = TryStart(call, model, std::move(choices), std::move(sink));
  if (error) call->Fail(*error);
}

std::variant<assistant::Prompt, ApiError> ApiServer::MakePrompt(const serving::ServedModel& model,
                                                                const ChatRequest& request) {
  auto prompt = assistant::BuildPrompt(*model.chat_template, model.backend->tokenizer(), request.messages,
                                       {request.tools.definitions, request.enable_thinking});
  if (prompt.ok()) return std::move(*prompt);
  ApiError error = FromStatus(prompt.status());
  if (error.status == 429) error = BadParameter("messages", prompt.status().message());  // the template's own limits
  if (error.status == 400) error.param = "messages";
  return error;
}

void ApiServer::StartChat(const CallPtr& call, const serving::ServedModel& model, const ChatRequest& request,
                          const SinkMaker& make_sink) {
  const auto error = TryStartChat(call, model, request, make_sink);
  if (error) call->Fail(*error);
}

std::optional<ApiError> ApiServer::TryStartChat(const CallPtr& call, const serving::ServedModel& model,
                                                const ChatRequest& request, const SinkMaker& make_sink) {
  if (std::optional<ApiError> error = CheckModelCan(model, request)) return error;
  auto made = MakePrompt(model, request);
  if (const auto* error = std::get_if<ApiError>(&made)) return *error;
  auto* const prompt = std::get_if<assistant::Prompt>(&made);
  const base::Result<int> budget = serving::AnswerBudget(model, prompt->tokens.size(), request.params.max_tokens);
  if (!budget.ok()) return PromptError(budget.status(), "messages");
  assistant::PlanFailure failure;
  const auto plan = assistant::PlanAnswer(model, RulesOf(request), *prompt, &failure);
  if (!plan) return PlanError(failure, request);
  const int n = request.params.n;
  auto sink = assistant::ReadAnswers(plan->reading, n, make_sink(*prompt));
  serving::ChoiceRequest choice;
  choice.request.prompt = std::move(prompt->tokens);
  choice.request.max_tokens = *budget;
  choice.request.sampling = request.params.sampling;
  if (!request.params.has_seed) choice.request.sampling.seed = Random();
  choice.request.ignore_eos = request.params.ignore_eos;
  choice.request.tenant = call->tenant();
  plan->Apply(choice);
  choice.stops = request.params.stops;
  return TryStart(call, model, serving::FanOut(choice, n), std::move(sink));
}

void ApiServer::ChatCompletions(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  RunChat(call, body, [&](AnswerHead head, const ChatRequest& request) {
    return MakeChatSink(call, std::move(head), request.params.n, request.params.stream);
  });
}

ApiServer::ModelPtr ApiServer::FindChatModel(const CallPtr& call, const JsonValue& body, const ChatRequest& request) {
  ModelPtr model = FindModel(call, request.params.model);
  if (model == nullptr) return nullptr;
  ParamReader reader(*body.AsObject(), ChatParams());
  CheckLogitBias(reader, request.params, model->backend->tokenizer().vocab_size());
  if (!reader.error()) return model;
  call->Fail(*reader.error());
  return nullptr;
}

void ApiServer::RunChat(const CallPtr& call, const JsonValue& body, const ChatSinkMaker& make_sink) {
  if (HasMcpTools(body)) {
    RunChatWithTools(call, body, make_sink);
    return;
  }
  auto read = ReadChatRequest(body);
  if (const auto* error = std::get_if<ApiError>(&read)) {
    call->Fail(*error);
    return;
  }
  ChatRequest& request = std::get<ChatRequest>(read);
  const ModelPtr model = FindChatModel(call, body, request);
  if (model == nullptr) return;
  StartChat(call, *model, request, [&](const assistant::Prompt&) {
    return make_sink(MakeHead(*model, "chatcmpl-", request.params), request);
  });
}

void ApiServer::Completions(const CallPtr& call) {
  JsonValue body;
  if (!ParseBody(call, body)) return;
  RunCompletion(call, body, [&](AnswerHead head, int num_choices, const GenerationParams& params) {
    return MakeCompletionSink(call, std::move(head), num_choices, params.stream);
  });
}

void ApiServer::RunCompletion(const CallPtr& call, const JsonValue& body, const TextSinkMaker& make_sink) {
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
    auto tokens = request.suffix ? model::FillInPrompt(tokenizer, std::get<std::string>(prompt), *request.suffix)
                                 : ToTokens(prompt, tokenizer, /*parse_special=*/true);
    if (!tokens.ok()) {
      call->Fail(PromptError(tokens.status(), request.suffix ? "suffix" : "prompt"));
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
  Start(call, *model, std::move(choices), make_sink(std::move(head), num_choices, request.params));
}

}  // namespace bowhead::api
