// Answers of POST /v1/responses: typed events, or the whole response object.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/call.h"
#include "api/json.h"
#include "assistant/answer_reader.h"
#include "assistant/message.h"

namespace bowhead::api {

/// What a response object repeats of its request.
struct ResponseHead {
  std::string id;  // "resp_..."
  std::string model;
  std::int64_t created = 0;
  std::string previous_response_id;
  std::string conversation;  // its id; "" for none
  std::string instructions;
  bool store = true;
  int max_output_tokens = 0;  // 0: not given
  double temperature = 1.0;
  double top_p = 1.0;
  JsonValue tools;
  JsonValue metadata;
  JsonValue format;  // null: text
  JsonValue tool_choice;
  bool parallel_tool_calls = true;
  std::string effort;
};

/// Called with the finished response object and the answer as a message of the conversation; not after errors.
using ResponseDone = std::function<void(const std::string& json, assistant::Message answer)>;

/// A sink that sends one response.
std::shared_ptr<assistant::AnswerSink> MakeResponseSink(std::shared_ptr<Call> call, ResponseHead head, bool stream,
                                                        ResponseDone done);

}  // namespace bowhead::api
