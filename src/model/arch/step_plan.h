// A step's batch, checked and flattened into tokens, rows and attention tasks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "model/arch/attention_plan.h"
#include "model/arch/transformer.h"

namespace bowhead::model {

/// One token of the step.
struct StepToken {
  TokenId id = 0;
  std::int32_t position = 0;
  std::int32_t sequence = 0;  // index in the batch
};

struct StepPlan {
  std::span<const SequenceStep> sequences;
  std::vector<StepToken> tokens;
  std::vector<std::int32_t> logits_tokens;  // tokens whose logits are asked for, in order
  AttentionPlan attention;
};

/// Checks a batch (ids, positions, block tables, size) and plans it for `threads` threads. Errors: kInvalidArgument.
base::Status PlanStep(std::span<const SequenceStep> batch, const ModelSpec& spec, int max_tokens,
                      std::int64_t kv_blocks, int threads, StepPlan& plan);

}  // namespace bowhead::model
