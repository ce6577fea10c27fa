// Responses and conversations that later requests may go on from, in this process's memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "api/json.h"
#include "assistant/message.h"

namespace bowhead::api {

/// A kept response: what clients get back, and the conversation that it ends.
struct StoredResponse {
  std::string json;                          // the response object
  std::string input_json;                    // the items that came with the request, a JSON list
  std::vector<assistant::Message> messages;  // the whole conversation, answer included, instructions not
};

/// An item of a conversation: an object with that id.
struct StoredItem {
  std::string id;
  std::string json;
};

/// A conversation of /v1/conversations.
struct StoredConversation {
  std::int64_t created = 0;  // seconds since 1970
  std::string metadata;      // a JSON object
  std::vector<StoredItem> items;
};

/// Responses and conversations by (owner, id), together bounded by count and bytes: the one written longest ago goes
/// first. Thread-safe.
class KeptStore {
 public:
  explicit KeptStore(std::size_t max_entries = 10'000, std::size_t max_bytes = 64 << 20)
      : max_entries_(max_entries), max_bytes_(max_bytes) {}

  /// False if it is too large to be kept at all.
  bool Put(std::string_view owner, std::string_view id, StoredResponse response);
  bool Put(std::string_view owner, std::string_view id, StoredConversation conversation);

  /// nullptr if there is none (any more), or it belongs to somebody else.
  [[nodiscard]] std::shared_ptr<const StoredResponse> FindResponse(std::string_view owner, std::string_view id) const;
  [[nodiscard]] std::shared_ptr<const StoredConversation> FindConversation(std::string_view owner,
                                                                           std::string_view id) const;

  enum class Updated : std::uint8_t { kDone, kMissing, kTooLarge };
  /// Changes a conversation as one step; what others read meanwhile stays as it was. With kTooLarge nothing changes.
  Updated Update(std::string_view owner, std::string_view id, const std::function<void(StoredConversation&)>& change);

  /// Whether there was one.
  bool EraseResponse(std::string_view owner, std::string_view id);
  bool EraseConversation(std::string_view owner, std::string_view id);

 private:
  using Kept = std::variant<std::shared_ptr<const StoredResponse>, std::shared_ptr<const StoredConversation>>;
  struct Entry {
    std::string key;
    std::size_t bytes = 0;
    Kept kept;
  };
  using Order = std::list<Entry>;

  bool PutLocked(std::string key, std::size_t bytes, Kept kept);
  template <typename T>
  [[nodiscard]] std::shared_ptr<const T> FindLocked(const std::string& key) const;
  template <typename T>
  bool Erase(const std::string& key);
  void Remove(Order::iterator entry);

  const std::size_t max_entries_;
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  Order order_;                                              // guarded by mutex_; the oldest first
  std::unordered_map<std::string, Order::iterator> by_key_;  // guarded by mutex_
  std::size_t bytes_ = 0;                                    // guarded by mutex_
};

}  // namespace bowhead::api
