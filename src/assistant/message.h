// One message of a conversation.
#pragma once

#include <string>
#include <vector>

#include "model/template/value.h"

namespace bowhead::assistant {

/// A call of a tool that an earlier answer made.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;          // the text that the model wrote
  model::Value parsed_arguments;  // the same as a dict; None if it is no JSON object
};

struct Message {
  std::string role;  // "system", "user", "assistant" or "tool"
  std::string content;
  std::string name = {};               // of the speaker or the tool; "" for none
  std::string tool_call_id = {};       // of the call that a tool message answers; "" for none
  std::string reasoning_content = {};  // of an earlier answer, for templates that show it; "" for none
  std::vector<ToolCall> tool_calls = {};
};

}  // namespace bowhead::assistant
