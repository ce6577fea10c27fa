#include "model/arch/step_plan.h"

#include <algorithm>
#include <string>

#include "kernels/dispatch.h"

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

// Rows of a job share their reads of K and V; with few jobs the heads of a group are spread over the threads instead.
void AddJobs(const ModelSpec& spec, std::int32_t sequence, std::int32_t first, std::int32_t last, bool spread,
             std::vector<AttentionJob>& jobs) {
  const std::int32_t group = spec.num_heads / spec.num_kv_heads;
  const auto rows = static_cast<std::int32_t>(kernels::kAttentionRows);
  const std::int32_t heads = spread ? 1 : std::min(group, rows);
  const std::int32_t tokens = std::max(rows / heads, 1);
  for (std::int32_t t = last; t > first; t -= tokens) {  // later tokens see more keys: they come first
    for (std::int32_t kv = 0; kv < spec.num_kv_heads; ++kv) {
      for (std::int32_t h = 0; h < group; h += heads) {
        jobs.push_back({sequence, kv, std::max(first, t - tokens), t, h, std::min(h + heads, group)});
      }
    }
  }
}

}  // namespace

base::Status PlanStep(std::span<const SequenceStep> batch, const ModelSpec& spec, int max_tokens,
                      std::int64_t kv_blocks, int threads, StepPlan& plan) {
  plan.sequences = batch;
  plan.tokens.clear();
  plan.logits_tokens.clear();
  plan.jobs.clear();
  std::size_t total = 0;
  for (const SequenceStep& sequence : batch) {
    if (base::Status status = CheckSequence(sequence, spec, kv_blocks); !status.ok()) return status;
    total += sequence.tokens.size();
  }
  if (total == 0 || total > static_cast<std::size_t>(max_tokens)) {
    return base::InvalidArgument("a step of " + std::to_string(total) + " tokens; it must have 1 to " +
                                 std::to_string(max_tokens));
  }
  const bool spread = static_cast<int>(total) * spec.num_kv_heads < 4 * threads;
  for (std::size_t s = 0; s < batch.size(); ++s) {
    const SequenceStep& sequence = batch[s];
    const auto index = static_cast<std::int32_t>(s);
    const auto first = static_cast<std::int32_t>(plan.tokens.size());
    for (std::size_t i = 0; i < sequence.tokens.size(); ++i) {
      plan.tokens.push_back({sequence.tokens[i], sequence.position + static_cast<std::int32_t>(i), index});
      const bool is_last = i + 1 == sequence.tokens.size();
      if (sequence.output == StepOutput::kAllLogits || (sequence.output == StepOutput::kLastLogits && is_last)) {
        plan.logits_tokens.push_back(static_cast<std::int32_t>(plan.tokens.size()) - 1);
      }
    }
    AddJobs(spec, index, first, static_cast<std::int32_t>(plan.tokens.size()), spread, plan.jobs);
  }
  const auto cost = [&](const AttentionJob& job) {
    return (plan.tokens[static_cast<std::size_t>(job.last_token) - 1].position + 1) * (job.last_head - job.first_head) *
           (job.last_token - job.first_token);
  };
  std::stable_sort(plan.jobs.begin(), plan.jobs.end(),
                   [&](const AttentionJob& a, const AttentionJob& b) { return cost(a) > cost(b); });
  return base::OkStatus();
}

}  // namespace bowhead::model
