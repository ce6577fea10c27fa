// One MCP server over its whole life: connecting, listing, calling, and all of it again when it dies.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "mcp/tool_hub.h"

namespace bowhead::mcp {

/// Makes connections to the server; a test gives its own.
using ClientMaker = std::function<base::Result<std::unique_ptr<Client>>(std::stop_token stop)>;

/// Pauses between attempts to connect, and how often tools are listed again.
struct Rhythm {
  std::chrono::milliseconds first_pause{500};
  std::chrono::milliseconds longest_pause{60'000};
  std::chrono::milliseconds refresh{60'000};
};

/// Thread-safe. Its thread connects and lists; calls run on the callers' threads.
class ConnectedServer {
 public:
  ConnectedServer(ServerConfig config, const Limits& limits, ClientMaker make, telemetry::Logger& logger,
                  Rhythm rhythm = {});
  ~ConnectedServer();
  ConnectedServer(const ConnectedServer&) = delete;
  ConnectedServer& operator=(const ConnectedServer&) = delete;

  [[nodiscard]] ServerState State() const;
  /// See ToolHub::Call.
  base::Result<CallResult> Call(const Tool& tool, std::string_view arguments, std::stop_token stop);

 private:
  using Clock = std::chrono::steady_clock;
  class Turn;

  void Run(const std::stop_token& stop);
  /// Connects and keeps the tools fresh until something fails.
  base::Status Serve(const std::stop_token& stop);
  base::Status Refresh(Client& client, const std::stop_token& stop);
  base::Status TakeTurn(Clock::time_point end, std::stop_token stop);
  void Reconnect();

  const ServerConfig config_;
  const Limits limits_;
  const ClientMaker make_;
  const Rhythm rhythm_;
  telemetry::Logger& logger_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  ServerState state_;                         // guarded by mutex_
  std::shared_ptr<Client> client_;            // guarded by mutex_; null while not connected
  bool wanted_ = false;                       // guarded by mutex_: look at the connection now
  int running_ = 0;                           // guarded by mutex_: calls
  std::deque<Clock::time_point> last_calls_;  // guarded by mutex_: of the last minute
  std::string last_problems_;                 // thread_'s own: told once
  std::stop_source stopping_;                 // ends calls
  std::jthread thread_;                       // last
};

}  // namespace bowhead::mcp
