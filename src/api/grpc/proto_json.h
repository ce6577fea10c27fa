// A gRPC request as the body of the REST route that does the same, so that both are read and checked by the same code.
#pragma once

#include <google/protobuf/message.h>

#include <variant>

#include "api/error.h"
#include "api/json.h"

namespace bowhead::api {

/// Fields keep their names and their order; those that are absent, or have no presence and their default value, are
/// left out. A string field `x_json` is JSON text and becomes `x`. An Input becomes a string or a list of ids, a
/// ToolChoice what OpenAI makes of it. Errors, all 400: fields that this server does not know, text that is no JSON,
/// more values than JsonLimits allow.
std::variant<JsonValue, ApiError> ToJson(const google::protobuf::Message& message);

}  // namespace bowhead::api
