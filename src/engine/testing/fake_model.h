// For tests: a model whose logits are a known function of the tokens so far, and which finds out about wrong blocks,
// positions and batches because it keeps its history in the blocks that it is given.
#pragma once

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "engine/hashing.h"
#include "engine/sampler.h"
#include "model/arch/transformer.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::engine::testing {

using model::TokenId;

inline constexpr int kFakeVocab = 97;
inline constexpr int kFakeWidth = 8;
inline constexpr TokenId kFakeEos = 96;  // rarely likely
inline constexpr TokenId kPoison = 95;   // a piece with it gives logits that are not finite

/// The state after one more token.
inline std::uint64_t FakeState(std::uint64_t state, std::uint64_t entry) {
  return MixBits(state ^ entry);
}
inline std::uint64_t FakeEntry(TokenId token, std::int64_t position) {
  return MixBits(static_cast<std::uint64_t>(token) * 1000003 + static_cast<std::uint64_t>(position) + 7);
}
inline float FakeUnit(std::uint64_t bits) {
  return static_cast<float>(bits >> 40) * 0x1.0p-24F;
}
/// With a `period` the text likes to repeat itself, as far as sampling lets it: what to say at `position`.
inline TokenId FakeFavourite(std::int64_t position, int period) {
  return static_cast<TokenId>(MixBits(static_cast<std::uint64_t>(position % period) + 77) % 90);
}
inline void FakeFavour(std::int64_t position, int period, std::span<float> out) {
  if (period > 0) out[static_cast<std::size_t>(FakeFavourite(position, period))] += 8;
}
inline void FakeLogits(std::uint64_t state, bool poisoned, std::span<float> out) {
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = 6 * FakeUnit(MixBits(state + i));
  out[static_cast<std::size_t>(kFakeEos)] -= 4;
  out[static_cast<std::size_t>(kPoison)] = -80;  // comes in prompts only
  if (poisoned) out[3] = std::nanf("");
}

/// What an outside observer expects as the answer, computed from the tokens alone. Stops at kFakeEos.
inline std::vector<TokenId> ExpectedAnswer(const std::vector<TokenId>& prompt, const SamplingParams& params,
                                           int max_tokens, int period = 0) {
  Sampler sampler(params, prompt);
  SamplerScratch scratch;
  std::uint64_t state = 0;
  std::int64_t position = 0;
  for (const TokenId token : prompt) state = FakeState(state, FakeEntry(token, position++));
  std::vector<TokenId> answer;
  std::vector<float> logits(kFakeVocab);
  while (static_cast<int>(answer.size()) < max_tokens) {
    FakeLogits(state, false, logits);
    FakeFavour(position, period, logits);
    const TokenId token = sampler.Sample(logits, static_cast<std::uint64_t>(position), &scratch)->token;
    if (token == kFakeEos) break;
    sampler.Accept(token);
    answer.push_back(token);
    state = FakeState(state, FakeEntry(token, position++));
  }
  return answer;
}

/// What the test may look at and turn while the engine runs.
struct FakeControls {
  std::atomic<int> delay_us = 0;        // per step
  std::atomic<bool> hold = false;       // steps wait while it is set
  std::atomic<bool> fail_next = false;  // the next step returns an error
  std::atomic<int> period = 0;          // of the text: see FakeFavourite
  std::atomic<int> violations = 0;      // of the Transformer's contract
  std::atomic<int> steps = 0;
  std::atomic<int> most_sequences = 0;
  std::atomic<std::int64_t> tokens = 0;  // computed
};

class FakeTransformer : public model::Transformer {
 public:
  FakeTransformer(std::int64_t blocks, int context, std::shared_ptr<FakeControls> controls)
      : controls_(std::move(controls)), entries_(static_cast<std::size_t>(blocks * model::kBlockTokens), 0) {
    spec_.architecture = "fake";
    spec_.vocab_size = kFakeVocab;
    spec_.context_length = context;
    spec_.embedding_length = kFakeWidth;
  }

  [[nodiscard]] const model::ModelSpec& spec() const override { return spec_; }
  [[nodiscard]] std::int64_t num_kv_blocks() const override {
    return static_cast<std::int64_t>(entries_.size()) / model::kBlockTokens;
  }
  [[nodiscard]] int max_batch_tokens() const override { return 256; }
  [[nodiscard]] int threads() const override { return 1; }
  [[nodiscard]] std::string_view isa() const override { return "fake"; }

  base::Result<model::ForwardResult> Forward(std::span<const model::SequenceStep> batch) override {
    while (controls_->hold) std::this_thread::sleep_for(std::chrono::microseconds(50));
    if (controls_->delay_us > 0) std::this_thread::sleep_for(std::chrono::microseconds(controls_->delay_us));
    ++controls_->steps;
    if (static_cast<int>(batch.size()) > controls_->most_sequences) {
      controls_->most_sequences = static_cast<int>(batch.size());
    }
    if (controls_->fail_next.exchange(false)) return base::InvalidArgument("asked to fail");
    CheckBatch(batch);
    logits_.clear();
    hidden_.clear();
    for (const model::SequenceStep& step : batch) Compute(step);
    return model::ForwardResult{logits_, hidden_};
  }

  [[nodiscard]] std::size_t BlockBytes() const override { return model::kBlockTokens * sizeof(std::uint64_t); }
  [[nodiscard]] std::string KvLayout() const override { return "fake.1"; }
  void ReadBlock(std::int32_t block, std::span<std::byte> out) const override {
    std::memcpy(out.data(), &entries_[static_cast<std::size_t>(block) * model::kBlockTokens], BlockBytes());
  }
  void WriteBlock(std::int32_t block, std::span<const std::byte> in) override {
    std::memcpy(&entries_[static_cast<std::size_t>(block) * model::kBlockTokens], in.data(), BlockBytes());
  }

 private:
  void CheckBatch(std::span<const model::SequenceStep> batch) {
    std::multiset<std::int32_t> readers;
    std::size_t tokens = 0;
    for (const model::SequenceStep& step : batch) {
      readers.insert(step.block_table.begin(), step.block_table.end());
      tokens += step.tokens.size();
    }
    controls_->tokens += static_cast<std::int64_t>(tokens);
    if (batch.empty() || tokens > static_cast<std::size_t>(max_batch_tokens())) ++controls_->violations;
    for (const model::SequenceStep& step : batch) {
      const std::size_t end = static_cast<std::size_t>(step.position) + step.tokens.size();
      if (step.tokens.empty() || step.block_table.size() * model::kBlockTokens < end) {
        ++controls_->violations;
        continue;
      }
      for (std::size_t p = static_cast<std::size_t>(step.position); p < end; p += 1) {
        if (readers.count(step.block_table[p / model::kBlockTokens]) != 1) ++controls_->violations;
      }
    }
  }

  std::uint64_t& EntryAt(const model::SequenceStep& step, std::size_t position) {
    const auto block = static_cast<std::size_t>(step.block_table[position / model::kBlockTokens]);
    return entries_[block * model::kBlockTokens + position % model::kBlockTokens];
  }

  void AddLogits(std::uint64_t state, std::size_t position, bool poisoned) {
    logits_.resize(logits_.size() + kFakeVocab);
    FakeLogits(state, poisoned, std::span(logits_).last(kFakeVocab));
    FakeFavour(static_cast<std::int64_t>(position), controls_->period, std::span(logits_).last(kFakeVocab));
  }

  void Compute(const model::SequenceStep& step) {
    std::uint64_t state = 0;
    std::size_t position = 0;
    bool poisoned = false;
    for (; position < static_cast<std::size_t>(step.position); ++position) {
      state = FakeState(state, EntryAt(step, position));
    }
    std::vector<float> sum(kFakeWidth, 0);
    for (const TokenId token : step.tokens) {
      EntryAt(step, position) = FakeEntry(token, static_cast<std::int64_t>(position));
      state = FakeState(state, EntryAt(step, position++));
      poisoned = poisoned || token == kPoison;
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += FakeUnit(MixBits(state + i)) - 0.4F;
      if (step.output == model::StepOutput::kAllLogits) AddLogits(state, position, poisoned);
    }
    if (step.output == model::StepOutput::kLastLogits) {
      AddLogits(state, position, poisoned);
    } else if (step.output == model::StepOutput::kHiddenSum) {
      hidden_.insert(hidden_.end(), sum.begin(), sum.end());
    }
  }

  std::shared_ptr<FakeControls> controls_;
  model::ModelSpec spec_;
  std::vector<std::uint64_t> entries_;
  std::vector<float> logits_;
  std::vector<float> hidden_;
};

class FakeTokenizer : public model::Tokenizer {
 public:
  [[nodiscard]] std::vector<TokenId> Encode(std::string_view text, const model::EncodeOptions&) const override {
    return {text.begin(), text.end()};
  }
  [[nodiscard]] std::string_view TokenBytes(TokenId) const override { return "x"; }
  [[nodiscard]] std::string Decode(std::span<const TokenId> ids, bool) const override {
    return std::string(ids.size(), 'x');
  }
  [[nodiscard]] std::size_t vocab_size() const override { return kFakeVocab; }
  [[nodiscard]] std::optional<TokenId> bos() const override { return std::nullopt; }
  [[nodiscard]] std::optional<TokenId> eos() const override { return kFakeEos; }
  [[nodiscard]] bool add_bos() const override { return false; }
  [[nodiscard]] bool IsEndOfGeneration(TokenId id) const override { return id == kFakeEos; }
  [[nodiscard]] bool IsSpecial(TokenId id) const override { return id == kFakeEos; }
  [[nodiscard]] std::optional<TokenId> FindToken(std::string_view) const override { return std::nullopt; }
  [[nodiscard]] std::string_view kind() const override { return "fake"; }
};

}  // namespace bowhead::engine::testing
