// Answers of POST /v1/responses that a later request may go on from, in this process's memory.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "assistant/message.h"

namespace bowhead::api {

/// A kept response: what clients get back, and the conversation that it ends.
struct StoredResponse {
  std::string json;                          // the response object
  std::string input_json;                    // the items that came with the request, a JSON list
  std::vector<assistant::Message> messages;  // the whole conversation, answer included, instructions not
};

/// Responses by (owner, id), bounded by count and bytes: the one kept longest ago goes first. Thread-safe.
class ResponseStore {
 public:
  explicit ResponseStore(std::size_t max_responses = 10'000, std::size_t max_bytes = 64 << 20)
      : max_responses_(max_responses), max_bytes_(max_bytes) {}

  void Put(std::string_view owner, std::string_view id, StoredResponse response);
  /// nullptr if there is none (any more), or it belongs to somebody else.
  [[nodiscard]] std::shared_ptr<const StoredResponse> Find(std::string_view owner, std::string_view id) const;
  /// Whether there was one.
  bool Erase(std::string_view owner, std::string_view id);

 private:
  struct Entry {
    std::string key;
    std::size_t bytes = 0;
    std::shared_ptr<const StoredResponse> response;
  };
  using Order = std::list<Entry>;

  static std::string KeyOf(std::string_view owner, std::string_view id);
  void Remove(Order::iterator entry);

  const std::size_t max_responses_;
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  Order order_;                                              // guarded by mutex_; the oldest first
  std::unordered_map<std::string, Order::iterator> by_key_;  // guarded by mutex_
  std::size_t bytes_ = 0;                                    // guarded by mutex_
};

}  // namespace bowhead::api
