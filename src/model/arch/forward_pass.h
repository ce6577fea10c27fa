// The forward pass: fused phases over a worker team, with one barrier after each.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "base/large_buffer.h"
#include "base/status.h"
#include "base/worker_team.h"
#include "kernels/dispatch.h"
#include "model/arch/activation_buffer.h"
#include "model/arch/kv_store.h"
#include "model/arch/rope.h"
#include "model/arch/step_plan.h"
#include "model/arch/weights.h"

namespace bowhead::model {

/// Runs planned steps. Phases of a layer, each shared out over the team and ended by a barrier:
///   1. (residual, norm, quantize) and the Q, K, V products   2. q/k norms, rope, KV entries   3. attention, quantized
///   4. the output product   5. (residual, norm, quantize), gate and up products, activation, quantized   6. down
///   product
/// What stands in brackets is per token: for one or two tokens each thread does it for itself, on a copy of the
/// residual stream of its own, which saves a barrier; for more the tokens are shared out.
class ForwardPass {
 public:
  /// Everything is borrowed and outlives this object.
  ForwardPass(const ModelSpec& spec, const Weights& weights, const kernels::KernelTable& kernels, const KvStore& kv,
              base::WorkerTeam& team);

  /// Errors: kResourceExhausted for working memory.
  base::Status Run(const StepPlan& plan);

  /// [logits_tokens, vocab_size] of the last Run.
  [[nodiscard]] std::span<const float> logits() const { return {logits_.data(), logits_rows_ * Vocab()}; }
  /// [sequences with kHiddenSum, embedding_length] of the last Run.
  [[nodiscard]] std::span<const float> hidden() const { return hidden_; }

 private:
  // What a thread has for itself.
  struct ThreadState {
    std::vector<float> x;           // residual stream of a small step
    ActivationBuffer input;         // quantized input of a small step
    ActivationBuffer output_input;  // of the output product
    std::vector<float> row;         // one normed token
    std::vector<float> attention;   // scratch of attention tasks
    std::vector<float> gate_up;     // [2][tokens][32]: gate and up of one unit
  };
  struct Product {
    const kernels::PackedMatrix* matrix;
    float* out;
    std::size_t stride;
  };

  base::Status Prepare(const StepPlan& plan);
  void Worker(int index);
  void Embed(int index, float* x) const;
  void PrepareAngles(int index);
  /// x += contribution (o_, normed by post_norm if there is one) for every token that this thread looks after.
  void AddContribution(int index, float* x, const std::vector<float>& post_norm);
  void NormAndQuantize(int index, const float* x, const std::vector<float>& norm, ActivationBuffer& out,
                       bool with_values);
  void Multiply(int index, std::span<const Product> products, const ActivationBuffer& input) const;
  void RopeAndStore(int index, int layer);
  void RopeUnit(std::size_t token, int layer, int kv_head, std::vector<float>& row);

  // Attention, in attention.cc.
  struct AttentionScratch;
  // The blocks of one chunk of keys that begins at position `start`.
  struct ChunkOfKeys {
    static constexpr std::size_t kMostBlocks = kernels::kAttentionChunk / kBlockTokens;
    std::int32_t start = 0;
    std::size_t num_blocks = 0;
    std::array<const std::byte*, kMostBlocks> k;
    std::array<const std::byte*, kMostBlocks> v;
  };
  [[nodiscard]] std::size_t AttentionScratchFloats() const;
  void PrepareAttention();
  void Attend(int index, int layer);
  void AttendTask(const AttentionTask& task, int layer, AttentionScratch& scratch);
  void AttendRows(std::size_t row, std::size_t rows, const ChunkOfKeys& keys, int layer, AttentionScratch& scratch,
                  std::span<kernels::AttentionRow> results) const;
  [[nodiscard]] float* ResultOf(std::size_t row, std::int32_t chunk, int layer, const AttentionTask& task);
  void FinishTask(const AttentionTask& task, int layer, AttentionScratch& scratch);
  void MergeGroup(std::size_t index, int layer);
  void WriteAttention(std::size_t row, float sum, float* values, int layer);
  [[nodiscard]] const AttentionSchedule& ScheduleOf(int layer) const;
  [[nodiscard]] std::vector<std::atomic<std::int32_t>>& UnfinishedOf(int layer);
  [[nodiscard]] std::int32_t PositionOf(std::size_t row) const {
    return plan_->tokens[static_cast<std::size_t>(plan_->attention.rows[row].token)].position;
  }
  [[nodiscard]] const kernels::AttentionKernels& AttentionKernels() const {
    return *kernels_->attention[static_cast<std::size_t>(kv_->type())];
  }

  void GateUp(int index, const LayerWeights& layer, const ActivationBuffer& input);
  void GateUpUnit(const LayerWeights& layer, const ActivationBuffer& input, std::size_t unit,
                  std::vector<float>& scratch);
  void Output(int index, float* x);
  void SumHidden(const float* x);
  void CompactLogits();

  [[nodiscard]] std::size_t Embd() const { return static_cast<std::size_t>(spec_->embedding_length); }
  [[nodiscard]] std::size_t Vocab() const { return static_cast<std::size_t>(spec_->vocab_size); }
  [[nodiscard]] std::size_t QkvStride() const { return static_cast<std::size_t>(spec_->q_dim() + 2 * spec_->kv_dim()); }
  [[nodiscard]] base::Share TokensOf(int index) const;

  const ModelSpec* spec_;
  const Weights* weights_;
  const kernels::KernelTable* kernels_;
  const KvStore* kv_;
  base::WorkerTeam* team_;
  Rope rope_;
  Rope local_rope_;

  const StepPlan* plan_ = nullptr;
  bool small_ = false;  // per-token work is done by every thread for itself
  std::vector<ThreadState> threads_;
  std::vector<float> x_, qkv_, o_, angles_, logits_, hidden_;
  std::size_t logits_rows_ = 0;
  std::size_t logits_stride_ = 0;
  ActivationBuffer input_, attention_, feed_forward_, output_input_;
  std::unique_ptr<std::atomic<std::size_t>[]> next_task_;                         // [layers]
  std::vector<std::atomic<std::int32_t>> unfinished_full_, unfinished_windowed_;  // tasks of each group
  std::vector<float> attention_results_;                                          // between tasks
};

}  // namespace bowhead::model
