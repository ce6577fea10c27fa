// Answers of POST /v1/messages, in the shapes of Anthropic's Messages API.
#pragma once

#include <memory>
#include <string>

#include "api/call.h"
#include "assistant/answer_reader.h"

namespace bowhead::api {

struct MessagesHead {
  std::string id;     // "msg_..."
  std::string model;  // as answers name it
  int input_tokens = 0;
};

/// A sink that sends one answer: as named events, or as one body at the end.
std::shared_ptr<assistant::AnswerSink> MakeMessagesSink(std::shared_ptr<Call> call, MessagesHead head, bool stream);

}  // namespace bowhead::api
