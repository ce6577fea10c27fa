// Answers of POST /v1/chat/completions, streamed and whole; and whole answers as values, for other routes.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/answer_format.h"
#include "assistant/answer_reader.h"

namespace bowhead::api {

/// The id of a tool call, the server's own: made of the answer's, the choice and the call.
std::string CallId(const AnswerHead& head, int choice, int call);

/// "stop", "length" or "tool_calls".
std::string_view FinishOf(const assistant::AnswerResult& result);

/// A tool call that an answer makes.
struct CalledTool {
  std::string name;
  std::string arguments;  // JSON text, as the model wrote it
};

/// Writes the arguments of a call as an object; those of a call that was cut, which are no whole JSON, as an empty one.
void WriteArguments(JsonWriter& json, const CalledTool& call);

/// One answer, complete.
struct WholeAnswer {
  std::string content;
  std::string reasoning;
  std::vector<CalledTool> calls;
  std::vector<serving::PlacedToken> tokens;
  assistant::AnswerResult result;
};

/// A sink that collects all answers and hands them over at the end.
std::shared_ptr<assistant::AnswerSink> CollectAnswers(int num_choices,
                                                      std::function<void(std::vector<WholeAnswer>)> done);

/// A sink that sends the answers in OpenAI's shape: as events, or as one body at the end.
std::shared_ptr<assistant::AnswerSink> MakeChatSink(std::shared_ptr<Call> call, AnswerHead head, int num_choices,
                                                    bool stream);

}  // namespace bowhead::api
