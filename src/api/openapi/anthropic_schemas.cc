// What Anthropic's routes take in parts and answer.
#include <array>

#include "api/openapi/document.h"

namespace bowhead::api {

namespace {

constexpr std::array kSchemas = {
    NamedSchema{"AnthropicError", R"({"type": "object", "required": ["type", "error"], "properties": {
      "type": {"const": "error"}, "request_id": {"type": ["string", "null"]},
      "error": {"type": "object", "required": ["type", "message"], "additionalProperties": false, "properties": {
        "type": {"enum": ["invalid_request_error", "authentication_error", "permission_error", "not_found_error",
          "request_too_large", "rate_limit_error", "overloaded_error", "api_error"]},
        "message": {"type": "string"}}}}, "additionalProperties": false})"},
    NamedSchema{"AnthropicTextBlock", R"({"type": "object", "required": ["type", "text"], "properties": {
      "type": {"const": "text"}, "text": {"type": "string"}}})"},
    NamedSchema{"AnthropicBlock", R"({"anyOf": [{"$ref": "#/components/schemas/AnthropicTextBlock"},
      {"type": "object", "required": ["type", "id", "name", "input"], "properties": {"type": {"const": "tool_use"},
        "id": {"type": "string"}, "name": {"type": "string"}, "input": {"type": "object"}}},
      {"type": "object", "required": ["type", "tool_use_id"], "properties": {"type": {"const": "tool_result"},
        "tool_use_id": {"type": "string"}, "content": {"anyOf": [{"type": "string"},
          {"type": "array", "items": {"$ref": "#/components/schemas/AnthropicTextBlock"}}]}}},
      {"type": "object", "required": ["type", "thinking"], "properties": {"type": {"const": "thinking"},
        "thinking": {"type": "string"}}}]})"},
    NamedSchema{"AnthropicUsage", R"({"type": "object", "additionalProperties": false,
      "required": ["input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens"],
      "properties": {"input_tokens": {"type": "integer"}, "cache_creation_input_tokens": {"type": "integer"},
        "cache_read_input_tokens": {"type": "integer"}, "output_tokens": {"type": "integer"}}})"},
    NamedSchema{"AnthropicContent", R"({"anyOf": [
      {"type": "object", "required": ["type", "text"], "additionalProperties": false,
        "properties": {"type": {"const": "text"}, "text": {"type": "string"}}},
      {"type": "object", "required": ["type", "thinking", "signature"], "additionalProperties": false,
        "properties": {"type": {"const": "thinking"}, "thinking": {"type": "string"},
          "signature": {"type": "string"}}},
      {"type": "object", "required": ["type", "id", "name", "input"], "additionalProperties": false,
        "properties": {"type": {"const": "tool_use"}, "id": {"type": "string"}, "name": {"type": "string"},
          "input": {"type": "object"}}}]})"},
    NamedSchema{"StopReason", R"({"enum": ["end_turn", "max_tokens", "stop_sequence", "tool_use"]})"},
    NamedSchema{"AnthropicAnswer", R"({"type": "object", "additionalProperties": false,
      "required": ["id", "type", "role", "model", "content", "stop_reason", "stop_sequence", "usage"], "properties": {
        "id": {"type": "string"}, "type": {"const": "message"}, "role": {"const": "assistant"},
        "model": {"type": "string"},
        "content": {"type": "array", "items": {"$ref": "#/components/schemas/AnthropicContent"}},
        "stop_reason": {"anyOf": [{"$ref": "#/components/schemas/StopReason"}, {"type": "null"}]},
        "stop_sequence": {"type": ["string", "null"]}, "usage": {"$ref": "#/components/schemas/AnthropicUsage"}}})"},
    NamedSchema{"AnthropicEvent", R"({"anyOf": [{"$ref": "#/components/schemas/AnthropicError"},
      {"type": "object", "required": ["type", "message"], "additionalProperties": false, "properties": {
        "type": {"const": "message_start"}, "message": {"$ref": "#/components/schemas/AnthropicAnswer"}}},
      {"type": "object", "required": ["type", "index", "content_block"], "additionalProperties": false,
        "properties": {"type": {"const": "content_block_start"}, "index": {"type": "integer"},
          "content_block": {"$ref": "#/components/schemas/AnthropicContent"}}},
      {"type": "object", "required": ["type", "index", "delta"], "additionalProperties": false, "properties": {
        "type": {"const": "content_block_delta"}, "index": {"type": "integer"},
        "delta": {"type": "object", "required": ["type"], "additionalProperties": false, "properties": {
          "type": {"enum": ["text_delta", "thinking_delta", "input_json_delta"]}, "text": {"type": "string"},
          "thinking": {"type": "string"}, "partial_json": {"type": "string"}}}}},
      {"type": "object", "required": ["type", "index"], "additionalProperties": false, "properties": {
        "type": {"const": "content_block_stop"}, "index": {"type": "integer"}}},
      {"type": "object", "required": ["type", "delta", "usage"], "additionalProperties": false, "properties": {
        "type": {"const": "message_delta"}, "usage": {"$ref": "#/components/schemas/AnthropicUsage"},
        "delta": {"type": "object", "required": ["stop_reason", "stop_sequence"], "additionalProperties": false,
          "properties": {"stop_reason": {"$ref": "#/components/schemas/StopReason"},
            "stop_sequence": {"type": ["string", "null"]}}}}},
      {"type": "object", "required": ["type"], "additionalProperties": false,
        "properties": {"type": {"const": "message_stop"}}}]})"},
    NamedSchema{"TokenCount", R"({"type": "object", "required": ["input_tokens"], "additionalProperties": false,
      "properties": {"input_tokens": {"type": "integer"}}})"},
};

}  // namespace

std::span<const NamedSchema> AnthropicSchemas() {
  return kSchemas;
}

}  // namespace bowhead::api
