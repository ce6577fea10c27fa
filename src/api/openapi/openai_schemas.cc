// What OpenAI's chat, completions, embeddings and models, and our own plain routes answer.
#include <array>

#include "api/openapi/document.h"

namespace bowhead::api {

namespace {

constexpr std::array kSchemas = {
    NamedSchema{"AnyObject", R"({"type": "object"})"},
    NamedSchema{"Error", R"({"type": "object", "required": ["error"], "additionalProperties": false, "properties": {
      "error": {"type": "object", "required": ["message", "type", "param", "code"], "additionalProperties": false,
        "properties": {
          "message": {"type": "string"},
          "type": {"enum": ["invalid_request_error", "authentication_error", "permission_error", "rate_limit_error",
                            "server_error"]},
          "param": {"type": ["string", "null"]},
          "code": {"type": ["string", "null"]}}}}})"},
    NamedSchema{"TextPart", R"({"type": "object", "required": ["type", "text"], "additionalProperties": false,
      "properties": {"type": {"const": "text"}, "text": {"type": "string"}}})"},
    NamedSchema{"Usage", R"({"type": "object", "additionalProperties": false,
      "required": ["prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details"], "properties": {
        "prompt_tokens": {"type": "integer", "minimum": 0},
        "completion_tokens": {"type": "integer", "minimum": 0},
        "total_tokens": {"type": "integer", "minimum": 0},
        "prompt_tokens_details": {"type": "object", "required": ["cached_tokens"], "additionalProperties": false,
          "properties": {"cached_tokens": {"type": "integer", "minimum": 0}}},
        "completion_tokens_details": {"type": "object", "required": ["reasoning_tokens"],
          "additionalProperties": false, "properties": {"reasoning_tokens": {"type": "integer", "minimum": 0}}}}})"},
    NamedSchema{"Timings", R"({"type": "object", "required": ["time_to_first_token_ms", "decode_ms"],
      "additionalProperties": false, "properties": {
        "time_to_first_token_ms": {"type": "number"}, "decode_ms": {"type": "number"},
        "prompt_tokens_per_second": {"type": "number"}, "completion_tokens_per_second": {"type": "number"}}})"},
    NamedSchema{"FinishReason", R"({"enum": ["stop", "length", "tool_calls"]})"},
    NamedSchema{"TokenLogprob", R"({"type": "object", "required": ["token", "logprob", "bytes"],
      "properties": {"token": {"type": "string"}, "logprob": {"type": "number"},
        "bytes": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 255}},
        "top_logprobs": {"type": "array", "items": {"$ref": "#/components/schemas/TokenLogprob"}}},
      "additionalProperties": false})"},
    NamedSchema{"ChatLogprobs", R"({"type": ["object", "null"], "required": ["content", "refusal"],
      "additionalProperties": false, "properties": {"refusal": {"type": "null"},
        "content": {"type": "array", "items": {"$ref": "#/components/schemas/TokenLogprob"}}}})"},
    NamedSchema{"AnsweredCall", R"({"type": "object", "required": ["id", "type", "function"],
      "additionalProperties": false, "properties": {"id": {"type": "string"}, "type": {"const": "function"},
        "function": {"type": "object", "required": ["name", "arguments"], "additionalProperties": false,
          "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}}}}})"},
    NamedSchema{"ChatCompletion", R"({"type": "object", "additionalProperties": false,
      "required": ["id", "object", "created", "model", "system_fingerprint", "choices", "usage", "bowhead"],
      "properties": {
        "id": {"type": "string"}, "object": {"const": "chat.completion"}, "created": {"type": "integer"},
        "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
        "choices": {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": false,
          "required": ["index", "message", "logprobs", "finish_reason"], "properties": {
            "index": {"type": "integer"}, "logprobs": {"$ref": "#/components/schemas/ChatLogprobs"},
            "finish_reason": {"$ref": "#/components/schemas/FinishReason"},
            "message": {"type": "object", "required": ["role", "content", "refusal"], "additionalProperties": false,
              "properties": {"role": {"const": "assistant"}, "content": {"type": ["string", "null"]},
                "reasoning_content": {"type": "string"}, "refusal": {"type": "null"},
                "tool_calls": {"type": "array", "minItems": 1,
                  "items": {"$ref": "#/components/schemas/AnsweredCall"}}}}}}},
        "usage": {"$ref": "#/components/schemas/Usage"}, "bowhead": {"$ref": "#/components/schemas/Timings"}}})"},
    NamedSchema{"ChatCompletionChunk", R"({"anyOf": [{"$ref": "#/components/schemas/Error"},
      {"type": "object", "additionalProperties": false,
      "required": ["id", "object", "created", "model", "system_fingerprint", "choices"], "properties": {
        "id": {"type": "string"}, "object": {"const": "chat.completion.chunk"}, "created": {"type": "integer"},
        "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
        "choices": {"type": "array", "items": {"type": "object", "additionalProperties": false,
          "required": ["index", "delta", "logprobs", "finish_reason"], "properties": {
            "index": {"type": "integer"}, "logprobs": {"$ref": "#/components/schemas/ChatLogprobs"},
            "finish_reason": {"anyOf": [{"$ref": "#/components/schemas/FinishReason"}, {"type": "null"}]},
            "delta": {"type": "object", "additionalProperties": false, "properties": {
              "role": {"const": "assistant"}, "content": {"type": "string"}, "reasoning_content": {"type": "string"},
              "tool_calls": {"type": "array", "items": {"type": "object", "required": ["index", "function"],
                "additionalProperties": false, "properties": {"index": {"type": "integer"},
                  "id": {"type": "string"}, "type": {"const": "function"},
                  "function": {"type": "object", "required": ["arguments"], "additionalProperties": false,
                    "properties": {"name": {"type": "string"}, "arguments": {"type": "string"}}}}}}}}}}},
        "usage": {"anyOf": [{"$ref": "#/components/schemas/Usage"}, {"type": "null"}]},
        "bowhead": {"$ref": "#/components/schemas/Timings"}}}]})"},
    NamedSchema{"CompletionLogprobs", R"({"type": ["object", "null"], "additionalProperties": false,
      "required": ["tokens", "token_logprobs", "top_logprobs", "text_offset"], "properties": {
        "tokens": {"type": "array", "items": {"type": "string"}},
        "token_logprobs": {"type": "array", "items": {"type": "number"}},
        "top_logprobs": {"type": ["array", "null"], "items": {"type": "object",
          "additionalProperties": {"type": "number"}}},
        "text_offset": {"type": "array", "items": {"type": "integer"}}}})"},
    NamedSchema{"Completion", R"({"type": "object", "additionalProperties": false,
      "required": ["id", "object", "created", "model", "system_fingerprint", "choices", "usage", "bowhead"],
      "properties": {
        "id": {"type": "string"}, "object": {"const": "text_completion"}, "created": {"type": "integer"},
        "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
        "choices": {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": false,
          "required": ["index", "text", "logprobs", "finish_reason"], "properties": {
            "index": {"type": "integer"}, "text": {"type": "string"},
            "logprobs": {"$ref": "#/components/schemas/CompletionLogprobs"},
            "finish_reason": {"$ref": "#/components/schemas/FinishReason"}}}},
        "usage": {"$ref": "#/components/schemas/Usage"}, "bowhead": {"$ref": "#/components/schemas/Timings"}}})"},
    NamedSchema{"CompletionChunk", R"({"anyOf": [{"$ref": "#/components/schemas/Error"},
      {"type": "object", "additionalProperties": false,
      "required": ["id", "object", "created", "model", "system_fingerprint", "choices"], "properties": {
        "id": {"type": "string"}, "object": {"const": "text_completion"}, "created": {"type": "integer"},
        "model": {"type": "string"}, "system_fingerprint": {"type": "string"},
        "choices": {"type": "array", "items": {"type": "object", "additionalProperties": false,
          "required": ["index", "text", "logprobs", "finish_reason"], "properties": {
            "index": {"type": "integer"}, "text": {"type": "string"},
            "logprobs": {"$ref": "#/components/schemas/CompletionLogprobs"},
            "finish_reason": {"anyOf": [{"$ref": "#/components/schemas/FinishReason"}, {"type": "null"}]}}}},
        "usage": {"anyOf": [{"$ref": "#/components/schemas/Usage"}, {"type": "null"}]},
        "bowhead": {"$ref": "#/components/schemas/Timings"}}}]})"},
    NamedSchema{"EmbeddingList", R"({"type": "object", "required": ["object", "data", "model", "usage"],
      "additionalProperties": false, "properties": {
        "object": {"const": "list"}, "model": {"type": "string"},
        "data": {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": false,
          "required": ["object", "index", "embedding"], "properties": {
            "object": {"const": "embedding"}, "index": {"type": "integer"},
            "embedding": {"anyOf": [{"type": "array", "items": {"type": "number"}},
              {"type": "string", "contentEncoding": "base64"}]}}}},
        "usage": {"type": "object", "required": ["prompt_tokens", "total_tokens"], "additionalProperties": false,
          "properties": {"prompt_tokens": {"type": "integer"}, "total_tokens": {"type": "integer"}}}}})"},
    NamedSchema{"Model", R"({"type": "object", "required": ["id", "object", "created", "owned_by", "bowhead"],
      "additionalProperties": false, "properties": {
        "id": {"type": "string"}, "object": {"const": "model"}, "created": {"type": "integer"},
        "owned_by": {"const": "bowhead"},
        "bowhead": {"type": "object", "additionalProperties": false,
          "required": ["name", "architecture", "quantization", "parameters", "file_bytes", "context_length",
                       "vocab_size", "embedding_length", "isa", "threads", "tokenizer", "chat_template"],
          "properties": {"name": {"type": "string"}, "architecture": {"type": "string"},
            "quantization": {"type": "string"}, "parameters": {"type": "integer"}, "file_bytes": {"type": "integer"},
            "context_length": {"type": "integer"}, "vocab_size": {"type": "integer"},
            "embedding_length": {"type": "integer"}, "isa": {"type": "string"}, "threads": {"type": "integer"},
            "tokenizer": {"type": "string"}, "chat_template": {"type": "string"}}}}})"},
    NamedSchema{"ModelList", R"({"type": "object", "required": ["object", "data"], "additionalProperties": false,
      "properties": {"object": {"const": "list"},
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Model"}}}})"},
    NamedSchema{"PlainChatAnswer", R"({"type": "object", "additionalProperties": false,
      "required": ["reply", "conversation_id", "turn", "model", "finish_reason", "usage"], "properties": {
        "reply": {"type": "string"}, "conversation_id": {"type": "string"}, "turn": {"type": "integer"},
        "model": {"type": "string"}, "finish_reason": {"enum": ["stop", "length"]},
        "usage": {"type": "object", "required": ["prompt_tokens", "completion_tokens"],
          "additionalProperties": false, "properties": {"prompt_tokens": {"type": "integer"},
            "completion_tokens": {"type": "integer"}}}}})"},
    NamedSchema{"Tokens", R"({"type": "object", "required": ["count", "context_length", "tokens"],
      "additionalProperties": false, "properties": {
        "count": {"type": "integer"}, "context_length": {"type": "integer"},
        "tokens": {"type": "array", "items": {"type": "integer"}},
        "pieces": {"type": "array", "items": {"type": "string"}}}})"},
    NamedSchema{"Detokenized", R"({"type": "object", "required": ["content"], "additionalProperties": false,
      "properties": {"content": {"type": "string"}}})"},
    NamedSchema{"Health", R"({"type": "object", "required": ["status"], "additionalProperties": false,
      "properties": {"status": {"const": "ok"}}})"},
    NamedSchema{"Ready", R"({"type": "object", "required": ["status"], "additionalProperties": false, "properties": {
        "status": {"enum": ["loading", "ready", "draining", "failed", "stopped"]},
        "progress": {"type": "number", "minimum": 0, "maximum": 1}, "model": {"type": "string"}}})"},
};

}  // namespace

std::span<const NamedSchema> OpenAiSchemas() {
  return kSchemas;
}

}  // namespace bowhead::api
