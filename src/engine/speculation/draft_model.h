// Drafts with a second, smaller model of the same vocabulary.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "engine/block_pool.h"
#include "engine/sampler.h"
#include "engine/speculation/drafter.h"
#include "model/arch/transformer.h"
#include "model/format/model_file.h"

namespace bowhead::engine {

/// Guesses for many sequences at once, a token of each per step. It keeps the KV entries of what it has seen, with a
/// pool of blocks of its own, and finds out by comparing tokens which of them are still right: after a rejected guess,
/// a preemption or a long silence it computes what is missing. If its blocks run out, the sequences that were not asked
/// for the longest time lose theirs. Guesses are drawn with the sequence's own sampler, so with the random numbers that
/// the served model's tokens will be drawn with: the closer the two distributions are, the more often both draw the
/// same. A guess's class is the probability of the likeliest token, in tenths.
class DraftModel : public Drafter {
 public:
  /// Tokens from `target_vocab` on are never guessed.
  DraftModel(std::unique_ptr<model::Transformer> transformer, int target_vocab);

  /// Computes at most kCatchUp missing tokens; sequences that miss more than what is left of these get no guesses yet.
  base::Status Propose(std::span<DraftJob> jobs) override;
  void Forget(RequestId id) override { states_.erase(id); }
  [[nodiscard]] int Backlog(const DraftJob& job) const override;

  static constexpr int kCatchUp = 256;

 private:
  struct State {
    explicit State(BlockPool* pool) : blocks(pool) {}
    std::vector<TokenId> computed;  // their KV entries are there
    BlockTable blocks;
    std::uint64_t last_round = 0;
  };
  struct Active {
    DraftJob* job;
    State* state;
    std::vector<TokenId> next;  // to compute in the next step
    double certainty = 1;       // of the guesses so far, together
  };

  [[nodiscard]] static std::size_t CommonTokens(const State& state, const DraftJob& job);
  /// Brings the sequence's state into line with its tokens and covers its blocks; false if it cannot be guessed for.
  bool Prepare(const DraftJob& job, State* state);
  bool Cover(State* state, int tokens);
  /// Gives everyone the tokens that it misses, as far as kCatchUp goes; drops the others.
  void CatchUp(std::vector<Active>* active) const;
  base::Status Step(std::vector<Active>* active);
  /// Takes the next guess from a row of logits; false if this was the last one.
  bool Guess(Active* active, std::span<const float> logits);

  const std::unique_ptr<model::Transformer> transformer_;
  const int target_vocab_;
  BlockPool pool_;
  std::unordered_map<RequestId, State> states_;
  std::uint64_t round_ = 0;
  SamplerScratch scratch_;
};

/// Whether a draft's tokens mean the same as the served model's. Errors: kInvalidArgument, which says what differs.
base::Status CheckSameVocabulary(const model::ModelFile& target, const model::ModelFile& draft);

}  // namespace bowhead::engine
