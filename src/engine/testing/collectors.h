// For tests: listeners that keep what they get and can be waited for.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "engine/backend.h"

namespace bowhead::engine::testing {

class Collector : public RequestListener {
 public:
  void OnToken(const GeneratedToken& token) override {
    const std::lock_guard lock(mutex_);
    if (finished_) ++after_finish_;
    tokens_.push_back(token.token);
    logprobs_.push_back(token.logprob);
    changed_.notify_all();
  }
  void OnFinish(const FinishInfo& info) override {
    const std::lock_guard lock(mutex_);
    if (finished_) ++after_finish_;
    finished_ = true;
    info_ = info;
    changed_.notify_all();
  }
  FinishInfo Wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [this] { return finished_; })) << "no OnFinish";
    EXPECT_EQ(after_finish_, 0);
    return info_;
  }
  void WaitForTokens(std::size_t count) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(60), [&] { return finished_ || tokens_.size() >= count; }));
  }
  bool finished() {
    const std::lock_guard lock(mutex_);
    return finished_;
  }
  std::vector<TokenId> tokens() {
    const std::lock_guard lock(mutex_);
    return tokens_;
  }
  std::vector<float> logprobs() {
    const std::lock_guard lock(mutex_);
    return logprobs_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TokenId> tokens_;
  std::vector<float> logprobs_;
  bool finished_ = false;
  int after_finish_ = 0;
  FinishInfo info_;
};

class EmbeddingCollector : public Backend::EmbeddingListener {
 public:
  void OnDone(base::Result<std::vector<float>> embedding) override {
    const std::lock_guard lock(mutex_);
    result_ = std::move(embedding);
    changed_.notify_all();
  }
  base::Result<std::vector<float>> Wait() {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [this] { return result_.has_value(); }));
    return result_.value_or(base::Result<std::vector<float>>(base::Internal("timeout")));
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<base::Result<std::vector<float>>> result_;
};

}  // namespace bowhead::engine::testing
