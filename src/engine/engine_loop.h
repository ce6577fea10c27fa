// The engine's loop: take messages, plan a step, compute it, sample, tell the listeners.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "engine/active_request.h"
#include "engine/admission.h"
#include "engine/block_pool.h"
#include "engine/engine.h"
#include "engine/engine_metrics.h"
#include "engine/inbox.h"
#include "engine/prefix_cache.h"
#include "engine/sampler_team.h"
#include "engine/scheduler.h"
#include "engine/speculation/speculator.h"
#include "engine/step_cost.h"

namespace bowhead::engine {

/// What the loop shows to other threads.
struct EngineCounters {
  std::atomic<int> running = 0;
  std::atomic<int> preempted_waiting = 0;
  std::atomic<std::int64_t> kv_blocks_used = 0;
  std::atomic<std::uint64_t> preemptions = 0;
  std::atomic<std::uint64_t> guessed_tokens = 0;
  std::atomic<std::uint64_t> accepted_tokens = 0;
};

/// Pieces of an embedding's prompt have this size, so that the sum rounds the same in every batch.
inline constexpr int kEmbedPiece = 64;

class EngineLoop {
 public:
  /// All pointers outlive the loop; `pool` is used by its thread only. `store` and `draft_model` may be null.
  EngineLoop(const EngineOptions& options, model::Transformer* transformer, const model::Tokenizer* tokenizer,
             BlockPool* pool, Inbox* inbox, Admission* admission, EngineCounters* counters, PrefixStore* store,
             std::unique_ptr<Drafter> draft_model);

  /// Runs until the inbox is closed, then ends what is left with kCancelled.
  void Run();

 private:
  struct Sampled {
    ActiveRequest* request;
    std::span<const float> logits;       // [rows, vocab_size]; valid until the next step
    std::span<const TokenId> guesses;    // one fewer than rows
    std::vector<GeneratedToken> tokens;  // one, and one more for each right guess before it
    base::Status status;
    bool complete = false;  // nothing may follow the tokens
  };

  void RunUntilClosed();
  void Accept(Inbox::Messages messages);
  /// Whether there is nothing to compute before a message comes.
  [[nodiscard]] bool Waits() const;
  void Step();
  [[nodiscard]] StepBudget Budget() const;
  /// Tells the door what tokens cost now.
  void TellCosts();
  void EndLateRequests();
  void NoteStarts(const StepPlan& plan);
  /// Chooses guesses for the decoding sequences of the plan and covers their blocks. Returns what the step is without
  /// them; `*guesses` gets their number.
  StepShape Speculate(const StepPlan& plan, int* guesses);
  void BuildBatch(const StepPlan& plan);
  /// Uses the rows of the result; `*sampled` gets the sequences to sample for, `*embedded` the embeddings that are
  /// complete.
  void UseRows(const StepPlan& plan, const model::ForwardResult& result, std::vector<Sampled>* sampled,
               std::vector<ActiveRequest*>* embedded);
  void AddHidden(ActiveRequest* request, const Piece& piece, std::span<const float> row,
                 std::vector<ActiveRequest*>* embedded);
  void SampleAll(std::vector<Sampled>* sampled);
  void Sample(Sampled* item, SamplerScratch* scratch) const;
  /// What may come next, in `request->mask`: its address, or null if that is anything.
  base::Result<const grammar::TokenMask*> MaskOf(ActiveRequest* request, std::size_t vocab_size) const;
  /// Tells the speculator how the sequences went on.
  void Learn(const std::vector<Sampled>& sampled);
  void Deliver(Sampled* sampled);
  /// False if the request ended with this token.
  bool DeliverToken(ActiveRequest* request, const GeneratedToken& token);
  void DeliverEmbedding(ActiveRequest* request);
  [[nodiscard]] bool Stops(const ActiveRequest& request, TokenId token) const;
  /// Takes the request out, then tells its listener.
  void Finish(ActiveRequest* request, FinishReason reason, base::Status status);
  std::unique_ptr<ActiveRequest> TakeOut(ActiveRequest* request);
  void FinishAll(FinishReason reason, const base::Status& status);
  void PublishCounters();
  [[nodiscard]] ActiveRequest* Of(const Piece& piece) { return requests_.at(piece.sequence->id).get(); }
  [[nodiscard]] model::StepOutput OutputOf(const Piece& piece);

  const EngineOptions options_;
  model::Transformer* const transformer_;
  const model::Tokenizer* const tokenizer_;
  BlockPool* const pool_;
  Inbox* const inbox_;
  Admission* const admission_;
  EngineCounters* const counters_;
  EngineMetrics metrics_;
  std::unique_ptr<PrefixCache> cache_;  // null: off
  std::unique_ptr<PrefixSpill> spill_;  // the same
  Scheduler scheduler_;
  StepCost cost_;
  Speculator speculator_;
  Speculator::Totals published_[kDraftKinds];  // of the speculator's totals, so much is in the metrics
  int last_guesses_ = 0;                       // of the step before; their share of the budget
  double answer_token_ms_ = 0;                 // means over recent steps and requests
  double computed_share_ = 1;
  std::unordered_map<RequestId, std::unique_ptr<ActiveRequest>> requests_;
  std::vector<model::SequenceStep> batch_;
  SamplerTeam team_;
};

}  // namespace bowhead::engine
