// The bodies of Ollama's /api/chat and /api/generate, read into the same request as OpenAI's chat.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "api/chat_request.h"
#include "api/error.h"
#include "api/json.h"

namespace bowhead::api {

/// The requests and the objects inside.
std::span<const ParamTable> OllamaTables();
/// Of POST /api/show.
std::span<const ParamSpec> OllamaShowParams();

/// Errors name the parameter.
std::variant<ChatRequest, ApiError> ReadOllamaChat(const JsonValue& body);
std::variant<ChatRequest, ApiError> ReadOllamaGenerate(const JsonValue& body);

/// The model's name without Ollama's tag ":latest".
std::string_view WithoutTag(std::string_view name);

}  // namespace bowhead::api
