// Decides what the next step computes. Pure logic: it knows neither models nor clocks nor threads.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/block_pool.h"
#include "engine/prefix_cache.h"
#include "engine/sequence.h"

namespace bowhead::engine {

struct SchedulerOptions {
  int max_running = 64;
};

/// A part of a step: tokens [first, first + count) of one sequence.
struct Piece {
  Sequence* sequence = nullptr;
  int first = 0;
  int count = 0;
  /// The sequence is computed up to its last token: what follows can be sampled.
  bool completes = false;
};

struct StepPlan {
  std::vector<Piece> pieces;         // at most one per sequence; decoding ones first
  std::vector<Sequence*> admitted;   // started by this step, for the first time or again
  std::vector<Sequence*> preempted;  // lost their blocks; they start over later with all their tokens kept
};

/// Holds the sequences that wait and those that run. A step takes the next token of every running sequence that
/// decodes, then prompt pieces up to a budget of tokens:
///  - interactive sequences before batch ones; tenants by the least service had so far (virtual counters as in
///  "Fairness
///    in Serving Large Language Models", arXiv 2401.00588: a prompt token counts 1, a generated one 2); within a tenant
///    in order of arrival;
///  - the sequence that is first in this order gets at most half of the budget while others wait; the other half goes
///  to
///    the shortest, so that a short prompt is not stuck behind a long one and the long one keeps half the speed;
///  - pieces end at multiples of 16 tokens, but for a prompt's end.
/// A sequence is admitted when the blocks of all its tokens are there. When decoding runs out of blocks the sequence
/// that is last (batch before interactive, latest arrival first) is preempted. Not thread-safe.
class Scheduler {
 public:
  /// `cache` may be null. Both must outlive this object.
  Scheduler(const SchedulerOptions& options, BlockPool* pool, PrefixCache* cache);

  /// Adds a waiting sequence; it must fit the pool as a whole and outlive its stay here.
  void Add(Sequence* sequence);
  /// Takes a sequence out, wherever it is, and gives back its blocks.
  void Remove(Sequence* sequence);

  /// Plans a step with up to `budget` tokens, decoding ones included (those run even if they alone are more). An empty
  /// plan means that nothing is left to do. The planned tokens are charged to their tenants.
  StepPlan Schedule(int budget);
  /// Tells that a piece was computed.
  void Computed(const Piece& piece);

  [[nodiscard]] int num_running() const { return static_cast<int>(running_.size()); }
  [[nodiscard]] int num_waiting() const { return static_cast<int>(waiting_.size()); }
  /// Running sequences that wait for their next token only.
  [[nodiscard]] int num_decoding() const;

 private:
  struct Tenant {
    double service = 0;
    int sequences = 0;  // here now
  };

  void ScheduleDecodes(StepPlan* plan);
  void SchedulePrompts(int budget, StepPlan* plan);
  /// The prompt to serve next, or null: by arrival, or the shortest first.
  Sequence* PickPrompt(const StepPlan& plan, bool admit, bool shortest);
  /// Plans a piece of at most `budget` tokens, admitting the sequence if it waits. Returns its size; -1 if it waits and
  /// cannot be admitted now.
  int AddPrompt(Sequence* sequence, int budget, StepPlan* plan);
  bool Admit(Sequence* sequence, StepPlan* plan);
  bool FitsNow(const Sequence& sequence, int shared_blocks) const;
  void Preempt(Sequence* victim, StepPlan* plan);
  [[nodiscard]] int PieceSize(const Sequence& sequence, int budget, bool first_of_step) const;
  Tenant& TenantOf(const Sequence& sequence) { return tenants_[sequence.tenant]; }
  void ForgetIdleTenants();

  SchedulerOptions options_;
  BlockPool* pool_;
  PrefixCache* cache_;
  std::vector<Sequence*> running_;  // best first: see Before() in the source
  std::vector<Sequence*> waiting_;  // the same
  std::unordered_map<std::string, Tenant> tenants_;
};

}  // namespace bowhead::engine
