// Who answers in `bowhead chat`: a model in this process, or a server.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "assistant/message.h"
#include "base/status.h"
#include "cli/http_client.h"
#include "cli/load_model.h"

namespace bowhead::cli {

/// What /params shows and sets.
struct ChatParams {
  double temperature = 0.6;
  double top_p = 0.9;
  int top_k = 0;
  double min_p = 0.0;
  double repeat_penalty = 1.0;
  int max_tokens = 0;  // 0: as many as fit
  std::optional<std::int64_t> seed;
};

/// One answer.
struct ChatAnswer {
  std::string text;
  std::string finish_reason;  // "stop", "length" or "stopped" by the user
  int tokens = 0;
  double tokens_per_second = 0.0;  // 0: not known
};

class ChatSession {
 public:
  virtual ~ChatSession() = default;
  /// Who answers, for the greeting.
  [[nodiscard]] virtual std::string name() const = 0;
  /// Streams the answer to on_text; asks keep_going about every 50 ms.
  virtual base::Result<ChatAnswer> Ask(const std::vector<assistant::Message>& messages, const ChatParams& params,
                                       const std::function<void(std::string_view)>& on_text,
                                       const std::function<bool()>& keep_going) = 0;
};

std::unique_ptr<ChatSession> MakeLocalSession(serving::ServedModel model);

/// `model` "" is the server's default. Errors: kUnavailable (no server), kUnauthenticated (key).
base::Result<std::unique_ptr<ChatSession>> ConnectSession(const std::string& url, const std::string& model,
                                                          const std::string& api_key);

}  // namespace bowhead::cli
