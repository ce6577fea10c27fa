// What Ollama's routes take in parts and answer.
#include <array>

#include "api/openapi/document.h"

namespace bowhead::api {

namespace {

constexpr std::array kSchemas = {
    NamedSchema{"OllamaError", R"({"type": "object", "required": ["error"], "additionalProperties": false,
      "properties": {"error": {"type": "string"}}})"},
    NamedSchema{"OllamaCall", R"({"type": "object", "required": ["function"], "properties": {
      "function": {"type": "object", "required": ["name", "arguments"],
        "properties": {"name": {"type": "string"}, "arguments": {"type": "object"}}}}})"},
    NamedSchema{"OllamaAnsweredMessage", R"({"type": "object", "required": ["role", "content"],
      "additionalProperties": false, "properties": {"role": {"const": "assistant"}, "content": {"type": "string"},
        "thinking": {"type": "string"},
        "tool_calls": {"type": "array", "items": {"$ref": "#/components/schemas/OllamaCall"}}}})"},
    NamedSchema{"OllamaChatLine", R"({"anyOf": [{"$ref": "#/components/schemas/OllamaError"},
      {"type": "object", "required": ["model", "created_at", "message", "done"], "additionalProperties": false,
        "properties": {"model": {"type": "string"}, "created_at": {"type": "string"},
          "message": {"$ref": "#/components/schemas/OllamaAnsweredMessage"}, "done": {"type": "boolean"},
          "done_reason": {"enum": ["stop", "length"]}, "total_duration": {"type": "integer"},
          "load_duration": {"type": "integer"}, "prompt_eval_count": {"type": "integer"},
          "prompt_eval_duration": {"type": "integer"}, "eval_count": {"type": "integer"},
          "eval_duration": {"type": "integer"}}}]})"},
    NamedSchema{"OllamaGenerateLine", R"({"anyOf": [{"$ref": "#/components/schemas/OllamaError"},
      {"type": "object", "required": ["model", "created_at", "response", "done"], "additionalProperties": false,
        "properties": {"model": {"type": "string"}, "created_at": {"type": "string"},
          "response": {"type": "string"}, "thinking": {"type": "string"}, "done": {"type": "boolean"},
          "done_reason": {"enum": ["stop", "length"]}, "total_duration": {"type": "integer"},
          "load_duration": {"type": "integer"}, "prompt_eval_count": {"type": "integer"},
          "prompt_eval_duration": {"type": "integer"}, "eval_count": {"type": "integer"},
          "eval_duration": {"type": "integer"}}}]})"},
    NamedSchema{"OllamaDetails", R"({"type": "object", "additionalProperties": false,
      "required": ["parent_model", "format", "family", "families", "parameter_size", "quantization_level"],
      "properties": {"parent_model": {"type": "string"}, "format": {"const": "gguf"}, "family": {"type": "string"},
        "families": {"type": "array", "items": {"type": "string"}}, "parameter_size": {"type": "string"},
        "quantization_level": {"type": "string"}}})"},
    NamedSchema{"OllamaTags", R"({"type": "object", "required": ["models"], "additionalProperties": false,
      "properties": {"models": {"type": "array", "items": {"type": "object", "additionalProperties": false,
        "required": ["name", "model", "modified_at", "size", "digest", "details"], "properties": {
          "name": {"type": "string"}, "model": {"type": "string"}, "modified_at": {"type": "string"},
          "size": {"type": "integer"}, "digest": {"type": "string"},
          "details": {"$ref": "#/components/schemas/OllamaDetails"}}}}}})"},
    NamedSchema{"OllamaModel", R"({"type": "object", "additionalProperties": false,
      "required": ["modified_at", "details", "model_info", "capabilities"], "properties": {
        "modified_at": {"type": "string"}, "details": {"$ref": "#/components/schemas/OllamaDetails"},
        "model_info": {"type": "object"},
        "capabilities": {"type": "array", "items": {"enum": ["completion", "tools", "thinking", "insert"]}}}})"},
    NamedSchema{"OllamaVersion", R"({"type": "object", "required": ["version"], "additionalProperties": false,
      "properties": {"version": {"type": "string"}}})"},
};

}  // namespace

std::span<const NamedSchema> OllamaSchemas() {
  return kSchemas;
}

}  // namespace bowhead::api
