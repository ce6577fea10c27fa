// What an answer may be, from what a request asks for and what the model's dialect can say.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "assistant/answer_reader.h"
#include "assistant/prompt.h"
#include "base/status.h"
#include "serving/generation.h"
#include "serving/model_service.h"

namespace bowhead::assistant {

/// What a request asks of its answers besides their text.
struct AnswerRules {
  std::vector<grammar::ToolForm> tools;            // that may be called
  bool call_required = false;                      // at least one of them must be
  bool single_call = false;                        // at most one call
  bool only_these = false;                         // the prompt shows more tools than may be called
  std::optional<serving::ConstraintSpec> content;  // what an answer that calls nothing must match
  std::optional<int> max_reasoning_tokens;
  bool no_reasoning = false;  // it was switched off
};

/// How answers are made and read.
struct AnswerPlan {
  std::shared_ptr<grammar::Constraint> constraint;  // null: the model is free
  std::optional<engine::ReasoningBudget> reasoning;
  std::vector<model::TokenId> shown;  // marks that the text must show
  ReadingOptions reading;

  /// Gives the plan to a choice of the generation.
  void Apply(serving::ChoiceRequest& choice) const;
};

/// Which of the rules could not be kept.
struct PlanFailure {
  base::Status status;
  int tool = -1;  // the strict tool whose schema cannot be enforced; -1: the content, or a combination
};

/// The plan for answers to `prompt`. With content rules that hold, reasoning stays free before it, and tools may be
/// called instead of it. Errors, in `*failure`: what cannot be enforced, with keyword and place.
std::optional<AnswerPlan> PlanAnswer(const serving::ServedModel& model, const AnswerRules& rules, const Prompt& prompt,
                                     PlanFailure* failure);

}  // namespace bowhead::assistant
