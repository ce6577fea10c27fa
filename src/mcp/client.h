// The client's side of the Model Context Protocol with one server: agreeing on a revision, tools, calls.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "mcp/transport.h"

namespace bowhead::mcp {

/// The newest revision that we speak. It has no handshake and no sessions; a server that does not know it gets the
/// handshake of the older ones.
inline constexpr std::string_view kNewestRevision = "2026-07-28";
inline constexpr std::string_view kNewestHandshakeRevision = "2025-11-25";

/// A tool as its server describes it. All of it is untrusted text.
struct ListedTool {
  std::string name;         // [A-Za-z0-9_./-]{1,128}
  std::string description;  // "" for none
  std::string schema;       // of the arguments: JSON text of an object
};

/// What listing gave: the tools, and which could not be taken and why.
struct ToolList {
  std::vector<ListedTool> tools;
  std::vector<std::string> problems;
};

/// What a call gave, as text for the model.
struct CallResult {
  std::string text;
  bool is_error = false;  // the tool says that it failed; the text says how
};

struct ClientOptions {
  std::string version;                                // of this program
  std::chrono::milliseconds connect_timeout{15'000};  // of each exchange while connecting
  std::chrono::milliseconds timeout{30'000};          // of each exchange later
  std::size_t max_tools = 128;
  std::size_t max_result_bytes = 64 << 10;
};

/// Makes a transport with the given handler; called again where a revision needs a new connection.
using TransportMaker = std::function<base::Result<std::unique_ptr<Transport>>(MessageHandler on_message)>;

/// One connection. Thread-safe once it is connected.
class Client {
 public:
  /// Connects and agrees on a revision: 2026-07-28 with server/discover, else initialize with 2025-11-25 and whatever
  /// older one the server answers. Errors are the transport's; kFailedPrecondition: no revision in common.
  static base::Result<std::unique_ptr<Client>> Connect(const TransportMaker& make, ClientOptions options,
                                                       std::stop_token stop);
  ~Client();

  /// All pages. Errors: the transport's, kDataLoss, kResourceExhausted (pages without end).
  base::Result<ToolList> ListTools(std::stop_token stop);

  /// `arguments`: JSON text of an object. Errors: the transport's; kInvalidArgument (the server refuses the call),
  /// kResourceExhausted (the result is larger than the limit), kUnimplemented (the tool wants to ask a person).
  base::Result<CallResult> CallTool(std::string_view name, std::string_view arguments,
                                    std::chrono::milliseconds timeout, std::stop_token stop);

  /// OK, or why this connection is of no use any more.
  [[nodiscard]] base::Status Health() const { return transport_->Health(); }
  /// Whether the server has said since the last time that its tools have changed.
  bool TakeToolsChanged() { return tools_changed_.exchange(false); }
  [[nodiscard]] const std::string& revision() const { return revision_; }

 private:
  explicit Client(ClientOptions options) : options_(std::move(options)) {}

  base::Status Agree(const TransportMaker& make, std::stop_token stop);
  base::Status Open(const TransportMaker& make);
  /// OK: the server speaks kNewestRevision. kUnimplemented: it is an older one.
  base::Status Discover(std::stop_token stop);
  base::Status Initialize(std::stop_token stop);
  /// `params` is a JSON object's text without its outer braces.
  base::Result<RpcMessage> Ask(std::string_view method, std::string params, std::string_view name,
                               std::chrono::milliseconds timeout, std::stop_token stop);
  void Hear(const RpcMessage& message);
  [[nodiscard]] Outgoing Make(std::string text, std::string_view method) const;

  const ClientOptions options_;
  std::string revision_;
  bool modern_ = false;
  bool has_tools_ = true;
  std::atomic<std::int64_t> next_id_{1};
  std::atomic<bool> tools_changed_{false};
  std::atomic<Transport*> live_{nullptr};  // what Hear may answer through; its threads start before Open ends
  std::unique_ptr<Transport> transport_;   // last: its threads call Hear
};

}  // namespace bowhead::mcp
