// The conversations of POST /chat, in this process's memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "assistant/message.h"

namespace bowhead::assistant {

struct ConversationLimits {
  std::size_t max_conversations = 1000;
  std::size_t max_bytes = 64 << 20;         // of all texts together
  std::chrono::seconds max_age{24 * 3600};  // since the last turn
};

/// Histories by (owner, id). When a limit is passed, the conversation whose last turn is longest ago goes first.
/// Thread-safe.
class ConversationStore {
 public:
  using Clock = std::chrono::steady_clock;

  explicit ConversationStore(const ConversationLimits& limits = {}) : limits_(limits) {}

  /// The history so far; empty for one that is not known (or no longer). Counts as no turn.
  [[nodiscard]] std::vector<Message> History(std::string_view owner, std::string_view id,
                                             Clock::time_point now = Clock::now());

  /// Adds a question and its answer together, so that a failed answer leaves nothing behind. Returns the number of
  /// turns that the conversation now has.
  std::size_t AddTurn(std::string_view owner, std::string_view id, std::string prompt, std::string reply,
                      Clock::time_point now = Clock::now());

  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Conversation {
    std::string key;
    std::vector<Message> messages;
    std::size_t bytes = 0;
    Clock::time_point last_turn{};
  };
  using Order = std::list<Conversation>;

  static std::string KeyOf(std::string_view owner, std::string_view id);
  void Expire(Clock::time_point now);
  void Evict(Order::iterator conversation);

  const ConversationLimits limits_;
  mutable std::mutex mutex_;
  Order order_;                                              // guarded by mutex_; the last turn first
  std::unordered_map<std::string, Order::iterator> by_key_;  // guarded by mutex_
  std::size_t bytes_ = 0;                                    // guarded by mutex_
};

}  // namespace bowhead::assistant
