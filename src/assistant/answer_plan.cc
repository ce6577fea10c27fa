#include "assistant/answer_plan.h"

#include <algorithm>
#include <utility>

namespace bowhead::assistant {

namespace {

grammar::ReasoningForm ReasoningOf(const model::Dialect& dialect, const AnswerRules& rules, const Prompt& prompt) {
  if (prompt.opens_reasoning) return grammar::ReasoningForm::kOpened;
  if (!dialect.has_reasoning() || rules.no_reasoning) return grammar::ReasoningForm::kNone;
  return grammar::ReasoningForm::kMayOpen;
}

/// Calls without rules are read as they come; only rules need a grammar.
bool NeedsGrammar(const AnswerRules& rules) {
  if (rules.content || (!rules.tools.empty() && (rules.call_required || rules.single_call || rules.only_these))) {
    return true;
  }
  return std::ranges::any_of(rules.tools, &grammar::ToolForm::strict);
}

}  // namespace

void AnswerPlan::Apply(serving::ChoiceRequest& choice) const {
  choice.request.constraint = constraint;
  choice.request.reasoning = reasoning;
  choice.shown = shown;
}

std::optional<AnswerPlan> PlanAnswer(const serving::ServedModel& model, const AnswerRules& rules, const Prompt& prompt,
                                     PlanFailure* failure) {
  const model::Dialect& dialect = model.chat_template->dialect();
  const bool tools = !rules.tools.empty();
  AnswerPlan plan;
  plan.shown = model.constraints->HiddenMarks(dialect);
  plan.reading = {dialect, tools, prompt.opens_reasoning, rules.content.has_value()};
  const grammar::ReasoningForm reasoning = ReasoningOf(dialect, rules, prompt);
  if (rules.max_reasoning_tokens && reasoning != grammar::ReasoningForm::kNone) {
    plan.reasoning = {
        *rules.max_reasoning_tokens, prompt.opens_reasoning, dialect.think_open, dialect.think_close,
        model.backend->tokenizer().Encode(dialect.think_close, {.add_special = false, .parse_special = true})};
  }
  if (!NeedsGrammar(rules)) return plan;
  if (tools && rules.content && !rules.call_required && dialect.form == model::CallForm::kBareObject) {
    *failure = {base::InvalidArgument("this model writes a call as a bare JSON object, which could not be told from an "
                                      "answer; set 'tool_choice' to 'none' or 'required'"),
                -1};
    return std::nullopt;
  }
  grammar::AnswerForm form{dialect, reasoning, rules.tools, rules.call_required, rules.single_call, rules.content};
  auto constraint = model.constraints->Get(form, &failure->tool);
  if (!constraint.ok()) {
    failure->status = constraint.status();
    return std::nullopt;
  }
  plan.constraint = *std::move(constraint);
  // Then what the content spells is content.
  if (reasoning == grammar::ReasoningForm::kNone && rules.content) plan.reading.dialect.think_close.clear();
  if (reasoning == grammar::ReasoningForm::kNone && rules.content) plan.reading.dialect.think_open.clear();
  return plan;
}

}  // namespace bowhead::assistant
