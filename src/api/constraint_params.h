// Structured output in requests: each API's way to say what an answer must match.
#pragma once

#include <span>
#include <string_view>

#include "api/chat_request.h"
#include "api/params.h"
#include "serving/constraints.h"

namespace bowhead::api {

/// The objects inside of requests: ResponseFormat, JsonSchemaFormat, FlatFormat, StructuredOutputs.
std::span<const ParamTable> ConstraintTables();

/// Sets the request's constraint, which came from `param`.
void SetConstraint(ChatRequest& request, std::string_view param, serving::ConstraintSpec spec);

/// OpenAI's chat: {"type": "text" | "json_object"} or {"type": "json_schema", "json_schema": {"name", "schema", ...}}.
void ReadConstraint(ParamReader& reader, std::string_view name, ChatRequest& request);

/// {"type": "text" | "json_object"} or {"type": "json_schema", "schema", ...}, as newer APIs have it. `param` is its
/// whole name.
void ReadFlatFormat(ParamReader& reader, std::string_view name, std::string_view param, ChatRequest& request);

/// vLLM's `structured_outputs`: an object with one of json, regex, choice and grammar.
void ReadStructuredOutputs(ParamReader& reader, ChatRequest& request);

}  // namespace bowhead::api
