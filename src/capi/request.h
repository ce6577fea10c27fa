// A request as the setters of bowhead_request collect it, and what serving takes of it.
#pragma once

#include <bowhead/bowhead.h>

#include <optional>
#include <string>
#include <vector>

#include "assistant/answer_reader.h"
#include "assistant/message.h"
#include "capi/error.h"
#include "engine/backend.h"
#include "model/template/value.h"
#include "serving/constraints.h"
#include "serving/generation.h"
#include "serving/model_service.h"

namespace bowhead::capi {

/// The tools that the model may call.
struct Tools {
  model::Value definitions;  // for the template: a list of dicts, or None
  std::vector<std::string> names;
};

}  // namespace bowhead::capi

struct bowhead_request {
  // One of these three.
  std::optional<std::string> prompt;
  std::vector<bowhead::model::TokenId> prompt_tokens;
  std::vector<bowhead::assistant::Message> messages;

  bowhead::capi::Tools tools;
  bool call_tools = true;  // "tool_choice"
  std::optional<bool> enable_thinking;
  int max_tokens = 0;  // 0: as many as fit
  bowhead::engine::SamplingParams sampling;
  bool has_seed = false;
  bool ignore_eos = false;
  std::vector<std::string> stops;
  std::optional<bowhead::serving::ConstraintSpec> constraint;
  std::string constraint_param;  // the setter's name for it
};

namespace bowhead::capi {

/// A request that has passed every check that can be made without running it.
struct Prepared {
  serving::ChoiceRequest choice;
  std::optional<assistant::ReadingOptions> reading;  // of an answer in a conversation
};

/// The prompt's tokens. `reading` is set for a conversation. Errors name the parameter.
Outcome BuildPrompt(const serving::ServedModel& model, const bowhead_request& request,
                    std::vector<model::TokenId>& tokens, std::optional<assistant::ReadingOptions>& reading);

/// Everything that serving takes. Errors name the parameter.
Outcome Prepare(const serving::ServedModel& model, const bowhead_request& request, Prepared& prepared);

}  // namespace bowhead::capi
