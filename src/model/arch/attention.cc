// The attention phase of the forward pass: jobs of at most 16 queries over chunks of 256 keys, merged in order.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "model/arch/forward_pass.h"

namespace bowhead::model {
namespace {

using kernels::kAttentionChunk;
using kernels::kAttentionRows;

constexpr auto kChunkKeys = static_cast<std::int32_t>(kAttentionChunk);

// The running result of one row over the chunks so far (online softmax, arXiv 1805.02867).
struct RunningRow {
  float max = -std::numeric_limits<float>::infinity();
  float sum = 0.0F;
};

// Chunks in which a row sees nothing leave it as it is, so that a row does not depend on its neighbours' ranges.
void Merge(RunningRow& row, float* total, float chunk_max, float chunk_sum, const float* chunk, std::size_t n) {
  if (std::isinf(chunk_max) && chunk_max < 0.0F) return;
  const float max = std::max(row.max, chunk_max);
  const float keep = std::exp(row.max - max);
  const float take = std::exp(chunk_max - max);
  for (std::size_t d = 0; d < n; ++d) total[d] = total[d] * keep + chunk[d] * take;
  row.sum = row.sum * keep + chunk_sum * take;
  row.max = max;
}

}  // namespace

void ForwardPass::Attend(int index, int layer) {
  std::atomic<std::size_t>& next = next_job_[static_cast<std::size_t>(layer)];
  for (std::size_t j = next.fetch_add(1, std::memory_order_relaxed); j < plan_->jobs.size();
       j = next.fetch_add(1, std::memory_order_relaxed)) {
    AttendJob(plan_->jobs[j], layer, threads_[static_cast<std::size_t>(index)]);
  }
}

void ForwardPass::AttendJob(const AttentionJob& job, int layer, ThreadState& state) {
  const auto head_dim = static_cast<std::size_t>(spec_->head_dim);
  const auto group = static_cast<std::size_t>(spec_->num_heads / spec_->num_kv_heads);
  const std::size_t rows = job.rows();
  float* q = state.attention.data();
  float* chunk_out = q + kAttentionRows * head_dim;
  float* total = chunk_out + kAttentionRows * head_dim;
  float* scratch = total + kAttentionRows * head_dim;
  std::array<RunningRow, kAttentionRows> running;
  std::array<std::int32_t, kAttentionRows> first_key{};
  std::array<std::int32_t, kAttentionRows> last_key{};
  const int window = spec_->WindowOf(layer);
  for (std::size_t r = 0; r < rows; ++r) {
    const std::size_t token = job.TokenOf(r);
    const std::size_t head = job.HeadOf(r, group);
    const float* from = qkv_.data() + token * QkvStride() + head * head_dim;
    std::copy(from, from + head_dim, q + r * head_dim);
    last_key[r] = plan_->tokens[token].position + 1;
    first_key[r] = window > 0 ? std::max(last_key[r] - window, 0) : 0;
  }
  std::fill(total, total + rows * head_dim, 0.0F);

  const SequenceStep& sequence = plan_->sequences[static_cast<std::size_t>(job.sequence)];
  std::array<const std::uint16_t*, kAttentionChunk / kBlockTokens> k_blocks{};
  std::array<const std::uint16_t*, kAttentionChunk / kBlockTokens> v_blocks{};
  std::array<std::int32_t, kAttentionRows> chunk_first{};
  std::array<std::int32_t, kAttentionRows> chunk_last{};
  std::array<float, kAttentionRows> max{};
  std::array<float, kAttentionRows> sum{};
  const std::int32_t end = last_key[rows - 1];
  for (std::int32_t start = first_key[0] / kChunkKeys * kChunkKeys; start < end; start += kChunkKeys) {
    const std::int32_t blocks = (std::min(end - start, kChunkKeys) + kBlockTokens - 1) / kBlockTokens;
    for (std::int32_t b = 0; b < blocks; ++b) {
      const std::int32_t block = sequence.block_table[static_cast<std::size_t>(start / kBlockTokens + b)];
      k_blocks[static_cast<std::size_t>(b)] = kv_->K(layer, block, job.kv_head);
      v_blocks[static_cast<std::size_t>(b)] = kv_->V(layer, block, job.kv_head);
    }
    for (std::size_t r = 0; r < rows; ++r) {
      chunk_first[r] = first_key[r] - start;
      chunk_last[r] = last_key[r] - start;
    }
    kernels_->attention({q, rows, head_dim, k_blocks.data(), v_blocks.data(), static_cast<std::size_t>(blocks),
                         chunk_first.data(), chunk_last.data(), chunk_out, max.data(), sum.data(), scratch});
    for (std::size_t r = 0; r < rows; ++r) {
      Merge(running[r], total + r * head_dim, max[r], sum[r], chunk_out + r * head_dim, head_dim);
    }
  }
  for (std::size_t r = 0; r < rows; ++r) {
    const float inverse = 1.0F / running[r].sum;
    for (std::size_t d = 0; d < head_dim; ++d) total[r * head_dim + d] *= inverse;
    WriteAttention(job, r, total + r * head_dim, layer);
  }
}

void ForwardPass::WriteAttention(const AttentionJob& job, std::size_t row, const float* values, int layer) {
  const auto head_dim = static_cast<std::size_t>(spec_->head_dim);
  const auto group = static_cast<std::size_t>(spec_->num_heads / spec_->num_kv_heads);
  const std::size_t head = job.HeadOf(row, group);
  const ActivationBuffer::Place place = attention_.Find(job.TokenOf(row));
  const kernels::ActivationTile part = FromBlock(attention_.tiles()[place.tile], head * head_dim / 32);
  const kernels::PackedMatrix& next = weights_->layers[static_cast<std::size_t>(layer)].attention_output;
  kernels_->quantize(values, head_dim, place.column, next.is_float(), part);
}

}  // namespace bowhead::model
