// What /v1/responses takes in parts and answers.
#include <array>

#include "api/openapi/document.h"

namespace bowhead::api {

namespace {

constexpr std::array kSchemas = {
    NamedSchema{"InputPart", R"({"type": "object", "required": ["type", "text"], "properties": {
      "type": {"enum": ["input_text", "output_text", "reasoning_text"]}, "text": {"type": "string"}}})"},
    NamedSchema{"InputItem", R"({"anyOf": [{"$ref": "#/components/schemas/InputMessage"},
      {"$ref": "#/components/schemas/InputCall"}, {"$ref": "#/components/schemas/InputCallOutput"},
      {"$ref": "#/components/schemas/InputReasoning"}]})"},
    NamedSchema{"OutputPart", R"({"type": "object", "required": ["type", "text"], "additionalProperties": false,
      "properties": {"type": {"enum": ["output_text", "reasoning_text"]}, "text": {"type": "string"},
        "annotations": {"type": "array", "maxItems": 0}, "logprobs": {"type": "array", "maxItems": 0}}})"},
    NamedSchema{"ItemStatus", R"({"enum": ["in_progress", "completed", "incomplete"]})"},
    NamedSchema{"OutputItem", R"({"anyOf": [
      {"type": "object", "required": ["id", "type", "status", "role", "content"], "additionalProperties": false,
        "properties": {"id": {"type": "string"}, "type": {"const": "message"}, "role": {"const": "assistant"},
          "status": {"$ref": "#/components/schemas/ItemStatus"},
          "content": {"type": "array", "items": {"$ref": "#/components/schemas/OutputPart"}}}},
      {"type": "object", "required": ["id", "type", "status", "summary", "content"], "additionalProperties": false,
        "properties": {"id": {"type": "string"}, "type": {"const": "reasoning"},
          "status": {"$ref": "#/components/schemas/ItemStatus"}, "summary": {"type": "array", "maxItems": 0},
          "content": {"type": "array", "items": {"$ref": "#/components/schemas/OutputPart"}}}},
      {"type": "object", "required": ["id", "type", "status", "call_id", "name", "arguments"],
        "additionalProperties": false,
        "properties": {"id": {"type": "string"}, "type": {"const": "function_call"},
          "status": {"$ref": "#/components/schemas/ItemStatus"}, "call_id": {"type": "string"},
          "name": {"type": "string"}, "arguments": {"type": "string"}}}]})"},
    NamedSchema{"ResponseUsage", R"({"type": "object", "additionalProperties": false,
      "required": ["input_tokens", "input_tokens_details", "output_tokens", "output_tokens_details", "total_tokens"],
      "properties": {"input_tokens": {"type": "integer"}, "output_tokens": {"type": "integer"},
        "total_tokens": {"type": "integer"},
        "input_tokens_details": {"type": "object", "required": ["cached_tokens", "cache_write_tokens"],
          "additionalProperties": false,
          "properties": {"cached_tokens": {"type": "integer"}, "cache_write_tokens": {"type": "integer"}}},
        "output_tokens_details": {"type": "object", "required": ["reasoning_tokens"], "additionalProperties": false,
          "properties": {"reasoning_tokens": {"type": "integer"}}}}})"},
    NamedSchema{"Response", R"({"type": "object", "additionalProperties": false,
      "required": ["id", "object", "created_at", "status", "background", "error", "incomplete_details",
        "instructions", "max_output_tokens", "model", "output", "parallel_tool_calls", "previous_response_id",
        "conversation",
        "reasoning", "store", "temperature", "text", "tool_choice", "tools", "top_p", "truncation", "metadata",
        "usage"],
      "properties": {
        "id": {"type": "string"}, "object": {"const": "response"}, "created_at": {"type": "integer"},
        "status": {"enum": ["in_progress", "completed", "incomplete", "failed"]}, "background": {"const": false},
        "error": {"type": ["object", "null"], "required": ["code", "message"], "additionalProperties": false,
          "properties": {"code": {"type": "string"}, "message": {"type": "string"}}},
        "incomplete_details": {"type": ["object", "null"], "required": ["reason"], "additionalProperties": false,
          "properties": {"reason": {"const": "max_output_tokens"}}},
        "instructions": {"type": ["string", "null"]}, "max_output_tokens": {"type": ["integer", "null"]},
        "model": {"type": "string"},
        "output": {"type": "array", "items": {"$ref": "#/components/schemas/OutputItem"}},
        "parallel_tool_calls": {"type": "boolean"}, "previous_response_id": {"type": ["string", "null"]},
        "conversation": {"type": ["object", "null"], "required": ["id"], "additionalProperties": false,
          "properties": {"id": {"type": "string"}}},
        "reasoning": {"type": "object", "required": ["effort", "summary"], "additionalProperties": false,
          "properties": {"effort": {"type": ["string", "null"]}, "summary": {"type": "null"}}},
        "store": {"type": "boolean"}, "temperature": {"type": "number"},
        "text": {"type": "object", "required": ["format"], "additionalProperties": false,
          "properties": {"format": {"type": "object"}}},
        "tool_choice": {"type": ["string", "object"]}, "tools": {"type": "array"}, "top_p": {"type": "number"},
        "truncation": {"const": "disabled"}, "metadata": {"type": "object"},
        "usage": {"anyOf": [{"$ref": "#/components/schemas/ResponseUsage"}, {"type": "null"}]}}})"},
    NamedSchema{"ResponseEvent", R"({"type": "object", "required": ["type", "sequence_number"],
      "additionalProperties": false, "properties": {
        "type": {"enum": ["response.created", "response.in_progress", "response.output_item.added",
          "response.content_part.added", "response.output_text.delta", "response.reasoning_text.delta",
          "response.function_call_arguments.delta", "response.output_text.done", "response.reasoning_text.done",
          "response.function_call_arguments.done", "response.content_part.done", "response.output_item.done",
          "response.completed", "response.incomplete", "response.failed"]},
        "sequence_number": {"type": "integer"}, "item_id": {"type": "string"}, "output_index": {"type": "integer"},
        "content_index": {"type": "integer"}, "delta": {"type": "string"}, "text": {"type": "string"},
        "arguments": {"type": "string"}, "name": {"type": "string"}, "logprobs": {"type": "array", "maxItems": 0},
        "part": {"$ref": "#/components/schemas/OutputPart"}, "item": {"$ref": "#/components/schemas/OutputItem"},
        "response": {"$ref": "#/components/schemas/Response"}}})"},
    NamedSchema{"Deleted", R"({"type": "object", "required": ["id", "object", "deleted"],
      "additionalProperties": false,
      "properties": {"id": {"type": "string"}, "object": {"type": "string"}, "deleted": {"const": true}}})"},
    NamedSchema{"Conversation", R"({"type": "object", "required": ["id", "object", "created_at", "metadata"],
      "additionalProperties": false, "properties": {"id": {"type": "string"}, "object": {"const": "conversation"},
        "created_at": {"type": "integer"}, "metadata": {"type": "object"}}})"},
    NamedSchema{"ConversationItem", R"({"type": "object", "required": ["id", "type", "status"], "properties": {
      "id": {"type": "string"}, "type": {"enum": ["message", "function_call", "function_call_output", "reasoning"]},
      "status": {"type": "string"}}})"},
    NamedSchema{"ItemList", R"({"type": "object", "required": ["object", "data", "has_more"],
      "additionalProperties": false, "properties": {"object": {"const": "list"},
        "data": {"type": "array", "items": {"type": "object"}}, "has_more": {"type": "boolean"},
        "first_id": {"type": ["string", "null"]}, "last_id": {"type": ["string", "null"]}}})"},
};

}  // namespace

std::span<const NamedSchema> ResponseSchemas() {
  return kSchemas;
}

}  // namespace bowhead::api
