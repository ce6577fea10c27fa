// Who attends to what in a step: queries in groups that share a KV head, and tasks over chunks of keys for the threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "model/arch/model_spec.h"
#include "model/arch/transformer.h"

namespace bowhead::model {

/// Most rows of a task. The keys and values of a chunk stay in the second-level cache while all its rows pass over
/// them.
inline constexpr std::size_t kTaskRows = 64;

/// One query: a token of the step and a query head.
struct QueryRow {
  std::int32_t token = 0;
  std::int32_t head = 0;
};

/// Rows of one sequence and KV head, ordered by token; at most kTaskRows.
struct AttentionGroup {
  std::int32_t sequence = 0;  // index in the batch
  std::int32_t kv_head = 0;
  std::int32_t first_row = 0;  // in AttentionPlan::rows
  std::int32_t last_row = 0;
};

/// The rows of groups [first_group, last_group) over chunks [first_chunk, last_chunk) of keys. All groups have the same
/// KV head and, in these chunks, the same blocks; at most kTaskRows rows.
struct AttentionTask {
  std::int32_t first_group = 0;
  std::int32_t last_group = 0;
  std::int32_t first_chunk = 0;
  std::int32_t last_chunk = 0;
  std::int64_t cost = 0;
};

/// How one group's chunks are spread over tasks. Chunk results are merged in order, whoever computed them: the task
/// with the first chunk merges its own chunks as it goes and leaves one result; later ones leave one for each chunk;
/// the task that is done last merges them.
struct GroupSchedule {
  std::int32_t first_chunk = 0;
  std::int32_t last_chunk = 0;
  std::int32_t first_end = 0;    // where the first task's chunks end
  std::int32_t tasks = 0;        // with this group in them
  std::size_t first_result = 0;  // of the results kept between tasks, where tasks > 1

  /// Results that each row of the group leaves.
  [[nodiscard]] std::size_t results() const { return static_cast<std::size_t>(1 + last_chunk - first_end); }
};

/// The tasks of one kind of layer.
struct AttentionSchedule {
  std::vector<GroupSchedule> groups;  // by group
  std::vector<AttentionTask> tasks;   // most expensive first
  std::size_t num_results = 0;        // kept between tasks
};

/// A step's attention. Decoding sequences whose first chunks are in the same blocks stand side by side, and one task
/// reads these chunks for all of them.
struct AttentionPlan {
  std::vector<QueryRow> rows;
  std::vector<AttentionGroup> groups;
  AttentionSchedule full;      // of layers that see everything
  AttentionSchedule windowed;  // of layers with a sliding window; empty if the model has none
};

/// Plans the attention of a checked batch for `threads` threads.
void PlanAttention(std::span<const SequenceStep> batch, const ModelSpec& spec, int threads, AttentionPlan& plan);

}  // namespace bowhead::model
