// The body of POST /v1/chat/completions, read and checked.
#pragma once

#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "api/error.h"
#include "api/generation_params.h"
#include "api/json.h"
#include "api/params.h"
#include "assistant/message.h"
#include "model/template/value.h"

namespace bowhead::api {

struct ChatRequest {
  GenerationParams params;
  std::vector<assistant::Message> messages;  // not empty
  model::Value tools;                        // a list of dicts, or None
};

/// Every parameter of OpenAI's chat completions and our own, with what becomes of it.
std::span<const ParamSpec> ChatParams();

/// Errors name the parameter. Everything is checked that does not need the model.
std::variant<ChatRequest, ApiError> ReadChatRequest(const JsonValue& body);

/// A JSON tree as a template's value; all strings (keys too) are marked as not to be trusted.
model::Value ToTemplateValue(const JsonValue& json);

}  // namespace bowhead::api
