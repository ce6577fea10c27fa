#include "api/responses/response_store.h"

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

}  // namespace

std::string ResponseStore::KeyOf(std::string_view owner, std::string_view id) {
  std::string key(owner);
  key.push_back('\0');  // no header, hence no owner or id, can hold one
  key.append(id);
  return key;
}

void ResponseStore::Put(std::string_view owner, std::string_view id, StoredResponse response) {
  Entry entry{KeyOf(owner, id), BytesOf(response), std::make_shared<const StoredResponse>(std::move(response))};
  const std::lock_guard lock(mutex_);
  if (entry.bytes > max_bytes_) return;
  bytes_ += entry.bytes;
  order_.push_back(std::move(entry));
  by_key_[order_.back().key] = std::prev(order_.end());
  while (order_.size() > max_responses_ || bytes_ > max_bytes_) Remove(order_.begin());
}

std::shared_ptr<const StoredResponse> ResponseStore::Find(std::string_view owner, std::string_view id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(KeyOf(owner, id));
  return found == by_key_.end() ? nullptr : found->second->response;
}

bool ResponseStore::Erase(std::string_view owner, std::string_view id) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(KeyOf(owner, id));
  if (found == by_key_.end()) return false;
  Remove(found->second);
  return true;
}

void ResponseStore::Remove(Order::iterator entry) {
  bytes_ -= entry->bytes;
  by_key_.erase(entry->key);
  order_.erase(entry);
}

}  // namespace bowhead::api
