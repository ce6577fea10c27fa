#include "model/arch/step_plan.h"

#include <string>

namespace bowhead::model {
namespace {

base::Status CheckSequence(const SequenceStep& sequence, const ModelSpec& spec, std::int64_t kv_blocks) {
  if (sequence.tokens.empty()) return base::InvalidArgument("a sequence of the step has no tokens");
  const std::int64_t end = sequence.position + static_cast<std::int64_t>(sequence.tokens.size());
  if (sequence.position < 0 || end > static_cast<std::int64_t>(sequence.block_table.size()) * kBlockTokens) {
    return base::InvalidArgument("positions to " + std::to_string(end) + " do not fit a block table of " +
                                 std::to_string(sequence.block_table.size()) + " blocks");
  }
  for (const TokenId id : sequence.tokens) {
    if (id < 0 || id >= spec.vocab_size) {
      return base::InvalidArgument("the token " + std::to_string(id) + " is outside of the vocabulary of " +
                                   std::to_string(spec.vocab_size));
    }
  }
  const auto used = static_cast<std::size_t>((end + kBlockTokens - 1) / kBlockTokens);
  for (const std::int32_t block : sequence.block_table.first(used)) {
    if (block < 0 || block >= kv_blocks) {
      return base::InvalidArgument("the KV block " + std::to_string(block) + " does not exist");
    }
  }
  return base::OkStatus();
}

}  // namespace

base::Status PlanStep(std::span<const SequenceStep> batch, const ModelSpec& spec, int max_tokens,
                      std::int64_t kv_blocks, int threads, StepPlan& plan) {
  plan.sequences = batch;
  plan.tokens.clear();
  plan.logits_tokens.clear();
  std::size_t total = 0;
  for (const SequenceStep& sequence : batch) {
    if (base::Status status = CheckSequence(sequence, spec, kv_blocks); !status.ok()) return status;
    total += sequence.tokens.size();
  }
  if (total == 0 || total > static_cast<std::size_t>(max_tokens)) {
    return base::InvalidArgument("a step of " + std::to_string(total) + " tokens; it must have 1 to " +
                                 std::to_string(max_tokens));
  }
  for (std::size_t s = 0; s < batch.size(); ++s) {
    const SequenceStep& sequence = batch[s];
    const auto index = static_cast<std::int32_t>(s);
    for (std::size_t i = 0; i < sequence.tokens.size(); ++i) {
      plan.tokens.push_back({sequence.tokens[i], sequence.position + static_cast<std::int32_t>(i), index});
      const bool is_last = i + 1 == sequence.tokens.size();
      if (sequence.output == StepOutput::kAllLogits || (sequence.output == StepOutput::kLastLogits && is_last)) {
        plan.logits_tokens.push_back(static_cast<std::int32_t>(plan.tokens.size()) - 1);
      }
    }
  }
  PlanAttention(batch, spec, threads, plan.attention);
  return base::OkStatus();
}

}  // namespace bowhead::model
