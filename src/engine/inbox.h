// The one door into the engine's loop.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/active_request.h"
#include "engine/spill/prefix_spill.h"

namespace bowhead::engine {

/// Messages from any thread to the loop. Thread-safe.
class Inbox {
 public:
  struct Messages {
    std::vector<std::unique_ptr<ActiveRequest>> requests;
    std::vector<FetchedBlocks> fetched;
    std::vector<RequestId> cancels;  // may name requests of the same batch of messages, or unknown ones
    bool closed = false;
  };

  /// False if the inbox is closed; the request is dropped then.
  bool Put(std::unique_ptr<ActiveRequest> request) {
    const std::lock_guard lock(mutex_);
    if (messages_.closed) return false;
    messages_.requests.push_back(std::move(request));
    changed_.notify_one();
    return true;
  }

  void PutCancel(RequestId id) {
    const std::lock_guard lock(mutex_);
    messages_.cancels.push_back(id);
    changed_.notify_one();
  }

  void PutFetched(FetchedBlocks fetched) {
    const std::lock_guard lock(mutex_);
    messages_.fetched.push_back(std::move(fetched));
    changed_.notify_one();
  }

  /// Lets nothing in from now on and wakes the loop.
  void Close() {
    const std::lock_guard lock(mutex_);
    messages_.closed = true;
    changed_.notify_one();
  }

  /// Takes all messages. With `wait` it sleeps until there is one or the inbox is closed.
  Messages Take(bool wait) {
    std::unique_lock lock(mutex_);
    if (wait) {
      changed_.wait(lock, [this] {
        return messages_.closed || !messages_.requests.empty() || !messages_.cancels.empty() ||
               !messages_.fetched.empty();
      });
    }
    Messages taken;
    taken.closed = messages_.closed;
    std::swap(taken.requests, messages_.requests);
    std::swap(taken.fetched, messages_.fetched);
    std::swap(taken.cancels, messages_.cancels);
    return taken;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  Messages messages_;  // guarded by mutex_
};

}  // namespace bowhead::engine
