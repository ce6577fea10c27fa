// Speculative decoding: which guesses a step should check, decided by what guesses and steps were measured to be worth.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/speculation/acceptance.h"
#include "engine/speculation/drafter.h"
#include "engine/speculation/options.h"
#include "engine/speculation/prompt_lookup.h"
#include "engine/speculation/step_times.h"

namespace bowhead::engine {

enum class DraftKind : std::uint8_t { kLookup, kModel, kForced };
inline constexpr int kDraftKinds = 3;

/// What a step without guesses would be.
struct StepShape {
  int sequences = 0;  // that decode
  int tokens = 0;     // in all, prompt pieces included
  bool has_prompt = false;
  int room = 0;  // for more tokens
};

/// Chooses guesses to be checked, and learns from the checks. The engine samples every position from the model's own
/// logits exactly as without guesses (arXiv 2211.17192 with a draft that is certain of its token, coupled through the
/// sampler's seed); a guess is right if it equals that sample. So speculation changes speed and nothing else.
///
/// Guesses are chosen for the whole batch: the likeliest first, as many as maximise expected tokens per second. The
/// probability of a guess is the measured rate of its class, in its own sequence and, as long as that says little, in
/// all of them. Guesses that are not checked are compared with the tokens that come, so that being off still learns.
/// Not thread-safe.
class Speculator {
 public:
  /// `model` and `forced` (ForcedText) may be null.
  Speculator(const SpeculationOptions& options, std::unique_ptr<Drafter> model,
             std::unique_ptr<Drafter> forced = nullptr);

  [[nodiscard]] bool enabled() const {
    return options_.most_draft > 0 && (lookup_ != nullptr || model_ != nullptr || forced_ != nullptr);
  }

  /// Fills the jobs' drafts with the guesses to be checked, at most `most` each.
  void Choose(std::span<DraftJob> jobs, const StepShape& shape);
  /// What the sequence went on with: the accepted guesses and the token after them.
  void Learn(RequestId id, std::span<const TokenId> tokens);
  /// The time of a step, with its sampling, without its drafting.
  void StepDone(const StepShape& shape, int guesses, double ms);
  void Forget(RequestId id);

  struct Totals {
    std::uint64_t drafted = 0;  // checked in a step
    std::uint64_t accepted = 0;
  };
  [[nodiscard]] const Totals& totals(DraftKind kind) const { return totals_[static_cast<std::size_t>(kind)]; }

 private:
  struct SequenceState {
    Acceptance rates[kDraftKinds] = {Acceptance(kSequenceMemory), Acceptance(kSequenceMemory),
                                     Acceptance(kSequenceMemory)};
    DraftKind kind = DraftKind::kLookup;
    Acceptance model_rate{kSequenceMemory};  // of all the model's guesses, as class 0
    double decoding_ms = 0;                  // of the steps since it began to decode
    std::vector<DraftToken> proposed;        // in the step that runs
    std::size_t checked = 0;                 // so many of them are in the step
  };
  static constexpr double kSequenceMemory = 24;
  static constexpr double kGlobalMemory = 400;

  /// What the model would be asked for, and whether that pays.
  struct ModelPlan {
    std::vector<std::size_t> jobs;  // by index
    int length = 0;                 // guesses of each; 0: it does not pay
  };

  void ProposeByLookup(std::span<DraftJob> jobs);
  /// Where a constraint forces the text, that is what is guessed.
  void ProposeForced(std::span<DraftJob> jobs);
  [[nodiscard]] ModelPlan PlanModel(std::span<const DraftJob> jobs, const StepShape& shape);
  void ProposeByModel(std::span<DraftJob> jobs, const ModelPlan& plan);
  [[nodiscard]] double ModelRate(const SequenceState& state) const;
  /// Guesses of the job's draft that are expected to be right.
  [[nodiscard]] double ExpectedRight(const DraftJob& job) const;
  [[nodiscard]] double Rate(const SequenceState& state, DraftKind kind, int confidence) const;
  [[nodiscard]] double Ms(const StepShape& shape, int guesses) const;
  void Select(std::span<DraftJob> jobs, const StepShape& shape);

  SpeculationOptions options_;
  std::unique_ptr<Drafter> lookup_;
  std::unique_ptr<Drafter> model_;
  std::unique_ptr<Drafter> forced_;
  StepTimes times_;
  double mixed_ms_per_token_ = 0;  // of steps with prompt pieces
  double draft_step_ms_ = 0;       // of a step of the draft model; 0: not known
  double backlog_ms_per_token_ = 0;
  double probe_credit_ms_ = 0;  // saved up to try the model where it is not expected to pay
  Acceptance global_model_rate_{kGlobalMemory};
  Acceptance global_[kDraftKinds] = {Acceptance(kGlobalMemory), Acceptance(kGlobalMemory), Acceptance(kGlobalMemory)};
  std::unordered_map<RequestId, SequenceState> sequences_;
  Totals totals_[kDraftKinds];
};

}  // namespace bowhead::engine
