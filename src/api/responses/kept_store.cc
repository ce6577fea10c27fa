#include "api/responses/kept_store.h"

#include <iterator>
#include <utility>

namespace bowhead::api {

namespace {

std::size_t BytesOf(const StoredResponse& response) {
  std::size_t bytes = sizeof(response) + response.json.size() + response.input_json.size();
  for (const assistant::Message& message : response.messages) {
    bytes += sizeof(message) + message.content.size() + message.reasoning_content.size();
    // The parsed form of arguments takes several times their text.
    for (const assistant::ToolCall& call : message.tool_calls) bytes += sizeof(call) + 8 * call.arguments.size();
  }
  return bytes;
}

std::size_t BytesOf(const StoredConversation& conversation) {
  std::size_t bytes = sizeof(conversation) + conversation.metadata.size();
  for (const StoredItem& item : conversation.items) bytes += sizeof(item) + item.id.size() + item.json.size();
  return bytes;
}

std::string KeyOf(std::string_view owner, std::string_view id) {
  std::string key(owner);
  key.push_back('\0');  // no header, hence no owner or id, can hold one
  key.append(id);
  return key;
}

}  // namespace

bool KeptStore::PutLocked(std::string key, std::size_t bytes, Kept kept) {
  if (bytes > max_bytes_) return false;
  if (const auto found = by_key_.find(key); found != by_key_.end()) Remove(found->second);
  bytes_ += bytes;
  order_.push_back({std::move(key), bytes, std::move(kept)});
  by_key_[order_.back().key] = std::prev(order_.end());
  while (order_.size() > max_entries_ || bytes_ > max_bytes_) Remove(order_.begin());
  return true;
}

bool KeptStore::Put(std::string_view owner, std::string_view id, StoredResponse response) {
  const std::size_t bytes = BytesOf(response);
  const std::lock_guard lock(mutex_);
  return PutLocked(KeyOf(owner, id), bytes, std::make_shared<const StoredResponse>(std::move(response)));
}

bool KeptStore::Put(std::string_view owner, std::string_view id, StoredConversation conversation) {
  const std::size_t bytes = BytesOf(conversation);
  const std::lock_guard lock(mutex_);
  return PutLocked(KeyOf(owner, id), bytes, std::make_shared<const StoredConversation>(std::move(conversation)));
}

template <typename T>
std::shared_ptr<const T> KeptStore::FindLocked(const std::string& key) const {
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  const auto* kept = std::get_if<std::shared_ptr<const T>>(&found->second->kept);
  return kept == nullptr ? nullptr : *kept;
}

std::shared_ptr<const StoredResponse> KeptStore::FindResponse(std::string_view owner, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  return FindLocked<StoredResponse>(KeyOf(owner, id));
}

std::shared_ptr<const StoredConversation> KeptStore::FindConversation(std::string_view owner,
                                                                      std::string_view id) const {
  const std::lock_guard lock(mutex_);
  return FindLocked<StoredConversation>(KeyOf(owner, id));
}

KeptStore::Updated KeptStore::Update(std::string_view owner, std::string_view id,
                                     const std::function<void(StoredConversation&)>& change) {
  const std::string key = KeyOf(owner, id);
  const std::lock_guard lock(mutex_);
  const auto before = FindLocked<StoredConversation>(key);
  if (before == nullptr) return Updated::kMissing;
  StoredConversation after = *before;
  change(after);
  const std::size_t bytes = BytesOf(after);
  const bool kept = PutLocked(key, bytes, std::make_shared<const StoredConversation>(std::move(after)));
  return kept ? Updated::kDone : Updated::kTooLarge;
}

template <typename T>
bool KeptStore::Erase(const std::string& key) {
  const std::lock_guard lock(mutex_);
  if (FindLocked<T>(key) == nullptr) return false;
  Remove(by_key_.find(key)->second);
  return true;
}

bool KeptStore::EraseResponse(std::string_view owner, std::string_view id) {
  return Erase<StoredResponse>(KeyOf(owner, id));
}

bool KeptStore::EraseConversation(std::string_view owner, std::string_view id) {
  return Erase<StoredConversation>(KeyOf(owner, id));
}

void KeptStore::Remove(Order::iterator entry) {
  bytes_ -= entry->bytes;
  by_key_.erase(entry->key);
  order_.erase(entry);
}

}  // namespace bowhead::api
