// Tool calls and their results in the messages of a request.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "api/params.h"
#include "assistant/message.h"

namespace bowhead::api {

/// The objects inside of requests: ToolCall and CalledFunction.
std::span<const ParamTable> ToolCallTables();

/// Reads the `tool_calls` of an assistant's message, which is called `prefix` in mistakes ("messages[2]."). Those go to
/// the reader.
std::vector<assistant::ToolCall> ReadToolCalls(ParamReader& reader, const std::string& prefix);

/// A call that a model wrote; arguments that are no JSON object (a call that was cut) stay text only.
assistant::ToolCall MakeToolCall(std::string id, std::string name, std::string arguments);

/// Where a request's messages stand in it, for mistakes.
struct MessagePlaces {
  std::span<const std::string> messages;  // by index; what has no place here is called `fallback`
  std::string fallback = "messages";
  std::string calls = {};   // behind the place of a message: where its calls are
  std::string result = {};  // where the id is of the call that it answers
};

/// Every call must have its result right after its message, each result its call, and ids must tell calls apart and be
/// of a sane length.
std::optional<ApiError> CheckToolMessages(std::span<const assistant::Message> messages, const MessagePlaces& places);

}  // namespace bowhead::api
