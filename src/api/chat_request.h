// The body of POST /v1/chat/completions, read and checked.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "api/error.h"
#include "api/generation_params.h"
#include "api/json.h"
#include "api/params.h"
#include "api/tool_messages.h"
#include "api/tool_params.h"
#include "assistant/message.h"
#include "serving/constraints.h"

namespace bowhead::api {

struct ChatRequest {
  GenerationParams params;
  std::vector<assistant::Message> messages;  // not empty
  std::vector<std::string> places;           // of the messages in the request, for mistakes
  ToolParams tools;
  std::optional<serving::ConstraintSpec> constraint;
  std::string constraint_param;         // which parameter it came from
  std::optional<bool> enable_thinking;  // absent: as the model has it
  std::string thinking_param;           // which parameter said so
  std::optional<int> max_reasoning_tokens;
  std::string budget_param;  // which parameter said so
};

/// Every parameter of OpenAI's chat completions and our own, with what becomes of it.
std::span<const ParamSpec> ChatParams();
std::span<const ParamTable> ChatTables();

/// Errors name the parameter. Everything is checked that does not need the model.
std::variant<ChatRequest, ApiError> ReadChatRequest(const JsonValue& body);

}  // namespace bowhead::api
