// A request meets the model: the prompt, the constraint and the budget.
#include <random>
#include <utility>

#include "assistant/prompt.h"
#include "capi/request.h"

namespace bowhead::capi {

namespace {

std::uint64_t RandomSeed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32U) | device();
}

/// What the chat template of the model cannot do, if the request asks for it.
Outcome CheckTemplateCan(const model::Dialect& dialect, const bowhead_request& request) {
  // Without reasoning there is nothing to switch off.
  const bool as_asked = request.enable_thinking == false && !dialect.has_reasoning();
  if (request.enable_thinking && dialect.thinking_variable.empty() && !as_asked) {
    return BadParam("enable_thinking",
                    "'enable_thinking' is not supported: the chat template of this model cannot switch reasoning");
  }
  return base::OkStatus();
}

Outcome BuildConversation(const serving::ServedModel& model, const bowhead_request& request,
                          std::vector<model::TokenId>& tokens, std::optional<assistant::ReadingOptions>& reading) {
  const model::Dialect& dialect = model.chat_template->dialect();
  if (Outcome can = CheckTemplateCan(dialect, request); !can.ok()) return can;
  const bool tools = request.call_tools && !request.tools.names.empty();
  assistant::PromptOptions options;
  if (tools) options.tools = request.tools.definitions;
  options.enable_thinking = request.enable_thinking;
  base::Result<assistant::Prompt> prompt =
      assistant::BuildPrompt(*model.chat_template, model.backend->tokenizer(), request.messages, options);
  if (!prompt.ok()) return BadParam("messages", prompt.status().message());
  tokens = std::move(prompt->tokens);
  reading = assistant::ReadingOptions{dialect, tools, prompt->opens_reasoning, request.constraint.has_value()};
  return base::OkStatus();
}

Outcome CheckTokens(const std::vector<model::TokenId>& tokens, std::size_t vocab_size) {
  for (const model::TokenId token : tokens) {
    if (token < 0 || static_cast<std::size_t>(token) >= vocab_size) {
      return BadParam("prompt", "tokens must be from 0 to " + std::to_string(vocab_size - 1));
    }
  }
  return base::OkStatus();
}

Outcome CheckBias(const engine::SamplingParams& sampling, std::size_t vocab_size) {
  for (const auto& [token, bias] : sampling.logit_bias) {
    if (static_cast<std::size_t>(token) >= vocab_size) {
      return BadParam("logit_bias", "'logit_bias' names token " + std::to_string(token) + ", but the vocabulary has " +
                                        std::to_string(vocab_size) + " tokens");
    }
  }
  return base::OkStatus();
}

Outcome Constrain(const serving::ServedModel& model, const bowhead_request& request, Prepared& prepared) {
  if (!request.constraint) return base::OkStatus();
  const std::string& param = request.constraint_param;
  if (prepared.reading && prepared.reading->tools) {
    return BadParam(param, "'" + param +
                               "' cannot be combined with tools that the model may call; set 'tool_choice' to "
                               "'none', or leave one of them out");
  }
  if (prepared.reading && prepared.reading->in_reasoning) {
    return BadParam(param, "'" + param +
                               "' cannot be combined with reasoning, which this model's prompt opens; turn it off "
                               "where the model can");
  }
  if (request.ignore_eos) {
    return BadParam("ignore_eos", "'ignore_eos' cannot be combined with '" + param + "', which says where answers end");
  }
  grammar::AnswerForm form;
  form.content = request.constraint;
  int no_tool = -1;
  auto constraint = model.constraints->Get(form, &no_tool);
  if (!constraint.ok()) {
    return {constraint.status().WithContext("'" + param + "' cannot be enforced"), param};
  }
  prepared.choice.request.constraint = std::move(*constraint);
  return base::OkStatus();
}

}  // namespace

Outcome BuildPrompt(const serving::ServedModel& model, const bowhead_request& request,
                    std::vector<model::TokenId>& tokens, std::optional<assistant::ReadingOptions>& reading) {
  const model::Tokenizer& tokenizer = model.backend->tokenizer();
  const int given =
      (request.prompt ? 1 : 0) + (request.prompt_tokens.empty() ? 0 : 1) + (request.messages.empty() ? 0 : 1);
  if (given != 1) {
    return BadParam("prompt", given == 0 ? "the request has neither a prompt nor messages"
                                         : "the request has more than one of a prompt, its tokens and messages");
  }
  if (!request.messages.empty()) return BuildConversation(model, request, tokens, reading);
  if (!request.tools.names.empty()) return BadParam("tools", "'tools' needs messages: a prompt is only continued");
  if (request.enable_thinking) return BadParam("enable_thinking", "'enable_thinking' needs messages");
  tokens = request.prompt_tokens;
  // A prompt is the caller's own, template and all, so special tokens in it count.
  if (request.prompt) tokens = tokenizer.Encode(*request.prompt, {.add_special = true, .parse_special = true});
  if (tokens.empty()) return BadParam("prompt", "the prompt is empty; there is nothing to work on");
  return CheckTokens(tokens, tokenizer.vocab_size());
}

Outcome Prepare(const serving::ServedModel& model, const bowhead_request& request, Prepared& prepared) {
  engine::GenerateRequest& engine_request = prepared.choice.request;
  Outcome built = BuildPrompt(model, request, engine_request.prompt, prepared.reading);
  if (!built.ok()) return built;
  if (Outcome checked = CheckBias(request.sampling, model.backend->tokenizer().vocab_size()); !checked.ok()) {
    return checked;
  }
  const base::Result<int> budget = serving::AnswerBudget(model, engine_request.prompt.size(), request.max_tokens);
  if (!budget.ok()) return {budget.status(), prepared.reading ? "messages" : "prompt"};
  engine_request.max_tokens = *budget;
  engine_request.sampling = request.sampling;
  if (!request.has_seed) engine_request.sampling.seed = RandomSeed();
  engine_request.ignore_eos = request.ignore_eos;
  prepared.choice.stops = request.stops;
  prepared.choice.continuation = !prepared.reading;
  if (prepared.reading) prepared.choice.shown = model.constraints->HiddenMarks(prepared.reading->dialect);
  return Constrain(model, request, prepared);
}

}  // namespace bowhead::capi
