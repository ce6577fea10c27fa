// Decides what the next step computes. Pure logic: it knows neither models nor clocks nor threads.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "engine/block_pool.h"
#include "engine/prefix_cache.h"
#include "engine/sequence.h"
#include "engine/step_cost.h"

namespace bowhead::engine {

struct SchedulerOptions {
  int max_running = 64;
  bool share_between_tenants = false;  // prefixes; else each tenant finds its own only
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

StepWork WorkOf(const StepPlan& plan);

/// Holds the sequences that wait and those that run. A step takes the next token of every running sequence that
/// decodes, then prompt pieces up to a budget:
///  - interactive sequences before batch ones; tenants by the least service had so far (virtual counters as in
///  "Fairness
///    in Serving Large Language Models", arXiv 2401.00588: a prompt token counts 1, a generated one 2); within a tenant
///    in order of arrival;
///  - the sequence that is first in this order gets at most half of the budget while others wait; the other half goes
///    to the shortest, so that a short prompt is not stuck behind a long one and the long one keeps half the speed;
///  - pieces end at multiples of 16 tokens, but for a prompt's end.
/// A sequence is admitted when the blocks of all its tokens are there. When decoding runs out of blocks the sequence
/// that is last (batch before interactive, latest arrival first) is preempted.
///
/// A waiting sequence that starts like one whose prompt is being computed (by whole blocks) waits for those blocks and
/// takes them from the cache. It lends its leader its place in the order, so that it cannot starve behind one whose
/// turn comes later; if the leader goes away or is preempted, the first of those who waited takes over. Others go on
/// meanwhile. Not thread-safe.
class Scheduler {
 public:
  /// `cache` may be null. Both must outlive this object.
  Scheduler(const SchedulerOptions& options, BlockPool* pool, PrefixCache* cache);

  /// Adds a waiting sequence; it must fit the pool as a whole and outlive its stay here.
  void Add(Sequence* sequence);
  /// Takes a sequence out, wherever it is, and gives back its blocks.
  void Remove(Sequence* sequence);

  /// Plans a step within the budget. Decoding sequences count against its tokens only, and run even if they alone are
  /// more; a prompt alone always moves by a block. An empty plan means that nothing is left to do but what is held. The
  /// planned tokens are charged to their tenants.
  StepPlan Schedule(StepBudget budget);
  /// Tells that a piece was computed.
  void Computed(const Piece& piece);
  /// Tells that a guessed token was computed in the last step already, right after the sequence's computed ones, and is
  /// now one of its tokens. It is charged like a planned one.
  void Accepted(Sequence* sequence);

  [[nodiscard]] int num_running() const { return static_cast<int>(running_.size()); }
  [[nodiscard]] int num_waiting() const { return static_cast<int>(waiting_.size()); }
  /// The next token of every running sequence that decodes.
  [[nodiscard]] StepWork DecodeWork() const;

 private:
  struct Tenant {
    double service = 0;
    int sequences = 0;  // here now
  };

  enum class Outcome : std::uint8_t {
    kPlanned,
    kNoBudget,
    kNoRoom,   // it waits and cannot be admitted now
    kFollows,  // it waits for its leader from now on
  };

  void ScheduleDecodes(StepPlan* plan);
  void SchedulePrompts(StepBudget budget, StepPlan* plan);
  /// Plans a piece of the sequence that is first in the order and returns it, or null; `*room` is false if it could not
  /// be admitted.
  Sequence* PlanHead(StepBudget* budget, bool* room, StepPlan* plan);
  /// The prompt to serve next, or null: by arrival, or the shortest first.
  Sequence* PickPrompt(const StepPlan& plan, bool admit, bool shortest);
  /// Plans a piece within the budget as the last of the plan, admitting the sequence if it waits.
  Outcome AddPrompt(Sequence* sequence, const StepBudget& budget, StepPlan* plan);
  Outcome Admit(Sequence* sequence, StepPlan* plan);
  /// Looks for a running sequence that computes blocks which `sequence` needs, beyond those that are known.
  bool Follow(Sequence* sequence, int known_blocks);
  void ReleaseFollowers(const Sequence& leader, int computed_tokens);
  /// Whole blocks that `a` computes and `b` can take.
  [[nodiscard]] static int SharedBlocks(const Sequence& a, const Sequence& b);
  bool FitsNow(const Sequence& sequence, int shared_blocks) const;
  void Preempt(Sequence* victim, StepPlan* plan);
  [[nodiscard]] static int CutToBlocks(const Sequence& sequence, int count);
  [[nodiscard]] static int PieceSize(const Sequence& sequence, const StepBudget& budget, bool first_of_step);
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
