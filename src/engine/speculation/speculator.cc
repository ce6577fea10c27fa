#include "engine/speculation/speculator.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <utility>

#include "engine/speculation/draft_model.h"

namespace bowhead::engine {
namespace {

/// Rates to start from, by class.
constexpr std::array<std::array<double, kConfidenceClasses>, kDraftKinds> kPriors = {{
    {0.10, 0.25, 0.40, 0.50, 0.60, 0.70, 0.80, 0.85, 0.90, 0.95},
    {0.10, 0.18, 0.26, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95},
    {0.40, 0.60, 0.90, 0.90, 0.90, 0.90, 0.90, 0.90, 0.90, 0.90},
}};
/// Expected tokens per second have to rise by this factor before guesses are checked at all.
constexpr double kWorthwhile = 1.08;
/// A gain below this is not believed if steps without guesses were not measured for so many steps.
constexpr double kClearGain = 1.5;
constexpr int kStale = 48;
/// Of the draft model's guesses, before any was checked.
constexpr double kModelPrior = 0.7;
/// Part of the time that may go into trying the draft model where it does not seem to pay, and guesses of such a try.
constexpr double kProbeShare = 0.01;
constexpr int kProbeLength = 2;
constexpr double kFollow = 0.1;

struct ScoredGuess {
  std::size_t job;
  double probability;  // that it and all before it in its draft are right
};

}  // namespace

Speculator::Speculator(const SpeculationOptions& options, std::unique_ptr<Drafter> model,
                       std::unique_ptr<Drafter> forced)
    : options_(options),
      lookup_(options.lookup ? std::make_unique<PromptLookup>() : nullptr),
      model_(std::move(model)),
      forced_(std::move(forced)) {
  options_.most_draft = std::clamp(options_.most_draft, 0, kMostDraftTokens);
}

double Speculator::Rate(const SequenceState& state, DraftKind kind, int confidence) const {
  const auto k = static_cast<std::size_t>(kind);
  const double prior = global_[k].Rate(confidence, kPriors[k][static_cast<std::size_t>(confidence)]);
  return state.rates[k].Rate(confidence, prior);
}

double Speculator::Ms(const StepShape& shape, int guesses) const {
  if (shape.has_prompt) return mixed_ms_per_token_ * (shape.tokens + guesses);
  return times_.Ms(shape.sequences, shape.tokens + guesses);
}

double Speculator::ModelRate(const SequenceState& state) const {
  return state.model_rate.Rate(0, global_model_rate_.Rate(0, kModelPrior));
}

double Speculator::ExpectedRight(const DraftJob& job) const {
  const SequenceState& state = sequences_.at(job.id);
  double probability = 1;
  double expected = 0;
  for (const DraftToken& guess : job.draft) {
    probability *= Rate(state, state.kind, guess.confidence);
    expected += probability;
  }
  return expected;
}

void Speculator::Choose(std::span<DraftJob> jobs, const StepShape& shape) {
  for (DraftJob& job : jobs) {
    job.draft.clear();
    job.most = std::min(job.most, options_.most_draft);
    sequences_[job.id].checked = 0;
  }
  if (lookup_ != nullptr) ProposeByLookup(jobs);
  if (forced_ != nullptr) ProposeForced(jobs);
  if (model_ != nullptr) ProposeByModel(jobs, PlanModel(jobs, shape));
  for (const DraftJob& job : jobs) sequences_[job.id].proposed = job.draft;
  Select(jobs, shape);
}

void Speculator::ProposeByLookup(std::span<DraftJob> jobs) {
  // One more than can be checked: it is compared with what comes anyway.
  for (DraftJob& job : jobs) ++job.most;
  (void)lookup_->Propose(jobs);  // it has no errors
  for (DraftJob& job : jobs) {
    --job.most;
    sequences_[job.id].kind = DraftKind::kLookup;
  }
}

void Speculator::ProposeForced(std::span<DraftJob> jobs) {
  std::vector<DraftJob> asked(jobs.begin(), jobs.end());
  (void)forced_->Propose(asked);  // it has no errors
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    if (asked[j].draft.empty()) continue;
    jobs[j].draft = std::move(asked[j].draft);
    sequences_[jobs[j].id].kind = DraftKind::kForced;
  }
}

Speculator::ModelPlan Speculator::PlanModel(std::span<const DraftJob> jobs, const StepShape& shape) {
  ModelPlan plan;
  const double base_ms = Ms(shape, 0);
  if (base_ms <= 0) return plan;
  double backlog_ms = 0;
  std::vector<double> rates;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    SequenceState& state = sequences_[jobs[j].id];
    const double rate = ModelRate(state);
    if (jobs[j].most < 1 || ExpectedRight(jobs[j]) >= rate / (1 - std::min(rate, 0.9))) continue;
    // An answer may be short: no more is spent on its prompt than was spent on the answer so far.
    const double backlog = std::max(model_->Backlog(jobs[j]) - kMostDraftTokens, 0) * backlog_ms_per_token_;
    if (backlog > state.decoding_ms) continue;
    backlog_ms += backlog;
    plan.jobs.push_back(j);
    rates.push_back(rate);
  }
  const auto asked = static_cast<int>(plan.jobs.size());
  if (asked == 0) return plan;
  double best = shape.sequences / base_ms * kWorthwhile;
  double expected = shape.sequences;
  std::vector<double> probabilities(rates.size(), 1.0);
  for (int length = 1; length <= options_.most_draft && asked * length <= shape.room; ++length) {
    for (std::size_t i = 0; i < rates.size(); ++i) expected += probabilities[i] *= rates[i];
    const double gain = expected / (Ms(shape, asked * length) + length * draft_step_ms_);
    if (gain <= best) continue;
    best = gain;
    plan.length = length;
  }
  if (plan.length > 0) return plan;
  probe_credit_ms_ += kProbeShare * base_ms;
  const double probe_ms = Ms(shape, asked * kProbeLength) - base_ms + kProbeLength * draft_step_ms_ + backlog_ms;
  if (probe_credit_ms_ < probe_ms || asked * kProbeLength > shape.room) return plan;
  probe_credit_ms_ = 0;
  plan.length = kProbeLength;
  return plan;
}

void Speculator::ProposeByModel(std::span<DraftJob> jobs, const ModelPlan& plan) {
  if (plan.length == 0) return;
  std::vector<DraftJob> asked;
  int backlog = 0;
  for (const std::size_t j : plan.jobs) {
    asked.push_back(jobs[j]);
    asked.back().most = std::min(jobs[j].most, plan.length);
    backlog += std::max(model_->Backlog(jobs[j]) - kMostDraftTokens, 0);
  }
  const auto begin = std::chrono::steady_clock::now();
  if (!model_->Propose(asked).ok()) return;
  const double ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  std::size_t steps = 0;
  for (std::size_t i = 0; i < asked.size(); ++i) {
    steps = std::max(steps, asked[i].draft.size());
    if (asked[i].draft.empty()) continue;
    jobs[plan.jobs[i]].draft = std::move(asked[i].draft);
    sequences_[asked[i].id].kind = DraftKind::kModel;
  }
  const auto follow = [](double value, double* mean) { *mean += (*mean > 0 ? kFollow : 1.0) * (value - *mean); };
  if (backlog > 0) {
    const double own = ms - static_cast<double>(steps) * draft_step_ms_;
    follow(std::max(own, 0.0) / std::min(backlog, DraftModel::kCatchUp), &backlog_ms_per_token_);
  } else if (steps > 0) {
    follow(ms / static_cast<double>(steps), &draft_step_ms_);
  }
}

void Speculator::Select(std::span<DraftJob> jobs, const StepShape& shape) {
  std::vector<ScoredGuess> candidates;
  for (std::size_t j = 0; j < jobs.size(); ++j) {
    const SequenceState& state = sequences_[jobs[j].id];
    double probability = 1;
    const std::size_t most = std::min(jobs[j].draft.size(), static_cast<std::size_t>(std::max(jobs[j].most, 0)));
    for (std::size_t i = 0; i < most; ++i) {
      probability *= Rate(state, state.kind, jobs[j].draft[i].confidence);
      candidates.push_back(ScoredGuess{j, probability});
    }
    jobs[j].draft.clear();
  }
  // Probabilities fall along a draft, so a stable order takes the beginnings of drafts.
  std::ranges::stable_sort(candidates, std::greater(), &ScoredGuess::probability);
  const double base_ms = Ms(shape, 0);
  if (base_ms <= 0) return;  // nothing to compare with yet
  double expected = shape.sequences;
  double best = expected / base_ms * kWorthwhile;
  std::size_t count = 0;
  const std::size_t most = std::min(candidates.size(), static_cast<std::size_t>(std::max(shape.room, 0)));
  for (std::size_t n = 1; n <= most; ++n) {
    if (!shape.has_prompt && shape.tokens + static_cast<int>(n) > StepTimes::kMostTokens) break;
    expected += candidates[n - 1].probability;
    const double rate = expected / Ms(shape, static_cast<int>(n));
    if (rate <= best) continue;
    best = rate;
    count = n;
  }
  const bool clear = best * base_ms > kClearGain * shape.sequences;
  if (!clear && !shape.has_prompt && times_.Age(shape.sequences, shape.tokens) > kStale) return;
  for (std::size_t n = 0; n < count; ++n) {
    DraftJob& job = jobs[candidates[n].job];
    SequenceState& state = sequences_[job.id];
    job.draft.push_back(state.proposed[state.checked++]);
  }
}

void Speculator::Learn(RequestId id, std::span<const TokenId> tokens) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end()) return;
  SequenceState& state = found->second;
  const auto kind = static_cast<std::size_t>(state.kind);
  std::size_t right = 0;
  while (right < std::min(state.proposed.size(), tokens.size())) {
    const DraftToken& guess = state.proposed[right];
    const bool accepted = guess.token == tokens[right];
    state.rates[kind].Add(guess.confidence, accepted);
    global_[kind].Add(guess.confidence, accepted);
    if (state.kind == DraftKind::kModel) {
      state.model_rate.Add(0, accepted);
      global_model_rate_.Add(0, accepted);
    }
    if (!accepted) break;
    ++right;
  }
  totals_[kind].drafted += state.checked;
  totals_[kind].accepted += std::min(right, state.checked);
  state.proposed.clear();
  state.checked = 0;
}

void Speculator::StepDone(const StepShape& shape, int guesses, double ms) {
  if (shape.sequences == 0) return;
  for (auto& [id, state] : sequences_) state.decoding_ms += ms;
  if (!shape.has_prompt) {
    times_.Add(shape.sequences, shape.tokens + guesses, ms);
    return;
  }
  const double per_token = ms / (shape.tokens + guesses);
  mixed_ms_per_token_ += (mixed_ms_per_token_ > 0 ? kFollow : 1.0) * (per_token - mixed_ms_per_token_);
}

void Speculator::Forget(RequestId id) {
  sequences_.erase(id);
  if (lookup_ != nullptr) lookup_->Forget(id);
  if (model_ != nullptr) model_->Forget(id);
}

}  // namespace bowhead::engine
