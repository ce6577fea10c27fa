// What MCP's messages about tools say, read with suspicion and written.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "mcp/client.h"

namespace bowhead::mcp {

/// The answer to server/discover.
struct Discovery {
  std::vector<std::string> revisions;
  bool has_tools = false;
  [[nodiscard]] bool Speaks(std::string_view revision) const;
};
base::Result<Discovery> ReadDiscovery(std::string_view result);

/// The revisions that an error of code kUnsupportedVersion names in its data; none if it names none.
std::vector<std::string> ReadSupported(std::string_view data);

/// The answer to initialize.
struct Hello {
  std::string revision;
  bool has_tools = false;
};
base::Result<Hello> ReadHello(std::string_view result);

/// Adds one page of tools/list. Tools with names, schemas or sizes that cannot be used, with a name that was there
/// before, or over `max_tools` go to `problems`. Gives the cursor of the next page, "" after the last. kDataLoss: no
/// list of tools.
base::Result<std::string> ReadToolPage(std::string_view result, std::size_t max_tools, bool modern, ToolList* list);

/// See Client::CallTool.
base::Result<CallResult> ReadCallResult(std::string_view result, std::size_t max_bytes);

// Members of a request's params, without the outer braces.
std::string InitializeParams(std::string_view revision, std::string_view version);
std::string ModernMeta(std::string_view revision, std::string_view version);
std::string CursorParams(std::string_view cursor);
std::string CallParams(std::string_view name, std::string_view arguments);

}  // namespace bowhead::mcp
