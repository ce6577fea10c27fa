// The OpenAPI 3.1 document of all routes, made from the tables that requests are read against.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bowhead::api {

/// A JSON Schema by its name among the document's components.
struct NamedSchema {
  std::string_view name;
  std::string_view json;
};

/// Answers, errors, events and what requests hold that no table describes. Split by API.
std::span<const NamedSchema> OpenAiSchemas();
std::span<const NamedSchema> ResponseSchemas();
std::span<const NamedSchema> AnthropicSchemas();
std::span<const NamedSchema> OllamaSchemas();

/// The document as JSON. Every parameter says in `x-bowhead` whether it is "honoured", "accepted-no-effect" or
/// "refused", and in `description` why.
std::string OpenApiDocument(std::string_view version);

}  // namespace bowhead::api
