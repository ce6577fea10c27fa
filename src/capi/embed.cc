// Embeddings of many texts, some of them in the engine at any time.
#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "capi/error.h"
#include "capi/model.h"

namespace bowhead::capi {

namespace {

constexpr std::size_t kAtOnce = 8;  // so that a long list does not fill the engine's queue

/// Collects vectors from the engine's thread. Holds nothing of the model: that thread must not be the last to let go
/// of it.
class Collector {
 public:
  explicit Collector(std::size_t count) : vectors_(count) {}

  void Done(std::size_t index, base::Result<std::vector<float>> vector) {
    {
      const std::lock_guard lock(mutex_);
      --running_;
      if (!vector.ok()) {
        failure_ = vector.status();
      } else {
        vectors_[index] = *std::move(vector);
      }
    }
    changed_.notify_one();
  }

  /// Waits until fewer than `most` run, then counts one more. Errors: one of a text that ran.
  base::Status Begin(std::size_t most) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return running_ < most; });
    if (failure_.ok()) ++running_;
    return failure_;
  }
  base::Status WaitForAll() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return running_ == 0; });
    return failure_;
  }
  void NeverBegan() {
    const std::lock_guard lock(mutex_);
    --running_;
  }
  /// After WaitForAll.
  [[nodiscard]] const std::vector<std::vector<float>>& vectors() const { return vectors_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::size_t running_ = 0;                  // guarded by mutex_
  base::Status failure_;                     // guarded by mutex_
  std::vector<std::vector<float>> vectors_;  // guarded by mutex_ until all are done
};

class Listener final : public engine::Backend::EmbeddingListener {
 public:
  Listener(std::shared_ptr<Collector> collector, std::size_t index) : collector_(std::move(collector)), index_(index) {}
  void OnDone(base::Result<std::vector<float>> embedding) override { collector_->Done(index_, std::move(embedding)); }

 private:
  const std::shared_ptr<Collector> collector_;
  const std::size_t index_;
};

Outcome Tokenize(const engine::Backend& backend, std::span<const std::string_view> texts,
                 std::vector<std::vector<model::TokenId>>& inputs) {
  const auto context = static_cast<std::size_t>(backend.info().context_length);
  for (const std::string_view text : texts) {
    inputs.push_back(backend.tokenizer().Encode(text, {.add_special = true, .parse_special = false}));
    if (inputs.back().empty()) return BadParam("texts", "a text is empty; there is nothing to work on");
    if (inputs.back().size() > context) {
      return {base::OutOfRange("the context of this model is " + std::to_string(context) + " tokens, but a text has " +
                               std::to_string(inputs.back().size())),
              "texts"};
    }
  }
  return base::OkStatus();
}

Outcome Embed(engine::Backend& backend, std::span<const std::string_view> texts, float* out, std::size_t* num_tokens) {
  std::vector<std::vector<model::TokenId>> inputs;
  if (Outcome read = Tokenize(backend, texts, inputs); !read.ok()) return read;
  std::size_t tokens = 0;
  const auto collector = std::make_shared<Collector>(inputs.size());
  base::Status status;
  for (std::size_t i = 0; i < inputs.size() && status.ok(); ++i) {
    tokens += inputs[i].size();
    status = collector->Begin(kAtOnce);
    if (!status.ok()) break;
    status = backend.Embed(std::move(inputs[i]), std::make_shared<Listener>(collector, i));
    if (!status.ok()) collector->NeverBegan();
  }
  const base::Status ended = collector->WaitForAll();
  if (!status.ok()) return status;
  if (!ended.ok()) return ended;
  for (const std::vector<float>& vector : collector->vectors()) out = std::copy(vector.begin(), vector.end(), out);
  if (num_tokens != nullptr) *num_tokens = tokens;
  return base::OkStatus();
}

}  // namespace

}  // namespace bowhead::capi

int bowhead_embed(bowhead_model* model, const char* const* texts, const size_t* lengths, size_t count, float* vectors,
                  size_t* prompt_tokens, bowhead_error** error) {
  namespace capi = bowhead::capi;
  return capi::Guarded(error, [&] {
    std::vector<std::string_view> views;
    views.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
      views.push_back(capi::TextOf(texts[i], lengths == nullptr ? BOWHEAD_NUL : lengths[i]));
    }
    return capi::Embed(*model->loaded->served->backend, views, vectors, prompt_tokens);
  });
}
