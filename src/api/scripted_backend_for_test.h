// For tests: a backend that plays a script on a thread of its own, and a tokenizer of bytes.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "engine/backend.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::api {

/// Token i is byte i; 256 to 259 are <bos>, <eos>, <|im_start|>, <|im_end|>.
class ByteTokenizer final : public model::Tokenizer {
 public:
  std::vector<model::TokenId> Encode(std::string_view text, const model::EncodeOptions& options) const override {
    std::vector<model::TokenId> ids;
    if (options.add_special && add_bos_) ids.push_back(256);
    for (std::size_t i = 0; i < text.size();) {
      std::size_t taken = 0;
      for (std::size_t k = 0; options.parse_special && k < kSpecial.size(); ++k) {
        if (!text.substr(i).starts_with(kSpecial[k])) continue;
        const std::size_t end = i + kSpecial[k].size();
        bool touched = false;
        for (const model::ByteRange& range : options.untrusted) touched |= range.begin < end && i < range.end;
        if (touched) continue;
        ids.push_back(static_cast<model::TokenId>(256 + k));
        taken = kSpecial[k].size();
      }
      if (taken == 0) ids.push_back(static_cast<unsigned char>(text[i]));
      i += taken == 0 ? 1 : taken;
    }
    return ids;
  }
  std::string_view TokenBytes(model::TokenId id) const override {
    if (id >= 0 && id < 256) return std::string_view(bytes_).substr(static_cast<std::size_t>(id), 1);
    if (id >= 256 && id < 260) return kSpecial[static_cast<std::size_t>(id - 256)];
    return {};
  }
  std::string Decode(std::span<const model::TokenId> ids, bool with_special) const override {
    std::string text;
    for (const model::TokenId id : ids) {
      if (id < 256 || with_special) text += TokenBytes(id);
    }
    return text;
  }
  std::size_t vocab_size() const override { return 260; }
  std::optional<model::TokenId> bos() const override { return 256; }
  std::optional<model::TokenId> eos() const override { return 257; }
  bool add_bos() const override { return add_bos_; }
  bool IsEndOfGeneration(model::TokenId id) const override { return id == 257 || id == 259; }
  bool IsSpecial(model::TokenId id) const override { return id >= 256; }
  std::optional<model::TokenId> FindToken(std::string_view spelling) const override {
    for (std::size_t k = 0; k < kSpecial.size(); ++k) {
      if (kSpecial[k] == spelling) return static_cast<model::TokenId>(256 + k);
    }
    return spelling.size() == 1 ? std::optional<model::TokenId>(static_cast<unsigned char>(spelling[0])) : std::nullopt;
  }
  std::string_view kind() const override { return "bytes"; }

  void set_add_bos(bool add) { add_bos_ = add; }

 private:
  static constexpr std::array<std::string_view, 4> kSpecial = {"<bos>", "<eos>", "<|im_start|>", "<|im_end|>"};
  const std::string bytes_ = [] {
    std::string all;
    for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
    return all;
  }();
  bool add_bos_ = false;
};

/// Answers every request with `script`, a byte per token, or with the prompt's tokens where `echo` is on. Members are
/// set before use.
class ScriptedBackend final : public engine::Backend {
 public:
  ScriptedBackend() {
    info_.name = "Scripted";
    info_.architecture = "script";
    info_.quantization = "F32";
    info_.parameters = 1000;
    info_.file_bytes = 4000;
    info_.context_length = 512;
    info_.vocab_size = 260;
    info_.embedding_length = 4;
    info_.isa = "none";
    info_.threads = 1;
    thread_ = std::thread([this] { Run(); });
  }
  ~ScriptedBackend() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

  base::Result<engine::RequestId> Submit(engine::GenerateRequest request,
                                         std::shared_ptr<engine::RequestListener> listener) override {
    const std::lock_guard lock(mutex_);
    if (draining_) return base::Unavailable("draining");
    if (running_.size() >= max_requests) return base::ResourceExhausted("the queue is full");
    const engine::RequestId id = ++last_id_;
    requests_.push_back(request);
    running_.emplace(id, Running{std::move(request), std::move(listener), 0, false, NextScript()});
    wake_.notify_all();
    return id;
  }
  void Cancel(engine::RequestId id) override {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(id);
    if (found != running_.end()) found->second.cancelled = true;
    wake_.notify_all();
  }
  base::Status Embed(std::vector<model::TokenId> tokens, std::shared_ptr<EmbeddingListener> listener) override {
    const std::lock_guard lock(mutex_);
    if (draining_) return base::Unavailable("draining");
    embeddings_.emplace_back(std::move(tokens), std::move(listener));
    wake_.notify_all();
    return base::OkStatus();
  }
  void Drain() override {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  engine::BackendStats Stats() const override {
    const std::lock_guard lock(mutex_);
    engine::BackendStats stats;
    stats.running = static_cast<int>(running_.size());
    return stats;
  }
  const engine::ModelInfo& info() const override { return info_; }
  const model::Tokenizer& tokenizer() const override { return tokenizer_; }

  void set_context(int tokens) { info_.context_length = tokens; }

  /// Copies of all requests so far.
  std::vector<engine::GenerateRequest> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }
  int num_cancelled() const {
    const std::lock_guard lock(mutex_);
    return num_cancelled_;
  }

  std::string script = "Hello, world";
  std::deque<std::string> scripts_before;  // of the first requests
  bool endless = false;                    // play the script again and again
  bool fail_at_end = false;
  std::size_t max_requests = 100;
  std::chrono::milliseconds step{0};
  engine::ModelInfo info_;
  ByteTokenizer tokenizer_;

 private:
  struct Running {
    engine::GenerateRequest request;
    std::shared_ptr<engine::RequestListener> listener;
    int made = 0;
    bool cancelled = false;
    std::string script;
  };

  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !running_.empty() || !embeddings_.empty(); });
      if (stopping_) break;
      while (!embeddings_.empty()) {
        auto [tokens, listener] = std::move(embeddings_.front());
        embeddings_.pop_front();
        const auto length = static_cast<float>(tokens.size());
        listener->OnDone(std::vector<float>{1.0F, 0.5F, -0.25F, length});
      }
      for (auto it = running_.begin(); it != running_.end();) {
        Running& one = it->second;
        if (Step(one)) {
          it = running_.erase(it);
        } else {
          ++it;
        }
      }
      if (step.count() > 0) wake_.wait_for(lock, step, [this] { return stopping_; });
    }
    for (auto& [id, one] : running_) Finish(one, engine::FinishReason::kCancelled);
    running_.clear();
  }

  std::string NextScript() {
    if (scripts_before.empty()) return script;
    std::string next = std::move(scripts_before.front());
    scripts_before.pop_front();
    return next;
  }

  bool Step(Running& one) {
    const auto made = static_cast<std::size_t>(one.made);
    if (one.cancelled) {
      ++num_cancelled_;
      return Finish(one, engine::FinishReason::kCancelled);
    }
    if (!endless && made >= one.script.size()) {
      return Finish(one, fail_at_end ? engine::FinishReason::kError : engine::FinishReason::kStop);
    }
    if (one.made >= one.request.max_tokens) return Finish(one, engine::FinishReason::kLength);
    engine::GeneratedToken token;
    token.token = static_cast<unsigned char>(one.script[made % one.script.size()]);
    token.logprob = -0.5F;
    for (int i = 0; i < one.request.sampling.num_logprobs; ++i) token.top.push_back({token.token + i, -0.5F - i});
    ++one.made;
    one.listener->OnToken(token);
    return false;
  }

  static bool Finish(Running& one, engine::FinishReason reason) {
    engine::FinishInfo info;
    info.reason = reason;
    if (reason == engine::FinishReason::kError) info.status = base::Internal("the script failed");
    info.prompt_tokens = static_cast<int>(one.request.prompt.size());
    info.completion_tokens = one.made;
    one.listener->OnFinish(info);
    return true;
  }

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::map<engine::RequestId, Running> running_;
  std::deque<std::pair<std::vector<model::TokenId>, std::shared_ptr<EmbeddingListener>>> embeddings_;
  std::vector<engine::GenerateRequest> requests_;
  engine::RequestId last_id_ = 0;
  int num_cancelled_ = 0;
  bool draining_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace bowhead::api
