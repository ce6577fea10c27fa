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
  Insert(&waiting_, sequence);
}

void Scheduler::Remove(Sequence* sequence) {
  std::erase(sequence->running ? running_ : waiting_, sequence);
  sequence->running = false;
  sequence->blocks.Clear();
  --TenantOf(*sequence).sequences;
  if (tenants_.size() > kMaxIdleTenants) ForgetIdleTenants();
}

void Scheduler::ForgetIdleTenants() {
  std::erase_if(tenants_, [](const auto& item) { return item.second.sequences == 0; });
}

int Scheduler::num_decoding() const {
  return static_cast<int>(std::ranges::count_if(running_, [](const Sequence* sequence) { return Decodes(*sequence); }));
}

StepPlan Scheduler::Schedule(int budget) {
  StepPlan plan;
  ScheduleDecodes(&plan);
  SchedulePrompts(budget - static_cast<int>(plan.pieces.size()), &plan);
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

void Scheduler::SchedulePrompts(int budget, StepPlan* plan) {
  bool admit = true;
  Sequence* head = PickPrompt(*plan, admit, /*shortest=*/false);
  if (head == nullptr) return;
  bool head_waits = false;
  if (budget > 0 || plan->pieces.empty()) {
    const bool alone = running_.size() + waiting_.size() == plan->pieces.size() + 1;
    const int half = std::max(budget / 2, model::kBlockTokens);
    const int size = AddPrompt(head, alone ? budget : std::min(half, budget), plan);
    head_waits = size < 0;
    budget -= std::max(size, 0);
  }
  // If the first cannot be admitted then nobody else is: a large request must not starve behind small ones.
  admit = !head_waits;
  while (budget > 0) {
    Sequence* next = PickPrompt(*plan, admit, /*shortest=*/true);
    if (next == nullptr) break;
    const int size = AddPrompt(next, budget, plan);
    if (size == 0) break;
    if (size < 0) {
      admit = false;
    } else {
      budget -= size;
    }
  }
  // What the others left goes to the first after all.
  if (budget <= 0 || head_waits || head->fixed_piece > 0) return;
  for (Piece& piece : plan->pieces) {
    if (piece.sequence != head || piece.completes) continue;
    piece.count = PieceSize(*head, piece.count + budget, /*first_of_step=*/true);
    piece.completes = piece.first + piece.count == head->num_tokens();
  }
}

Sequence* Scheduler::PickPrompt(const StepPlan& plan, bool admit, bool shortest) {
  Sequence* best = nullptr;
  const auto consider = [&](Sequence* sequence) {
    if (IsPlanned(plan, sequence)) return;
    if (best == nullptr) {
      best = sequence;
      return;
    }
    const auto key = [&](const Sequence* s) {
      return std::make_tuple(s->priority, TenantOf(*s).service, shortest ? s->pending() : 0, s->arrival);
    };
    if (key(sequence) < key(best)) best = sequence;
  };
  for (Sequence* sequence : running_) {
    if (!Decodes(*sequence)) consider(sequence);
  }
  if (admit) {
    for (Sequence* sequence : waiting_) {
      // One that was preempted in this very step does not come back in it.
      if (std::ranges::find(plan.preempted, sequence) == plan.preempted.end()) consider(sequence);
    }
  }
  return best;
}

int Scheduler::PieceSize(const Sequence& sequence, int budget, bool first_of_step) const {
  const int pending = sequence.pending();
  if (sequence.fixed_piece > 0) {
    const int size = std::min(sequence.fixed_piece, pending);
    return size <= budget || first_of_step ? size : 0;
  }
  if (pending <= budget) return pending;
  const int end = (sequence.num_computed + budget) / model::kBlockTokens * model::kBlockTokens;
  if (end > sequence.num_computed) return end - sequence.num_computed;
  return first_of_step ? std::min(pending, model::kBlockTokens - sequence.num_computed % model::kBlockTokens) : 0;
}

int Scheduler::AddPrompt(Sequence* sequence, int budget, StepPlan* plan) {
  const bool first_of_step =
      std::ranges::none_of(plan->pieces, [](const Piece& piece) { return !Decodes(*piece.sequence); });
  if (!sequence->running) {
    if (PieceSize(*sequence, budget, first_of_step) == 0) return 0;
    if (!Admit(sequence, plan)) return -1;
  }
  const int size = PieceSize(*sequence, budget, first_of_step);
  if (size == 0) return 0;
  plan->pieces.push_back(
      Piece{sequence, sequence->num_computed, size, sequence->num_computed + size == sequence->num_tokens()});
  return size;
}

bool Scheduler::FitsNow(const Sequence& sequence, int shared_blocks) const {
  // A block of room for each running sequence, so that the newcomer is not preempted at once.
  const int room = static_cast<int>(running_.size());
  return num_running() < options_.max_running &&
         BlocksFor(sequence.num_tokens()) - shared_blocks + room <= pool_->available();
}

bool Scheduler::Admit(Sequence* sequence, StepPlan* plan) {
  PrefixCache::Match match;
  if (cache_ != nullptr && sequence->fixed_piece == 0) {
    // The last token is always computed: its logits are what the sequence is here for.
    match = cache_->Find(sequence->tokens, (sequence->num_tokens() - 1) / model::kBlockTokens);
  }
  // Held first, so that neither the count below nor the allocation mistakes them for available ones.
  for (const BlockId block : match.blocks) sequence->blocks.AppendShared(block);
  const int shared = sequence->blocks.size();
  while (!FitsNow(*sequence, shared)) {
    Sequence* last = running_.empty() ? nullptr : running_.back();
    if (last == nullptr || last->priority <= sequence->priority) {
      sequence->blocks.Clear();
      return false;
    }
    Preempt(last, plan);
  }
  if (!sequence->blocks.Cover(sequence->num_tokens())) {
    sequence->blocks.Clear();
    return false;
  }
  sequence->num_computed = shared * model::kBlockTokens;
  sequence->indexed_blocks = shared;
  sequence->node = match.node;
  if (!sequence->admitted_before) sequence->cached_tokens = std::min(sequence->num_computed, sequence->prompt_tokens);
  sequence->admitted_before = true;
  sequence->running = true;
  std::erase(waiting_, sequence);
  Insert(&running_, sequence);
  plan->admitted.push_back(sequence);
  return true;
}

void Scheduler::Preempt(Sequence* victim, StepPlan* plan) {
  std::erase(running_, victim);
  victim->running = false;
  victim->num_computed = 0;
  victim->indexed_blocks = 0;
  victim->node = PrefixCache::kRoot;
  victim->blocks.Clear();
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
    sequence.node =
        cache_->Insert(sequence.node, tokens.subspan(index * kBlock).first<kBlock>(), sequence.blocks.blocks()[index]);
    ++sequence.indexed_blocks;
  }
}

}  // namespace bowhead::engine
