#include "api/request_tables.h"

#include "api/anthropic/messages_request.h"
#include "api/chat_request.h"
#include "api/completion_request.h"
#include "api/constraint_params.h"
#include "api/generation_params.h"
#include "api/mcp/mcp_request.h"
#include "api/ollama/ollama_request.h"
#include "api/reasoning_params.h"
#include "api/responses/conversation_items.h"
#include "api/responses/response_request.h"
#include "api/tool_messages.h"
#include "api/tool_params.h"

namespace bowhead::api {

std::vector<ParamTable> RequestTables() {
  std::vector<ParamTable> all;
  for (const std::span<const ParamTable> tables :
       {ChatTables(), CompletionTables(), GenerationTables(), ToolTables(), ToolCallTables(), ReasoningTables(),
        ConstraintTables(), ResponseTables(), MessagesTables(), ConversationTables(), McpTables(), OllamaTables(),
        TextTables(), PlainChatTables()}) {
    all.insert(all.end(), tables.begin(), tables.end());
  }
  return all;
}

}  // namespace bowhead::api
