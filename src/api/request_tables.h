// Every table of parameters, for the document at /openapi.json.
#pragma once

#include <span>
#include <vector>

#include "api/params.h"

namespace bowhead::api {

/// TokenizeRequest, DetokenizeRequest, EmbeddingRequest.
std::span<const ParamTable> TextTables();
/// PlainChatRequest.
std::span<const ParamTable> PlainChatTables();

/// All of them, of all APIs; names are unique.
std::vector<ParamTable> RequestTables();

}  // namespace bowhead::api
