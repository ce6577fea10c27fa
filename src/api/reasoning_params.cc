#include "api/reasoning_params.h"

#include <algorithm>
#include <array>

namespace bowhead::api {

namespace {

constexpr std::array kTemplateParams = {
    Honoured("enable_thinking", schema::kBool),
    Honoured("thinking", schema::kBool, "another name of it"),
};
constexpr std::array kReasoningParams = {
    Honoured("effort", kEffortSchema),
    Honoured("max_tokens", kBudgetSchema),
    Honoured("enabled", schema::kBool),
    Refused("exclude", "reasoning comes apart from the content; leave it there"),
};
constexpr std::array kTables = {
    ParamTable{"Reasoning", kReasoningParams},
    ParamTable{"ChatTemplateKwargs", kTemplateParams},
};
constexpr std::array<std::string_view, 6> kEfforts = {"none", "minimal", "low", "medium", "high", "xhigh"};

}  // namespace

std::span<const ParamTable> ReasoningTables() {
  return kTables;
}

void SetThinking(ParamReader& reader, std::string_view param, bool on, ChatRequest& request) {
  if (request.enable_thinking && *request.enable_thinking != on) {
    reader.Fail(BadParameter(std::string(param),
                             "'" + std::string(param) + "' and '" + request.thinking_param + "' contradict"));
  }
  request.enable_thinking = on;
  request.thinking_param = param;
}

void SetBudget(ParamReader& reader, std::string_view param, int tokens, ChatRequest& request) {
  if (request.max_reasoning_tokens && *request.max_reasoning_tokens != tokens) {
    reader.Fail(
        BadParameter(std::string(param), "'" + std::string(param) + "' and '" + request.budget_param + "' contradict"));
  }
  request.max_reasoning_tokens = tokens;
  request.budget_param = param;
}

void ReadEffort(ParamReader& reader, std::string_view name, const std::string& param, ChatRequest& request) {
  const std::string* effort = reader.String(name);
  if (effort == nullptr) return;
  if (std::find(kEfforts.begin(), kEfforts.end(), *effort) == kEfforts.end()) {
    reader.Fail(name, "'" + param + "' must be 'none', 'minimal', 'low', 'medium', 'high' or 'xhigh'");
    return;
  }
  SetThinking(reader, param, *effort != "none", request);
}

void ReadReasoning(ParamReader& reader, ChatRequest& request) {
  ReadEffort(reader, "reasoning_effort", "reasoning_effort", request);
  if (const JsonObject* arguments = reader.Object("chat_template_kwargs")) {
    ParamReader inner(*arguments, kTemplateParams, "chat_template_kwargs.");
    for (const char* name : {"enable_thinking", "thinking"}) {
      if (const auto on = inner.Bool(name)) SetThinking(inner, "chat_template_kwargs", *on, request);
    }
    if (inner.error()) reader.Fail(*inner.error());
  }
  if (const JsonObject* reasoning = reader.Object("reasoning")) {
    ParamReader inner(*reasoning, kReasoningParams, "reasoning.");
    ReadEffort(inner, "effort", "reasoning.effort", request);
    if (const auto on = inner.Bool("enabled")) SetThinking(inner, "reasoning.enabled", *on, request);
    if (const auto most = inner.Int("max_tokens", 0, kMaxTokens)) {
      SetBudget(inner, "reasoning.max_tokens", static_cast<int>(*most), request);
    }
    if (inner.error()) reader.Fail(*inner.error());
  }
  for (const char* name : {"max_reasoning_tokens", "thinking_token_budget"}) {
    if (const auto most = reader.Int(name, 0, kMaxTokens)) SetBudget(reader, name, static_cast<int>(*most), request);
  }
}

}  // namespace bowhead::api
