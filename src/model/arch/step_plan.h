// A step's batch, checked and flattened into tokens, rows and attention jobs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "model/arch/transformer.h"

namespace bowhead::model {

/// One token of the step.
struct StepToken {
  TokenId id = 0;
  std::int32_t position = 0;
  std::int32_t sequence = 0;  // index in the batch
};

/// Queries of one sequence and KV head that attend together: tokens [first_token, last_token) of the step, heads
/// [first_head, last_head) of the KV head's group; at most kernels::kAttentionRows rows.
struct AttentionJob {
  std::int32_t sequence = 0;
  std::int32_t kv_head = 0;
  std::int32_t first_token = 0;
  std::int32_t last_token = 0;
  std::int32_t first_head = 0;
  std::int32_t last_head = 0;

  [[nodiscard]] std::size_t heads() const { return static_cast<std::size_t>(last_head - first_head); }
  [[nodiscard]] std::size_t rows() const { return static_cast<std::size_t>(last_token - first_token) * heads(); }
  /// The token of the step that row r asks for.
  [[nodiscard]] std::size_t TokenOf(std::size_t row) const {
    return static_cast<std::size_t>(first_token) + row / heads();
  }
  /// Row r's query head, where `group` heads share a KV head.
  [[nodiscard]] std::size_t HeadOf(std::size_t row, std::size_t group) const {
    return static_cast<std::size_t>(kv_head) * group + static_cast<std::size_t>(first_head) + row % heads();
  }
};

struct StepPlan {
  std::span<const SequenceStep> sequences;
  std::vector<StepToken> tokens;
  std::vector<std::int32_t> logits_tokens;  // tokens whose logits are asked for, in order
  std::vector<AttentionJob> jobs;           // most expensive first
};

/// Checks a batch (ids, positions, block tables, size) and plans it for `threads` threads. Errors: kInvalidArgument.
base::Status PlanStep(std::span<const SequenceStep> batch, const ModelSpec& spec, int max_tokens,
                      std::int64_t kv_blocks, int threads, StepPlan& plan);

}  // namespace bowhead::model
