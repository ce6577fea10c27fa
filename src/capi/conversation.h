// Conversations and tools as JSON, in OpenAI's form.
#pragma once

#include <string_view>
#include <vector>

#include "assistant/message.h"
#include "capi/error.h"
#include "capi/request.h"

namespace bowhead::capi {

/// Replaces `messages` by those of a JSON array. Errors name the message ("messages[2].role").
Outcome ReadMessages(std::string_view json, std::vector<assistant::Message>& messages);

/// Replaces `tools` by those of a JSON array. Errors name the tool.
Outcome ReadTools(std::string_view json, Tools& tools);

}  // namespace bowhead::capi
