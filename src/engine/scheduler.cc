#include "engine/scheduler.h"

#include <algorithm>
#include <cassert>
#include <limits>
#include <tuple>

namespace bowhead::engine {
namespace {

constexpr double kPromptTokenCost = 1.0;
constexpr double kDecodeTokenCost = 2.0;
constexpr std::size_t kMaxIdleTenants = 4096;
/// Fewer blocks than these are computed twice rather than waited for.
constexpr int kBlocksWorthWaiting = 4;

/// Who keeps its blocks when there are too few.
bool Before(const Sequence* a, const Sequence* b) {
  return std::tie(a->priority, a->arrival) < std::tie(b->priority, b->arrival);
}

void Insert(std::vector<Sequence*>* list, Sequence* sequence) {
  list->insert(std::ranges::upper_bound(*list, sequence, Before), sequence);
}

bool IsPlanned(const StepPlan& plan, const Sequence* sequence) {
  return std::ranges::any_of(plan.pieces, [&](const Piece& piece) { return piece.sequence == sequence; });
}

bool Decodes(const Sequence& sequence) {
  return sequence.pending() <= 1 && sequence.num_computed > 0;
}

}  // namespace

StepWork WorkOf(const StepPlan& plan) {
  StepWork work;
  for (const Piece& piece : plan.pieces) work += WorkOf(piece.first, piece.count);
  return work;
}

Scheduler::Scheduler(const SchedulerOptions& options, BlockPool* pool, PrefixCache* cache)
    : options_(options), pool_(pool), cache_(cache) {}

void Scheduler::Add(Sequence* sequence) {
  assert(BlocksFor(sequence->num_tokens()) <= pool_->total());
  if (running_.empty() && waiting_.empty()) tenants_.clear();  // nobody was made to wait: all start even
  Tenant& tenant = TenantOf(*sequence);
  if (tenant.sequences == 0) {
    // Who was away gets no credit for it, nor are old debts forgiven.
    double least = std::numeric_limits<double>::infinity();
    for (const auto& [name, other] : tenants_) {
      if (other.sequences > 0) least = std::min(least, other.service);
    }
    if (least < std::numeric_limits<double>::infinity()) tenant.service = std::max(tenant.service, least);
  }
  ++tenant.sequences;
  if (cache_ != nullptr) {
    sequence->root = cache_->Root(options_.share_between_tenants ? std::string_view() : sequence->tenant);
  }
  Insert(&waiting_, sequence);
}

void Scheduler::Remove(Sequence* sequence) {
  std::erase(sequence->running ? running_ : waiting_, sequence);
  sequence->running = false;
  sequence->leader = nullptr;
  ReleaseFollowers(*sequence, std::numeric_limits<int>::max());  // one of them takes over
  sequence->blocks.Clear();
  --TenantOf(*sequence).sequences;
  if (tenants_.size() > kMaxIdleTenants) ForgetIdleTenants();
}

void Scheduler::ForgetIdleTenants() {
  std::erase_if(tenants_, [](const auto& item) { return item.second.sequences == 0; });
}

StepWork Scheduler::DecodeWork() const {
  StepWork work;
  for (const Sequence* sequence : running_) {
    if (Decodes(*sequence)) work += WorkOf(sequence->num_computed, 1);
  }
  return work;
}

StepPlan Scheduler::Schedule(StepBudget budget) {
  StepPlan plan;
  ScheduleDecodes(&plan);
  budget.tokens -= static_cast<int>(plan.pieces.size());
  SchedulePrompts(budget, &plan);
  for (const Piece& piece : plan.pieces) {
    const bool decode = piece.first >= piece.sequence->prompt_tokens;
    TenantOf(*piece.sequence).service += piece.count * (decode ? kDecodeTokenCost : kPromptTokenCost);
  }
  return plan;
}

void Scheduler::ScheduleDecodes(StepPlan* plan) {
  // Best first: a victim is always behind the sequence that needs its blocks, so never planned yet.
  for (std::size_t i = 0; i < running_.size(); ++i) {
    Sequence* sequence = running_[i];
    if (!Decodes(*sequence)) continue;
    while (!sequence->blocks.Cover(sequence->num_tokens())) {
      Preempt(running_.back(), plan);
      if (!sequence->running) return;
    }
    plan->pieces.push_back(Piece{sequence, sequence->num_computed, 1, true});
  }
}

void Scheduler::SchedulePrompts(StepBudget budget, StepPlan* plan) {
  bool room = true;
  Sequence* head = PlanHead(&budget, &room, plan);
  if (head == nullptr) return;
  // If the first cannot be admitted then nobody else is: a large request must not starve behind small ones.
  bool admit = room;
  while (!budget.empty()) {
    Sequence* next = PickPrompt(*plan, admit, /*shortest=*/true);
    if (next == nullptr) break;
    const Outcome outcome = AddPrompt(next, budget, plan);
    if (outcome == Outcome::kNoBudget) break;
    if (outcome == Outcome::kNoRoom) admit = false;
    if (outcome == Outcome::kPlanned) budget.Spend(plan->pieces.back().first, plan->pieces.back().count);
  }
  // What the others left goes to the first after all.
  if (budget.empty() || head->fixed_piece > 0) return;
  for (Piece& piece : plan->pieces) {
    if (piece.sequence != head || piece.completes) continue;
    const int end = piece.first + piece.count;
    const int more = budget.Fit(end, head->num_tokens() - end);
    piece.count = CutToBlocks(*head, piece.count + more);
    piece.completes = piece.first + piece.count == head->num_tokens();
  }
}

Sequence* Scheduler::PlanHead(StepBudget* budget, bool* room, StepPlan* plan) {
  if (budget->empty() && !plan->pieces.empty()) return nullptr;
  for (;;) {
    Sequence* head = PickPrompt(*plan, /*admit=*/true, /*shortest=*/false);
    if (head == nullptr) return nullptr;
    const bool alone = running_.size() + waiting_.size() == plan->pieces.size() + 1;
    const Outcome outcome = AddPrompt(head, alone ? *budget : budget->Half(), plan);
    if (outcome == Outcome::kFollows) continue;  // whom it follows is the next one to be picked
    if (outcome == Outcome::kPlanned) budget->Spend(plan->pieces.back().first, plan->pieces.back().count);
    *room = outcome != Outcome::kNoRoom;
    return head;
  }
}

Sequence* Scheduler::PickPrompt(const StepPlan& plan, bool admit, bool shortest) {
  const auto key_of = [&](const Sequence* s) {
    return std::make_tuple(s->priority, TenantOf(*s).service, shortest ? s->pending() : 0, s->arrival);
  };
  Sequence* best = nullptr;
  const Sequence* place = nullptr;  // whose place in the order the best one has
  const auto consider = [&](Sequence* sequence, const Sequence* in_place_of) {
    if (IsPlanned(plan, sequence)) return;
    if (best != nullptr && key_of(in_place_of) >= key_of(place)) return;
    best = sequence;
    place = in_place_of;
  };
  for (Sequence* sequence : running_) {
    if (!Decodes(*sequence)) consider(sequence, sequence);
  }
  for (Sequence* sequence : waiting_) {
    if (sequence->held) continue;
    if (sequence->leader != nullptr) {
      consider(sequence->leader, sequence);  // as it would get its turn now, its leader does
    } else if (admit && std::ranges::find(plan.preempted, sequence) == plan.preempted.end()) {
      consider(sequence, sequence);  // one that was preempted in this very step does not come back in it
    }
  }
  return best;
}

int Scheduler::CutToBlocks(const Sequence& sequence, int count) {
  if (count >= sequence.pending()) return sequence.pending();
  return std::max((sequence.num_computed + count) / model::kBlockTokens * model::kBlockTokens - sequence.num_computed,
                  0);
}

int Scheduler::PieceSize(const Sequence& sequence, const StepBudget& budget, bool first_of_step) {
  const int pending = sequence.pending();
  if (sequence.fixed_piece > 0) {
    const int size = std::min(sequence.fixed_piece, pending);
    return size <= budget.tokens || first_of_step ? size : 0;
  }
  const int size = CutToBlocks(sequence, budget.Fit(sequence.num_computed, pending));
  if (size > 0 || !first_of_step) return size;
  return std::min(pending, model::kBlockTokens - sequence.num_computed % model::kBlockTokens);
}

Scheduler::Outcome Scheduler::AddPrompt(Sequence* sequence, const StepBudget& budget, StepPlan* plan) {
  const bool first_of_step =
      std::ranges::none_of(plan->pieces, [](const Piece& piece) { return !Decodes(*piece.sequence); });
  if (!sequence->running) {
    if (PieceSize(*sequence, budget, first_of_step) == 0) return Outcome::kNoBudget;
    const Outcome outcome = Admit(sequence, plan);
    if (outcome != Outcome::kPlanned) return outcome;
  }
  const int size = PieceSize(*sequence, budget, first_of_step);
  if (size == 0) return Outcome::kNoBudget;
  plan->pieces.push_back(
      Piece{sequence, sequence->num_computed, size, sequence->num_computed + size == sequence->num_tokens()});
  return Outcome::kPlanned;
}

int Scheduler::SharedBlocks(const Sequence& a, const Sequence& b) {
  // The last token is always computed: its logits are what a sequence is here for.
  const auto most = static_cast<std::size_t>(std::min(a.num_tokens(), b.num_tokens() - 1));
  const auto end = a.tokens.begin() + static_cast<std::ptrdiff_t>(most);
  const auto [first_other, ignored] = std::mismatch(a.tokens.begin(), end, b.tokens.begin());
  return static_cast<int>((first_other - a.tokens.begin()) / model::kBlockTokens);
}

bool Scheduler::Follow(Sequence* sequence, int known_blocks) {
  int most = known_blocks + kBlocksWorthWaiting - 1;
  for (Sequence* other : running_) {
    if (other->fixed_piece > 0 || other->root != sequence->root || Decodes(*other)) continue;
    const int shared = SharedBlocks(*other, *sequence);
    if (shared <= most || shared * model::kBlockTokens <= other->num_computed) continue;
    most = shared;
    sequence->leader = other;
    sequence->leader_tokens = shared * model::kBlockTokens;
  }
  if (sequence->leader == nullptr) return false;
  if (!sequence->admitted_before) {
    sequence->awaited_tokens = sequence->leader_tokens - known_blocks * model::kBlockTokens;
  }
  return true;
}

void Scheduler::ReleaseFollowers(const Sequence& leader, int computed_tokens) {
  for (Sequence* sequence : waiting_) {
    if (sequence->leader == &leader && sequence->leader_tokens <= computed_tokens) sequence->leader = nullptr;
  }
}

bool Scheduler::FitsNow(const Sequence& sequence, int shared_blocks) const {
  // A block of room for each running sequence, so that the newcomer is not preempted at once.
  const int room = static_cast<int>(running_.size());
  return num_running() < options_.max_running &&
         BlocksFor(sequence.num_tokens()) - shared_blocks + room <= pool_->available();
}

Scheduler::Outcome Scheduler::Admit(Sequence* sequence, StepPlan* plan) {
  const bool shares = cache_ != nullptr && sequence->fixed_piece == 0;
  PrefixCache::Match match;
  if (shares) {
    match = cache_->Find(sequence->root, sequence->tokens, (sequence->num_tokens() - 1) / model::kBlockTokens);
    if (Follow(sequence, static_cast<int>(match.blocks.size()))) return Outcome::kFollows;
  }
  // Held first, so that neither the count below nor the allocation mistakes them for available ones.
  for (const BlockId block : match.blocks) sequence->blocks.AppendShared(block);
  const int shared = sequence->blocks.size();
  while (!FitsNow(*sequence, shared)) {
    Sequence* last = running_.empty() ? nullptr : running_.back();
    if (last == nullptr || last->priority <= sequence->priority) {
      sequence->blocks.Clear();
      return Outcome::kNoRoom;
    }
    Preempt(last, plan);
  }
  if (!sequence->blocks.Cover(sequence->num_tokens())) {
    sequence->blocks.Clear();
    return Outcome::kNoRoom;
  }
  sequence->num_computed = shared * model::kBlockTokens;
  sequence->indexed_blocks = shared;
  sequence->node = match.node;
  if (!sequence->admitted_before) {
    sequence->cached_tokens = std::min(sequence->num_computed, sequence->prompt_tokens);
    sequence->awaited_tokens = std::min(sequence->awaited_tokens, sequence->cached_tokens);
    if (shares) cache_->CountUse(match.blocks);
  }
  sequence->admitted_before = true;
  sequence->running = true;
  std::erase(waiting_, sequence);
  Insert(&running_, sequence);
  plan->admitted.push_back(sequence);
  return Outcome::kPlanned;
}

void Scheduler::Preempt(Sequence* victim, StepPlan* plan) {
  std::erase(running_, victim);
  victim->running = false;
  victim->num_computed = 0;
  victim->indexed_blocks = 0;
  victim->node = 0;
  victim->blocks.Clear();
  ReleaseFollowers(*victim, std::numeric_limits<int>::max());
  Insert(&waiting_, victim);
  std::erase_if(plan->pieces, [&](const Piece& piece) { return piece.sequence == victim; });
  std::erase(plan->admitted, victim);
  plan->preempted.push_back(victim);
}

void Scheduler::Computed(const Piece& piece) {
  Sequence& sequence = *piece.sequence;
  sequence.num_computed = piece.first + piece.count;
  if (cache_ == nullptr || sequence.fixed_piece > 0) return;
  constexpr auto kBlock = static_cast<std::size_t>(model::kBlockTokens);
  const std::span<const TokenId> tokens = sequence.tokens;
  while (sequence.indexed_blocks < sequence.num_computed / model::kBlockTokens) {
    const auto index = static_cast<std::size_t>(sequence.indexed_blocks);
    const BlockId own = sequence.blocks.blocks()[index];
    const auto [node, block] = cache_->Insert(sequence.node, tokens.subspan(index * kBlock).first<kBlock>(), own);
    if (block != own) sequence.blocks.Replace(sequence.indexed_blocks, block);  // somebody was faster
    sequence.node = node;
    ++sequence.indexed_blocks;
  }
  ReleaseFollowers(sequence, sequence.num_computed);
}

void Scheduler::Accepted(Sequence* sequence) {
  TenantOf(*sequence).service += kDecodeTokenCost;
  Computed(Piece{sequence, sequence->num_computed, 1, false});
}

}  // namespace bowhead::engine
