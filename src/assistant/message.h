// One message of a conversation.
#pragma once

#include <string>

#include "model/template/value.h"

namespace bowhead::assistant {

struct Message {
  std::string role;  // "system", "user", "assistant" or "tool"
  std::string content;
  std::string name = {};               // of the speaker or the tool; "" for none
  std::string tool_call_id = {};       // of the call that a tool message answers; "" for none
  std::string reasoning_content = {};  // of an earlier answer, for templates that show it; "" for none
  model::Value tool_calls = {};        // a list of dicts, or None
};

}  // namespace bowhead::assistant
