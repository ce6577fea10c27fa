#include "assistant/conversation_store.h"

#include <iterator>
#include <utility>

namespace bowhead::assistant {

std::string ConversationStore::KeyOf(std::string_view owner, std::string_view id) {
  // The owner's length keeps ("a", "bc") and ("ab", "c") apart.
  return std::to_string(owner.size()) + ':' + std::string(owner) + std::string(id);
}

std::vector<Message> ConversationStore::History(std::string_view owner, std::string_view id, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Expire(now);
  const auto found = by_key_.find(KeyOf(owner, id));
  return found == by_key_.end() ? std::vector<Message>() : found->second->messages;
}

std::size_t ConversationStore::AddTurn(std::string_view owner, std::string_view id, std::string prompt,
                                       std::string reply, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Expire(now);
  std::string key = KeyOf(owner, id);
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) {
    order_.splice(order_.begin(), order_, found->second);
  } else {
    order_.push_front({});
    order_.front().key = key;
    order_.front().bytes = key.size();
    bytes_ += key.size();
    by_key_.emplace(std::move(key), order_.begin());
  }
  Conversation& conversation = order_.front();
  const std::size_t added = prompt.size() + reply.size();
  conversation.bytes += added;
  bytes_ += added;
  conversation.last_turn = now;
  conversation.messages.push_back({.role = "user", .content = std::move(prompt)});
  conversation.messages.push_back({.role = "assistant", .content = std::move(reply)});
  const std::size_t turns = conversation.messages.size() / 2;

  while (!order_.empty() && (order_.size() > limits_.max_conversations || bytes_ > limits_.max_bytes)) {
    Evict(std::prev(order_.end()));
  }
  return turns;
}

void ConversationStore::Expire(Clock::time_point now) {
  while (!order_.empty() && now - order_.back().last_turn > limits_.max_age) Evict(std::prev(order_.end()));
}

void ConversationStore::Evict(Order::iterator conversation) {
  bytes_ -= conversation->bytes;
  by_key_.erase(conversation->key);
  order_.erase(conversation);
}

std::size_t ConversationStore::size() const {
  const std::lock_guard lock(mutex_);
  return order_.size();
}

std::size_t ConversationStore::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace bowhead::assistant
