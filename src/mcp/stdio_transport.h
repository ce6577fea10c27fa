// MCP over the standard input and output of a program that we start: one message a line.
#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "mcp/child_process.h"
#include "mcp/transport.h"

namespace bowhead::mcp {

/// Owns the program and a thread that reads what it writes. A program that ends, floods or writes a line that is too
/// long is ended for good: a new transport starts a new one.
class StdioTransport final : public Transport {
 public:
  static base::Result<std::unique_ptr<StdioTransport>> Start(const ChildProcess::Command& command,
                                                             TransportLimits limits, MessageHandler on_message);
  ~StdioTransport() override;
  StdioTransport(const StdioTransport&) = delete;
  StdioTransport& operator=(const StdioTransport&) = delete;

  base::Result<RpcMessage> Ask(const Outgoing& request, std::stop_token stop) override;
  base::Status Tell(const Outgoing& message) override;
  [[nodiscard]] bool wants_cancel_message(bool /*modern*/) const override { return true; }
  [[nodiscard]] base::Status Health() const override;

 private:
  using Clock = std::chrono::steady_clock;
  StdioTransport(std::unique_ptr<ChildProcess> child, TransportLimits limits, MessageHandler on_message);

  base::Status WriteLine(std::string_view text, Clock::time_point end);
  void Read();
  /// Takes what the program wrote; false when it has to go.
  bool TakeOutput(std::string_view bytes);
  bool TakeLine(std::string_view line);
  void Fail(base::Status why);
  /// False when there were too many messages lately.
  bool CountOther();

  const std::unique_ptr<ChildProcess> child_;
  const TransportLimits limits_;
  const MessageHandler on_message_;
  std::mutex write_mutex_;  // one line at a time
  bool torn_ = false;       // guarded by write_mutex_: half a line went out, so no other may follow
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::map<std::string, std::optional<RpcMessage>> waiting_;  // guarded by mutex_: by id, of running requests
  base::Status health_;                                       // guarded by mutex_
  // The reading thread's own.
  std::string line_;
  std::string last_words_;  // the end of what it wrote to its errors
  Clock::time_point window_{};
  int others_ = 0;
  UniqueFd wake_;       // an eventfd that ends the reading thread
  std::thread reader_;  // last: it uses all of the above
};

}  // namespace bowhead::mcp
