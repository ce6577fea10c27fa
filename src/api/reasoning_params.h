// Whether and for how long a model may reason, in the words of OpenAI's chat and of other servers.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "api/chat_request.h"
#include "api/params.h"

namespace bowhead::api {

/// What an effort and a budget may be.
inline constexpr std::string_view kEffortSchema = R"({"enum":["none","minimal","low","medium","high","xhigh"]})";
inline constexpr std::string_view kBudgetSchema = R"({"type":"integer","minimum":0,"maximum":16777216})";

/// The objects inside of requests: Reasoning and ChatTemplateKwargs.
std::span<const ParamTable> ReasoningTables();

/// Sets whether to reason; `param` says so. Two parameters that contradict are a mistake.
void SetThinking(ParamReader& reader, std::string_view param, bool on, ChatRequest& request);

/// Sets the budget; `param` says so. A second one that differs is a mistake.
void SetBudget(ParamReader& reader, std::string_view param, int tokens, ChatRequest& request);

/// An effort as OpenAI names it: "none" is off, the others on.
void ReadEffort(ParamReader& reader, std::string_view name, const std::string& param, ChatRequest& request);

/// Reads `reasoning_effort`, `chat_template_kwargs`, `reasoning` (an object with effort, max_tokens and enabled),
/// `max_reasoning_tokens` and `thinking_token_budget`.
void ReadReasoning(ParamReader& reader, ChatRequest& request);

}  // namespace bowhead::api
