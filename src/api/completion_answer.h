// Answers of POST /v1/completions, streamed and whole.
#pragma once

#include <memory>

#include "api/answer_format.h"
#include "serving/generation.h"

namespace bowhead::api {

/// A sink that sends the answers to `num_choices` choices in OpenAI's shape: as events, or as one body at the end.
std::shared_ptr<serving::TextSink> MakeCompletionSink(std::shared_ptr<Call> call, AnswerHead head, int num_choices,
                                                      bool stream);

}  // namespace bowhead::api
