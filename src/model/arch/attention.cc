// The attention phase of the forward pass: tasks over chunks of 256 keys, whose results are merged in order.
#include <algorithm>
#include <array>
#include <cstring>

#include "model/arch/forward_pass.h"

namespace bowhead::model {
namespace {

using kernels::AttentionRow;
using kernels::kAttentionChunk;
using kernels::kAttentionRows;

constexpr auto kChunkKeys = static_cast<std::int32_t>(kAttentionChunk);

// A result that is kept between tasks: [head_dim] values, then the row's maximum and sum.
constexpr std::size_t kResultTail = 16;

void Keep(const AttentionRow& row, const float* values, std::size_t head_dim, float* result) {
  std::copy(values, values + head_dim, result);
  result[head_dim] = row.max;
  result[head_dim + 1] = row.sum;
}

}  // namespace

// What a thread needs for one task at a time.
struct ForwardPass::AttentionScratch {
  std::byte* q;      // [kAttentionRows] packed queries
  float* chunk_out;  // [kAttentionRows][head_dim]
  float* weights;    // [kAttentionRows][kAttentionChunk]
  float* total;      // [kTaskRows][head_dim]
  std::array<AttentionRow, kTaskRows> running;

  static std::size_t Floats(std::size_t head_dim) {
    return kAttentionRows * (2 * head_dim + kAttentionChunk) + kTaskRows * head_dim;
  }
  AttentionScratch(float* memory, std::size_t head_dim)
      : q(reinterpret_cast<std::byte*>(memory)),
        chunk_out(memory + kAttentionRows * head_dim),
        weights(chunk_out + kAttentionRows * head_dim),
        total(weights + kAttentionRows * kAttentionChunk) {}
};

std::size_t ForwardPass::AttentionScratchFloats() const {
  return AttentionScratch::Floats(static_cast<std::size_t>(spec_->head_dim));
}

const AttentionSchedule& ForwardPass::ScheduleOf(int layer) const {
  return spec_->WindowOf(layer) > 0 ? plan_->attention.windowed : plan_->attention.full;
}

std::vector<std::atomic<std::int32_t>>& ForwardPass::UnfinishedOf(int layer) {
  return spec_->WindowOf(layer) > 0 ? unfinished_windowed_ : unfinished_full_;
}

void ForwardPass::PrepareAttention() {
  const std::size_t groups = plan_->attention.groups.size();
  std::size_t results = 0;
  const auto prepare = [&](const AttentionSchedule& schedule, std::vector<std::atomic<std::int32_t>>& unfinished) {
    if (unfinished.size() < groups) unfinished = std::vector<std::atomic<std::int32_t>>(groups);
    for (std::size_t g = 0; g < schedule.groups.size(); ++g) unfinished[g] = schedule.groups[g].tasks;
    results = std::max(results, schedule.num_results);
  };
  prepare(plan_->attention.full, unfinished_full_);
  prepare(plan_->attention.windowed, unfinished_windowed_);
  results *= static_cast<std::size_t>(spec_->head_dim) + kResultTail;
  if (attention_results_.size() < results) attention_results_.resize(results);
}

void ForwardPass::Attend(int index, int layer) {
  std::atomic<std::size_t>& next = next_task_[static_cast<std::size_t>(layer)];
  const std::vector<AttentionTask>& tasks = ScheduleOf(layer).tasks;
  AttentionScratch scratch(threads_[static_cast<std::size_t>(index)].attention.data(),
                           static_cast<std::size_t>(spec_->head_dim));
  for (std::size_t i = next.fetch_add(1, std::memory_order_relaxed); i < tasks.size();
       i = next.fetch_add(1, std::memory_order_relaxed)) {
    AttendTask(tasks[i], layer, scratch);
    FinishTask(tasks[i], layer, scratch);
  }
}

void ForwardPass::AttendTask(const AttentionTask& task, int layer, AttentionScratch& scratch) {
  const AttentionPlan& plan = plan_->attention;
  const AttentionGroup& first = plan.groups[static_cast<std::size_t>(task.first_group)];
  const auto first_row = static_cast<std::size_t>(first.first_row);
  const auto last_row = static_cast<std::size_t>(plan.groups[static_cast<std::size_t>(task.last_group) - 1].last_row);
  const auto head_dim = static_cast<std::size_t>(spec_->head_dim);
  const bool merges =
      task.first_chunk == ScheduleOf(layer).groups[static_cast<std::size_t>(task.first_group)].first_chunk;
  if (merges) {
    std::fill(scratch.total, scratch.total + (last_row - first_row) * head_dim, 0.0F);
    scratch.running.fill({});
  }
  const SequenceStep& sequence = plan_->sequences[static_cast<std::size_t>(first.sequence)];
  const std::int32_t end = PositionOf(static_cast<std::size_t>(first.last_row) - 1) + 1;
  ChunkOfKeys keys;
  for (std::int32_t chunk = task.first_chunk; chunk < task.last_chunk; ++chunk) {
    const std::int32_t start = chunk * kChunkKeys;
    keys.start = start;
    keys.num_blocks = static_cast<std::size_t>((std::min(end - start, kChunkKeys) + kBlockTokens - 1) / kBlockTokens);
    for (std::size_t b = 0; b < keys.num_blocks; ++b) {
      const std::int32_t block = sequence.block_table[static_cast<std::size_t>(start / kBlockTokens) + b];
      keys.k[b] = kv_->K(layer, block, first.kv_head);
      keys.v[b] = kv_->V(layer, block, first.kv_head);
    }
    for (std::size_t row = first_row; row < last_row; row += kAttentionRows) {
      const std::size_t rows = std::min(kAttentionRows, last_row - row);
      std::array<AttentionRow, kAttentionRows> results;
      AttendRows(row, rows, keys, layer, scratch, results);
      for (std::size_t r = 0; r < rows; ++r) {
        const float* out = scratch.chunk_out + r * head_dim;
        const std::size_t at = row + r - first_row;
        if (merges) {
          kernels_->merge_attention(scratch.running[at], scratch.total + at * head_dim, results[r], out, head_dim);
        } else {
          Keep(results[r], out, head_dim, ResultOf(row + r, chunk, layer, task));
        }
      }
    }
  }
}

// One call of the kernel: `rows` rows from `row` on.
void ForwardPass::AttendRows(std::size_t row, std::size_t rows, const ChunkOfKeys& keys, int layer,
                             AttentionScratch& scratch, std::span<AttentionRow> results) const {
  const auto head_dim = static_cast<std::size_t>(spec_->head_dim);
  const std::int32_t window = spec_->WindowOf(layer);
  std::array<std::int32_t, kAttentionRows> first_key;
  std::array<std::int32_t, kAttentionRows> last_key;
  std::array<float, kAttentionRows> max;
  std::array<float, kAttentionRows> sum;
  for (std::size_t r = 0; r < rows; ++r) {
    const QueryRow& query = plan_->attention.rows[row + r];
    const float* q = qkv_.data() + static_cast<std::size_t>(query.token) * QkvStride() +
                     static_cast<std::size_t>(query.head) * head_dim;
    std::memcpy(scratch.q + r * kernels::PackedQueryBytes(head_dim), q, kernels::PackedQueryBytes(head_dim));
    last_key[r] = PositionOf(row + r) + 1 - keys.start;
    first_key[r] = window > 0 ? last_key[r] - window : 0;
  }
  AttentionKernels().chunk({scratch.q, rows, head_dim, keys.k.data(), keys.v.data(), keys.num_blocks, first_key.data(),
                            last_key.data(), scratch.chunk_out, max.data(), sum.data(), scratch.weights});
  for (std::size_t r = 0; r < rows; ++r) results[r] = {max[r], sum[r]};
}

// Where the result of a row for `chunk` (or the merged one of the first task) is kept between tasks.
float* ForwardPass::ResultOf(std::size_t row, std::int32_t chunk, int layer, const AttentionTask& task) {
  const AttentionPlan& plan = plan_->attention;
  auto group = static_cast<std::size_t>(task.first_group);
  while (row >= static_cast<std::size_t>(plan.groups[group].last_row)) ++group;
  const GroupSchedule& schedule = ScheduleOf(layer).groups[group];
  const auto slot = static_cast<std::size_t>(chunk < schedule.first_end ? 0 : 1 + chunk - schedule.first_end);
  const std::size_t index = schedule.first_result +
                            (row - static_cast<std::size_t>(plan.groups[group].first_row)) * schedule.results() + slot;
  return attention_results_.data() + index * (static_cast<std::size_t>(spec_->head_dim) + kResultTail);
}

// Keeps what a task has merged, and finishes the groups of which it was the last task.
void ForwardPass::FinishTask(const AttentionTask& task, int layer, AttentionScratch& scratch) {
  const AttentionPlan& plan = plan_->attention;
  const auto head_dim = static_cast<std::size_t>(spec_->head_dim);
  const std::int32_t first_row = plan.groups[static_cast<std::size_t>(task.first_group)].first_row;
  for (auto g = static_cast<std::size_t>(task.first_group); g < static_cast<std::size_t>(task.last_group); ++g) {
    const AttentionGroup& group = plan.groups[g];
    const GroupSchedule& schedule = ScheduleOf(layer).groups[g];
    const bool merged = task.first_chunk == schedule.first_chunk;
    for (auto row = static_cast<std::size_t>(group.first_row); row < static_cast<std::size_t>(group.last_row); ++row) {
      const std::size_t at = row - static_cast<std::size_t>(first_row);
      float* total = scratch.total + at * head_dim;
      if (schedule.tasks == 1) {
        WriteAttention(row, scratch.running[at].sum, total, layer);
      } else if (merged) {
        Keep(scratch.running[at], total, head_dim, ResultOf(row, task.first_chunk, layer, task));
      }
    }
    if (schedule.tasks == 1) continue;
    std::atomic<std::int32_t>& unfinished = UnfinishedOf(layer)[g];
    if (unfinished.fetch_sub(1, std::memory_order_acq_rel) > 1) continue;
    unfinished.store(schedule.tasks, std::memory_order_relaxed);  // for the next layer, behind a barrier
    MergeGroup(g, layer);
  }
}

void ForwardPass::MergeGroup(std::size_t index, int layer) {
  const AttentionGroup& group = plan_->attention.groups[index];
  const GroupSchedule& schedule = ScheduleOf(layer).groups[index];
  const auto head_dim = static_cast<std::size_t>(spec_->head_dim);
  const std::size_t stride = head_dim + kResultTail;
  float* result = attention_results_.data() + schedule.first_result * stride;
  for (std::int32_t row = group.first_row; row < group.last_row; ++row, result += schedule.results() * stride) {
    AttentionRow merged{result[head_dim], result[head_dim + 1]};
    for (std::size_t i = 1; i < schedule.results(); ++i) {
      const float* later = result + i * stride;
      kernels_->merge_attention(merged, result, {later[head_dim], later[head_dim + 1]}, later, head_dim);
    }
    WriteAttention(static_cast<std::size_t>(row), merged.sum, result, layer);
  }
}

void ForwardPass::WriteAttention(std::size_t row, float sum, float* values, int layer) {
  const auto head_dim = static_cast<std::size_t>(spec_->head_dim);
  const float inverse = 1.0F / sum;
  for (std::size_t d = 0; d < head_dim; ++d) values[d] *= inverse;
  const QueryRow& query = plan_->attention.rows[row];
  const ActivationBuffer::Place place = attention_.Find(static_cast<std::size_t>(query.token));
  const std::size_t block = static_cast<std::size_t>(query.head) * head_dim / 32;
  const kernels::ActivationTile part = FromBlock(attention_.tiles()[place.tile], block);
  const kernels::PackedMatrix& next = weights_->layers[static_cast<std::size_t>(layer)].attention_output;
  kernels_->quantize(values, head_dim, place.column, next.is_float(), part);
}

}  // namespace bowhead::model
