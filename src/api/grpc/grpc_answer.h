// Answers of Chat, LiveChat and Generate as messages.
#pragma once

#include <bowhead/v1/chat.pb.h>

#include <functional>
#include <memory>
#include <optional>

#include "api/chat_answer.h"
#include "api/grpc/rpc_call.h"
#include "assistant/answer_reader.h"

namespace bowhead::api {

/// A sink that sends the answers to a chat and ends the call.
std::shared_ptr<assistant::AnswerSink> MakeGrpcChatSink(std::shared_ptr<RpcCall> call, AnswerHead head,
                                                        int num_choices);

/// How a turn of a live conversation ended.
struct TurnEnd {
  v1::Message message;            // the answer, as a message of the conversation
  std::optional<ApiError> error;  // why there is none
};

/// A sink for one turn; the call goes on. `interrupted` tells whether the client has cut it short.
std::shared_ptr<assistant::AnswerSink> MakeTurnSink(std::shared_ptr<RpcCall> call, AnswerHead head,
                                                    std::function<bool()> interrupted,
                                                    std::function<void(TurnEnd)> done);

/// A sink that sends the answers to a generation and ends the call.
std::shared_ptr<serving::TextSink> MakeGrpcTextSink(std::shared_ptr<RpcCall> call, AnswerHead head, int num_choices);

}  // namespace bowhead::api
