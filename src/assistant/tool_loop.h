// Tools that run on the server: the model calls one, its result goes into the conversation, the model goes on.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "assistant/answer_reader.h"
#include "assistant/message.h"
#include "base/status.h"
#include "serving/task_queue.h"

namespace bowhead::assistant {

/// What a tool gave, or why it did not; text for the model either way, and never to be trusted.
struct ToolOutput {
  std::string text;
  bool failed = false;
};

/// The tools of the server. Thread-safe.
class ServerTools {
 public:
  virtual ~ServerTools() = default;
  /// Whether a call of that name is for the server. All others are for the client.
  [[nodiscard]] virtual bool Has(std::string_view name) const = 0;
  /// Runs one call, in bounded time. `arguments` is what the model wrote: untrusted text.
  virtual ToolOutput Run(std::string_view name, std::string_view arguments, std::stop_token stop) = 0;
};

/// A call of one of them.
struct ServerCall {
  std::string id;  // unlike any other of the server
  std::string name;
  std::string arguments;  // as the model wrote them
};

/// What the next generation is made from.
struct ToolRound {
  std::vector<Message> added;  // to the request's conversation: calls and results so far
  bool offer_tools = true;     // false in the last round, which has to be words
  int used_tokens = 0;         // that earlier rounds wrote
};

struct ToolLoopOptions {
  int max_rounds = 8;            // with calls; then one more without tools
  int max_calls_per_round = 16;  // more are answered with an error
  std::function<std::string()> new_id;
  /// The call as a message holds it, its arguments parsed.
  std::function<ToolCall(const ServerCall& call)> as_message;
  /// Starts the generation of a round with the sink, or says why not, and then the sink is never called.
  std::function<base::Status(const ToolRound& round, std::shared_ptr<AnswerSink> sink)> next;
  /// Has `gone` called when nobody waits for the answer any more.
  std::function<void(std::function<void()> gone)> watch;
};

/// Stands between a generation with one choice and the sink of the whole answer. The sink sees one answer: the text of
/// all rounds, the calls that are the client's, and usage over all rounds. Calls run on `threads`, never on the
/// delivery thread.
class ToolLoop final : public AnswerSink, public std::enable_shared_from_this<ToolLoop> {
 public:
  ToolLoop(ToolLoopOptions options, std::shared_ptr<ServerTools> tools, std::shared_ptr<serving::TaskQueue> threads,
           std::shared_ptr<AnswerSink> sink);

  void OnStart() override;
  void OnChunk(int choice, AnswerChunk chunk) override;
  void OnChoiceDone(int choice, const AnswerResult& result) override;
  void OnEnd() override;

 private:
  /// Whether a part is for the sink; the others are kept.
  bool Take(AnswerPart& part);
  void RunCalls();
  ToolOutput RunCall(const ServerCall& call, int index);
  void NextRound();
  void Finish(const AnswerResult& result);
  void Fail(base::Status status);

  const ToolLoopOptions options_;
  const std::shared_ptr<ServerTools> tools_;
  const std::shared_ptr<serving::TaskQueue> threads_;
  const std::shared_ptr<AnswerSink> sink_;
  // One thread at a time: the delivery thread during a generation, one of `threads_` between them.
  ToolRound round_;
  int rounds_ = 0;
  bool started_ = false;
  AnswerResult total_;
  int client_calls_ = 0;           // in all
  std::vector<int> call_indexes_;  // of this round's calls in the answer; -1: not the client's
  std::vector<ServerCall> calls_;  // of this round
  Message spoken_;                 // of this round
  std::stop_source stop_;
};

}  // namespace bowhead::assistant
