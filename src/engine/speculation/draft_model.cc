#include "engine/speculation/draft_model.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "engine/logit_scan.h"

namespace bowhead::engine {
namespace {

/// Guesses that are together less certain than this are not worth a step of the draft model.
constexpr double kGiveUp = 0.15;
/// Files of one family pad their vocabularies differently.
constexpr std::size_t kMostPadding = 256;

}  // namespace

DraftModel::DraftModel(std::unique_ptr<model::Transformer> transformer, int target_vocab)
    : transformer_(std::move(transformer)), target_vocab_(target_vocab), pool_(transformer_->num_kv_blocks()) {}

std::size_t DraftModel::CommonTokens(const State& state, const DraftJob& job) {
  const auto [end, other] = std::ranges::mismatch(state.computed, job.tokens);
  return static_cast<std::size_t>(end - state.computed.begin());
}

int DraftModel::Backlog(const DraftJob& job) const {
  const auto found = states_.find(job.id);
  const std::size_t common = found == states_.end() ? 0 : CommonTokens(found->second, job);
  return static_cast<int>(job.tokens.size() - common);
}

bool DraftModel::Cover(State* state, int tokens) {
  while (!state->blocks.Cover(tokens)) {
    // The one that was not asked for the longest time, if it is not asked for now.
    const auto oldest = std::ranges::min_element(
        states_, {}, [](const auto& item) { return item.second.blocks.size() == 0 ? ~0ULL : item.second.last_round; });
    if (oldest == states_.end() || oldest->second.last_round == round_ || oldest->second.blocks.size() == 0) {
      return false;
    }
    oldest->second.computed.clear();
    oldest->second.blocks.Clear();
  }
  return true;
}

bool DraftModel::Prepare(const DraftJob& job, State* state) {
  state->last_round = round_;
  // The last token is always computed: guesses begin with its logits.
  state->computed.resize(std::min(CommonTokens(*state, job), job.tokens.size() - 1));
  const auto vocab = static_cast<TokenId>(transformer_->spec().vocab_size);
  if (std::ranges::any_of(job.tokens.subspan(state->computed.size()), [&](TokenId id) { return id >= vocab; })) {
    return false;
  }
  const int length = static_cast<int>(job.tokens.size()) + job.most;
  return length <= transformer_->spec().context_length && Cover(state, length);
}

base::Status DraftModel::Propose(std::span<DraftJob> jobs) {
  ++round_;
  std::vector<Active> active;
  for (DraftJob& job : jobs) {
    job.draft.clear();
    if (job.most <= 0 || job.tokens.empty()) continue;
    State& state = states_.try_emplace(job.id, &pool_).first->second;
    if (Prepare(job, &state)) active.push_back(Active{&job, &state, {}, 1});
  }
  CatchUp(&active);
  base::Status status;
  while (status.ok() && !active.empty()) status = Step(&active);
  if (!status.ok()) {
    for (DraftJob& job : jobs) {
      job.draft.clear();
      states_.erase(job.id);
    }
  }
  return status;
}

void DraftModel::CatchUp(std::vector<Active>* active) const {
  int budget = std::min(kCatchUp, transformer_->max_batch_tokens());
  std::ranges::stable_sort(*active, {},
                           [](const Active& item) { return item.job->tokens.size() - item.state->computed.size(); });
  std::vector<Active> ready;
  for (Active& item : *active) {
    const auto missing = item.job->tokens.subspan(item.state->computed.size());
    const auto count = std::min(missing.size(), static_cast<std::size_t>(budget));
    if (count == 0) break;
    budget -= static_cast<int>(count);
    item.next.assign(missing.begin(), missing.begin() + static_cast<std::ptrdiff_t>(count));
    ready.push_back(std::move(item));
  }
  *active = std::move(ready);
}

base::Status DraftModel::Step(std::vector<Active>* active) {
  std::vector<model::SequenceStep> batch;
  for (const Active& item : *active) {
    model::SequenceStep step;
    step.tokens = item.next;
    step.position = static_cast<std::int32_t>(item.state->computed.size());
    step.block_table = item.state->blocks.blocks();
    const bool complete = item.state->computed.size() + item.next.size() >= item.job->tokens.size();
    step.output = complete ? model::StepOutput::kLastLogits : model::StepOutput::kNothing;
    batch.push_back(step);
  }
  const auto result = transformer_->Forward(batch);
  if (!result.ok()) return result.status().WithContext("computing a step of the draft model");
  const auto vocab = static_cast<std::size_t>(transformer_->spec().vocab_size);
  std::size_t row = 0;
  std::vector<Active> left;
  for (std::size_t i = 0; i < active->size(); ++i) {
    Active& item = (*active)[i];
    item.state->computed.insert(item.state->computed.end(), item.next.begin(), item.next.end());
    if (batch[i].output == model::StepOutput::kNothing) continue;
    if (Guess(&item, result->logits.subspan(vocab * row++, vocab))) left.push_back(std::move(item));
  }
  *active = std::move(left);
  return base::OkStatus();
}

bool DraftModel::Guess(Active* active, std::span<const float> logits) {
  DraftJob& job = *active->job;
  const auto target_vocab = static_cast<std::size_t>(target_vocab_);
  logits = logits.first(std::min(logits.size(), target_vocab));
  const MaxScan scan = ScanMax(logits);
  if (!scan.finite) return false;
  const double probability = 1 / SumExp(logits, scan.max, 1.0F, &scratch_.block_sums);
  TokenId token = scan.index;
  // A bias may name any token of the served model.
  if (job.sampler != nullptr && logits.size() == target_vocab) {
    const auto drawn = job.sampler->Sample(logits, job.tokens.size() + job.draft.size(), &scratch_);
    if (!drawn.ok()) return false;
    token = drawn->token;
  }
  const int tenth = std::clamp(static_cast<int>(probability * kConfidenceClasses), 0, kConfidenceClasses - 1);
  job.draft.push_back(DraftToken{token, static_cast<std::uint8_t>(tenth)});
  active->next = {token};
  active->certainty *= probability;
  return static_cast<int>(job.draft.size()) < job.most && active->certainty >= kGiveUp;
}

base::Status CheckSameVocabulary(const model::ModelFile& target, const model::ModelFile& draft) {
  const auto* ours = target.metadata().GetStrings("tokenizer.ggml.tokens");
  const auto* theirs = draft.metadata().GetStrings("tokenizer.ggml.tokens");
  if (ours == nullptr || theirs == nullptr) {
    return base::InvalidArgument("the draft model cannot be used: a file without a vocabulary cannot be compared");
  }
  const std::size_t common = std::min(ours->size(), theirs->size());
  for (std::size_t i = 0; i < common; ++i) {
    if ((*ours)[i] == (*theirs)[i]) continue;
    return base::InvalidArgument("the draft model (--draft-model) has another vocabulary than the served one: token " +
                                 std::to_string(i) + " differs; use a smaller model of the same family");
  }
  if (std::max(ours->size(), theirs->size()) - common > kMostPadding) {
    return base::InvalidArgument("the draft model (--draft-model) has " + std::to_string(theirs->size()) +
                                 " tokens and the served one " + std::to_string(ours->size()) +
                                 "; use a smaller model of the same family");
  }
  return base::OkStatus();
}

}  // namespace bowhead::engine
