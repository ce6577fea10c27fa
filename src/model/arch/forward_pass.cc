#include "model/arch/forward_pass.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/dequantize.h"

namespace bowhead::model {
namespace {

constexpr std::size_t kSmallTokens = 2;
constexpr float kLog2E = 1.44269504F;  // attention computes powers of two

}  // namespace

ForwardPass::ForwardPass(const ModelSpec& spec, const Weights& weights, const kernels::KernelTable& kernels,
                         const KvStore& kv, base::WorkerTeam& team)
    : spec_(&spec),
      weights_(&weights),
      kernels_(&kernels),
      kv_(&kv),
      team_(&team),
      rope_(spec, false, weights.rope_factors),
      local_rope_(spec, true, weights.rope_factors),
      threads_(static_cast<std::size_t>(team.size())),
      next_task_(std::make_unique<std::atomic<std::size_t>[]>(static_cast<std::size_t>(spec.num_layers))) {
  const std::size_t head_dim = static_cast<std::size_t>(spec.head_dim);
  for (ThreadState& state : threads_) {
    state.x.resize(kSmallTokens * Embd());
    state.row.resize(std::max(Embd(), head_dim));
    state.attention.resize(AttentionScratchFloats());
  }
}

base::Status ForwardPass::Prepare(const StepPlan& plan) {
  plan_ = &plan;
  const std::size_t n = plan.tokens.size();
  small_ = n <= kSmallTokens;
  logits_rows_ = plan.logits_tokens.size();
  logits_stride_ = (Vocab() + kernels::kPanelRows - 1) / kernels::kPanelRows * kernels::kPanelRows;
  const auto grow = [](std::vector<float>& v, std::size_t size) {
    if (v.size() < size) v.resize(size);
  };
  grow(x_, small_ ? 0 : n * Embd());
  grow(qkv_, n * QkvStride());
  grow(o_, n * Embd());
  for (ThreadState& state : threads_) grow(state.gate_up, 2 * n * kernels::kBlockColumns);
  grow(angles_, n * 2 * (rope_.num_pairs() + local_rope_.num_pairs()));
  grow(logits_, logits_rows_ * logits_stride_);
  hidden_.clear();
  for (int layer = 0; layer < spec_->num_layers; ++layer) next_task_[static_cast<std::size_t>(layer)] = 0;
  PrepareAttention();
  base::Status status = attention_.Layout(static_cast<std::size_t>(spec_->q_dim()), n);
  if (status.ok()) status = feed_forward_.Layout(static_cast<std::size_t>(spec_->feed_forward_length), n);
  if (small_) {
    for (ThreadState& state : threads_) {
      if (status.ok()) status = state.input.Layout(Embd(), n);
      if (status.ok() && logits_rows_ > 0) status = state.output_input.Layout(Embd(), logits_rows_);
    }
  } else {
    if (status.ok()) status = input_.Layout(Embd(), n);
    if (status.ok() && logits_rows_ > 0) status = output_input_.Layout(Embd(), logits_rows_);
  }
  return status;
}

base::Status ForwardPass::Run(const StepPlan& plan) {
  if (base::Status status = Prepare(plan); !status.ok()) return status;
  team_->RunElastic([this](int index) { Worker(index); });
  CompactLogits();
  return base::OkStatus();
}

base::Share ForwardPass::TokensOf(int index) const {
  const std::size_t n = plan_->tokens.size();
  return small_ ? base::Share{0, n} : team_->ShareFor(index, n);
}

void ForwardPass::Worker(int index) {
  ThreadState& state = threads_[static_cast<std::size_t>(index)];
  float* x = small_ ? state.x.data() : x_.data();
  ActivationBuffer& input = small_ ? state.input : input_;
  const auto share_tokens = [&] {
    if (!small_) team_->Barrier();
  };
  Embed(index, x);
  PrepareAngles(index);
  const auto q_dim = static_cast<std::size_t>(spec_->q_dim());
  const auto kv_dim = static_cast<std::size_t>(spec_->kv_dim());
  for (int i = 0; i < spec_->num_layers; ++i) {
    const LayerWeights& layer = weights_->layers[static_cast<std::size_t>(i)];
    if (i > 0) AddContribution(index, x, weights_->layers[static_cast<std::size_t>(i) - 1].post_ffn_norm);
    NormAndQuantize(index, x, layer.attention_norm, input,
                    layer.q.is_float() || layer.k.is_float() || layer.v.is_float());
    share_tokens();
    Multiply(
        index,
        std::array{Product{&layer.q, qkv_.data(), QkvStride()}, Product{&layer.k, qkv_.data() + q_dim, QkvStride()},
                   Product{&layer.v, qkv_.data() + q_dim + kv_dim, QkvStride()}},
        input);
    team_->Barrier();
    RopeAndStore(index, i);
    team_->Barrier();
    Attend(index, i);
    team_->Barrier();
    Multiply(index, std::array{Product{&layer.attention_output, o_.data(), Embd()}}, attention_);
    team_->Barrier();
    AddContribution(index, x, layer.post_attention_norm);
    NormAndQuantize(index, x, layer.ffn_norm, input, layer.gate.is_float() || layer.up.is_float());
    share_tokens();
    GateUp(index, layer, input);
    team_->Barrier();
    Multiply(index, std::array{Product{&layer.down, o_.data(), Embd()}}, feed_forward_);
    team_->Barrier();
  }
  AddContribution(index, x, weights_->layers.back().post_ffn_norm);
  share_tokens();
  Output(index, x);
}

void ForwardPass::Embed(int index, float* x) const {
  const Tensor& table = *weights_->token_embedding;
  const std::size_t row_bytes = table.data.size() / Vocab();
  const base::Share tokens = TokensOf(index);
  for (std::size_t t = tokens.begin; t < tokens.end; ++t) {
    float* row = x + t * Embd();
    const auto id = static_cast<std::size_t>(plan_->tokens[t].id);
    kernels::DequantizeRow(table.type, table.data.data() + id * row_bytes, Embd(), row);
    if (spec_->embedding_scale == 1.0F) continue;
    for (std::size_t i = 0; i < Embd(); ++i) row[i] *= spec_->embedding_scale;
  }
}

void ForwardPass::PrepareAngles(int index) {
  const std::size_t pairs = rope_.num_pairs();
  const base::Share tokens = team_->ShareFor(index, plan_->tokens.size());
  for (std::size_t t = tokens.begin; t < tokens.end; ++t) {
    float* angles = angles_.data() + t * 4 * pairs;
    rope_.Angles(plan_->tokens[t].position, angles, angles + pairs);
    if (spec_->sliding_window > 0) {
      local_rope_.Angles(plan_->tokens[t].position, angles + 2 * pairs, angles + 3 * pairs);
    }
  }
}

void ForwardPass::AddContribution(int index, float* x, const std::vector<float>& post_norm) {
  const base::Share tokens = TokensOf(index);
  float* row = threads_[static_cast<std::size_t>(index)].row.data();
  for (std::size_t t = tokens.begin; t < tokens.end; ++t) {
    const float* contribution = o_.data() + t * Embd();
    if (!post_norm.empty()) {
      kernels_->rms_norm(contribution, post_norm.data(), Embd(), spec_->norm_epsilon, row);
      contribution = row;
    }
    kernels_->add(contribution, Embd(), x + t * Embd());
  }
}

void ForwardPass::NormAndQuantize(int index, const float* x, const std::vector<float>& norm, ActivationBuffer& out,
                                  bool with_values) {
  const base::Share tokens = TokensOf(index);
  float* row = threads_[static_cast<std::size_t>(index)].row.data();
  for (std::size_t t = tokens.begin; t < tokens.end; ++t) {
    kernels_->rms_norm(x + t * Embd(), norm.data(), Embd(), spec_->norm_epsilon, row);
    const ActivationBuffer::Place place = out.Find(t);
    kernels_->quantize(row, Embd(), place.column, with_values, out.tiles()[place.tile]);
  }
}

// Each thread gets a contiguous part of all the products' bytes, so that it reads memory in order.
void ForwardPass::Multiply(int index, std::span<const Product> products, const ActivationBuffer& input) const {
  std::size_t total = 0;
  for (const Product& product : products) total += product.matrix->total_bytes();
  const base::Share bytes = team_->ShareFor(index, total);
  std::size_t offset = 0;
  for (const Product& product : products) {
    const kernels::PackedMatrix& matrix = *product.matrix;
    const std::size_t panel_bytes = matrix.panel_bytes();
    const auto panel_at = [&](std::size_t at) {
      const std::size_t inside = at > offset ? at - offset : 0;
      return std::min((inside + panel_bytes - 1) / panel_bytes, matrix.num_panels());
    };
    const std::size_t first = panel_at(bytes.begin);
    kernels_->matmul(matrix, first, std::max(panel_at(bytes.end), first), input.tiles().data(), input.tiles().size(),
                     product.out + first * kernels::kPanelRows, product.stride);
    offset += matrix.total_bytes();
  }
}

void ForwardPass::RopeAndStore(int index, int layer) {
  const auto kv_heads = static_cast<std::size_t>(spec_->num_kv_heads);
  const base::Share units = team_->ShareFor(index, plan_->tokens.size() * kv_heads);
  for (std::size_t u = units.begin; u < units.end; ++u) {
    RopeUnit(u / kv_heads, layer, static_cast<int>(u % kv_heads), threads_[static_cast<std::size_t>(index)].row);
  }
}

// One token's queries, key and value of one KV head.
void ForwardPass::RopeUnit(std::size_t token, int layer, int kv_head, std::vector<float>& row) {
  const LayerWeights& weights = weights_->layers[static_cast<std::size_t>(layer)];
  const auto head_dim = static_cast<std::size_t>(spec_->head_dim);
  const auto group = static_cast<std::size_t>(spec_->num_heads / spec_->num_kv_heads);
  const auto kv = static_cast<std::size_t>(kv_head);
  const StepToken& info = plan_->tokens[token];
  const std::size_t pairs = rope_.num_pairs();
  const bool local = spec_->WindowOf(layer) > 0;
  const Rope& rope = local ? local_rope_ : rope_;
  const float* cos = angles_.data() + token * 4 * pairs + (local ? 2 * pairs : 0);
  const float* sin = cos + pairs;
  float* q = qkv_.data() + token * QkvStride() + kv * group * head_dim;
  float* k = qkv_.data() + token * QkvStride() + static_cast<std::size_t>(spec_->q_dim()) + kv * head_dim;
  float* v = k + static_cast<std::size_t>(spec_->kv_dim());
  if (!weights.q_bias.empty()) kernels_->add(weights.q_bias.data() + kv * group * head_dim, group * head_dim, q);
  if (!weights.k_bias.empty()) kernels_->add(weights.k_bias.data() + kv * head_dim, head_dim, k);
  if (!weights.v_bias.empty()) kernels_->add(weights.v_bias.data() + kv * head_dim, head_dim, v);
  for (std::size_t h = 0; h < group; ++h) {
    float* head = row.data();
    std::copy(q + h * head_dim, q + (h + 1) * head_dim, head);
    if (spec_->qk_norm) kernels_->rms_norm(head, weights.q_norm.data(), head_dim, spec_->norm_epsilon, head);
    rope.Rotate(head, cos, sin);
    // Attention reads it from there, packed for the format of the keys.
    AttentionKernels().pack_query(head, head_dim, spec_->attention_scale * kLog2E,
                                  reinterpret_cast<std::byte*>(q + h * head_dim));
  }
  float* key = row.data();
  std::copy(k, k + head_dim, key);
  if (spec_->qk_norm) kernels_->rms_norm(key, weights.k_norm.data(), head_dim, spec_->norm_epsilon, key);
  rope.Rotate(key, cos, sin);
  const SequenceStep& sequence = plan_->sequences[static_cast<std::size_t>(info.sequence)];
  const std::int32_t block = sequence.block_table[static_cast<std::size_t>(info.position / kBlockTokens)];
  const auto slot = static_cast<std::size_t>(info.position % kBlockTokens);
  AttentionKernels().store_key(key, head_dim, slot, kv_->K(layer, block, kv_head));
  AttentionKernels().store_value(v, head_dim, slot, kv_->V(layer, block, kv_head));
}

void ForwardPass::GateUp(int index, const LayerWeights& layer, const ActivationBuffer& input) {
  const std::size_t units = static_cast<std::size_t>(spec_->feed_forward_length) / 32;
  const base::Share share = team_->ShareFor(index, units);
  for (std::size_t unit = share.begin; unit < share.end; ++unit) {
    GateUpUnit(layer, input, unit, threads_[static_cast<std::size_t>(index)].gate_up);
  }
}

// 32 rows of gate and up for all tokens, and from them one k-block of the down product's input.
void ForwardPass::GateUpUnit(const LayerWeights& layer, const ActivationBuffer& input, std::size_t unit,
                             std::vector<float>& scratch) {
  constexpr std::size_t kRows = kernels::kBlockColumns;
  const std::vector<kernels::ActivationTile>& tiles = input.tiles();
  const std::size_t tokens = plan_->tokens.size();
  float* gate = scratch.data();
  float* up = gate + tokens * kRows;
  kernels_->matmul(layer.gate, unit * 2, unit * 2 + 2, tiles.data(), tiles.size(), gate, kRows);
  kernels_->matmul(layer.up, unit * 2, unit * 2 + 2, tiles.data(), tiles.size(), up, kRows);
  const auto activate = spec_->activation == Activation::kSilu ? kernels_->silu_mul : kernels_->gelu_mul;
  activate(gate, up, tokens * kRows, gate);
  for (std::size_t t = 0; t < tokens; ++t) {
    const ActivationBuffer::Place place = feed_forward_.Find(t);
    kernels_->quantize(gate + t * kRows, kRows, place.column, layer.down.is_float(),
                       FromBlock(feed_forward_.tiles()[place.tile], unit));
  }
}

void ForwardPass::Output(int index, float* x) {
  if (index == 0) SumHidden(x);
  if (logits_rows_ == 0) return;
  ThreadState& state = threads_[static_cast<std::size_t>(index)];
  ActivationBuffer& input = small_ ? state.output_input : output_input_;
  const base::Share rows = small_ ? base::Share{0, logits_rows_} : team_->ShareFor(index, logits_rows_);
  for (std::size_t r = rows.begin; r < rows.end; ++r) {
    const float* token = x + static_cast<std::size_t>(plan_->logits_tokens[r]) * Embd();
    kernels_->rms_norm(token, weights_->output_norm.data(), Embd(), spec_->norm_epsilon, state.row.data());
    const ActivationBuffer::Place place = input.Find(r);
    kernels_->quantize(state.row.data(), Embd(), place.column, weights_->output.is_float(), input.tiles()[place.tile]);
  }
  if (!small_) team_->Barrier();
  Multiply(index, std::array{Product{&weights_->output, logits_.data(), logits_stride_}}, input);
}

void ForwardPass::SumHidden(const float* x) {
  std::vector<float>& row = threads_[0].row;
  std::size_t token = 0;
  for (const SequenceStep& sequence : plan_->sequences) {
    const bool wanted = sequence.output == StepOutput::kHiddenSum;
    const std::size_t begin = hidden_.size();
    if (wanted) hidden_.resize(begin + Embd(), 0.0F);
    for (std::size_t i = 0; i < sequence.tokens.size(); ++i, ++token) {
      if (!wanted) continue;
      kernels_->rms_norm(x + token * Embd(), weights_->output_norm.data(), Embd(), spec_->norm_epsilon, row.data());
      kernels_->add(row.data(), Embd(), hidden_.data() + begin);
    }
  }
}

void ForwardPass::CompactLogits() {
  for (std::size_t r = 1; logits_stride_ != Vocab() && r < logits_rows_; ++r) {
    const auto from = logits_.begin() + static_cast<std::ptrdiff_t>(r * logits_stride_);
    std::copy(from, from + static_cast<std::ptrdiff_t>(Vocab()),
              logits_.begin() + static_cast<std::ptrdiff_t>(r * Vocab()));
  }
  const float cap = spec_->final_logit_softcap;
  if (cap <= 0.0F) return;
  for (std::size_t i = 0; i < logits_rows_ * Vocab(); ++i) logits_[i] = cap * std::tanh(logits_[i] / cap);
}

}  // namespace bowhead::model
