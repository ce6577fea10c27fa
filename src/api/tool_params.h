// Tools in chat requests: their definitions, the choice among them, and calls in earlier messages.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/params.h"
#include "assistant/message.h"
#include "model/template/value.h"

namespace bowhead::api {

/// What `tool_choice` may be in OpenAI's APIs.
inline constexpr std::string_view kToolChoiceSchema =
    R"({"anyOf":[{"enum":["auto","none","required"]},{"type":"object"}]})";

/// The objects inside of requests: Tool, ToolFunction, ToolCall, CalledFunction.
std::span<const ParamTable> ToolTables();

/// The tools that the model may call.
struct ToolParams {
  model::Value definitions;        // for the template: a list of dicts, or None
  std::vector<std::string> names;  // without duplicates
};

/// Reads `tools`, `tool_choice` and `parallel_tool_calls`. With `tool_choice` "none" there are no tools. Mistakes go to
/// the reader.
ToolParams ReadTools(ParamReader& reader);

/// Reads the `tool_calls` of an assistant's message, which is called `prefix` in mistakes ("messages[2]."). Those go to
/// the reader.
std::vector<assistant::ToolCall> ReadToolCalls(ParamReader& reader, const std::string& prefix);

/// A call that a model wrote; arguments that are no JSON object (a call that was cut) stay text only.
assistant::ToolCall MakeToolCall(std::string id, std::string name, std::string arguments);

/// Checks that each tool message answers a call before it. Returns the index of one that does not, or -1.
int FindOrphanResult(const std::vector<assistant::Message>& messages);

/// A JSON tree as a template's value; all strings (keys too) are marked as not to be trusted.
model::Value ToTemplateValue(const JsonValue& json);

}  // namespace bowhead::api
