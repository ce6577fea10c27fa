// Answers of Ollama's /api/chat and /api/generate: lines of JSON, or one object.
#pragma once

#include <memory>
#include <string>

#include "api/call.h"
#include "assistant/answer_reader.h"

namespace bowhead::api {

struct OllamaHead {
  std::string model;  // as the client named it
  bool chat = true;   // answers in "message"; else in "response"
};

/// A sink that sends one answer.
std::shared_ptr<assistant::AnswerSink> MakeOllamaSink(std::shared_ptr<Call> call, OllamaHead head, bool stream);

/// The moment as Ollama writes it (RFC 3339, UTC).
std::string Timestamp(std::int64_t unix_seconds);

}  // namespace bowhead::api
