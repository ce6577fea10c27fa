// The body of POST /v1/responses (OpenAI's Responses API), read into the same request as chat completions.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/chat_request.h"
#include "api/error.h"
#include "api/json.h"

namespace bowhead::api {

struct ResponseRequest {
  ChatRequest chat;                  // messages are those of `input` only
  std::string previous_response_id;  // "" for none
  std::string conversation;          // "" for none
  std::string instructions;
  bool store = true;
  // What the response repeats.
  JsonValue tools = JsonValue(JsonArray());
  JsonValue tool_choice = JsonValue(std::string("auto"));
  bool parallel_tool_calls = true;
  JsonValue metadata = JsonValue(JsonObject());
  JsonValue input_items;
  JsonValue format;    // null: text
  std::string effort;  // of reasoning; "" if not given
};

/// The request and the objects inside: ResponseRequest, InputMessage, InputCall, InputCallOutput, InputReasoning,
/// ResponseTool, ResponseReasoning, ResponseText.
std::span<const ParamTable> ResponseTables();

/// Appends the messages that the items are; what one answer made becomes one message. The error names the item after
/// `name` ("input[2]").
std::optional<ApiError> ReadItems(const JsonArray& items, std::string_view name, std::vector<assistant::Message>* out);

/// Errors name the parameter.
std::variant<ResponseRequest, ApiError> ReadResponseRequest(const JsonValue& body);

}  // namespace bowhead::api
