// Tools of type "mcp" in a request: which tools of the server's MCP servers the model may call.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/chat_request.h"
#include "api/error.h"
#include "api/json.h"
#include "assistant/tool_loop.h"
#include "mcp/tool_hub.h"

namespace bowhead::api {

/// The tools that one request offers to its model.
using OfferedTools = std::vector<std::shared_ptr<const mcp::Tool>>;

/// McpTool.
std::span<const ParamTable> McpTables();

/// Whether a request has such tools at all.
bool HasMcpTools(const JsonValue& body);

/// Replaces each tool of type "mcp" of `body` by the functions that it stands for, so that everything that holds for a
/// client's functions holds for them. Gives what was replaced: nothing for a request without such tools. Errors name
/// the parameter.
std::variant<OfferedTools, ApiError> TakeMcpTools(JsonValue& body, const mcp::ToolHub* hub);

/// The tools that a model may call in a plain conversation: all that are allowed, of servers that are connected.
OfferedTools PlainTools(const mcp::ToolHub& hub);

/// A chat request with those tools and nothing else.
ChatRequest WithFunctions(const OfferedTools& tools);

/// Runs the calls of one request. `hub` must outlive it.
std::shared_ptr<assistant::ServerTools> MakeServerTools(mcp::ToolHub& hub, OfferedTools tools);

}  // namespace bowhead::api
