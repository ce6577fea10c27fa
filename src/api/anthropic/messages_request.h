// The body of POST /v1/messages (Anthropic's Messages API), read into the same request as OpenAI's chat.
#pragma once

#include <span>
#include <variant>

#include "api/chat_request.h"
#include "api/error.h"
#include "api/json.h"

namespace bowhead::api {

/// The requests and the objects inside.
std::span<const ParamTable> MessagesTables();

/// `counting`: for /v1/messages/count_tokens, which has no max_tokens. Errors name the parameter in their message.
std::variant<ChatRequest, ApiError> ReadMessagesRequest(const JsonValue& body, bool counting);

}  // namespace bowhead::api
