#include "engine/speculation/prompt_lookup.h"

#include <algorithm>
#include <bit>

#include "engine/hashing.h"

namespace bowhead::engine {
namespace {

constexpr std::size_t kMostSlots = std::size_t{1} << 16;
constexpr std::size_t kFewestSlots = 256;

}  // namespace

std::size_t NgramIndex::Slot(std::span<const TokenId> text, int end, int length) const {
  std::uint64_t hash = static_cast<std::uint64_t>(length);
  for (int i = end - length; i < end; ++i) {
    hash = (hash ^ static_cast<std::uint32_t>(text[static_cast<std::size_t>(i)])) * 0x9E3779B97F4A7C15U;
    hash ^= hash >> 29;
  }
  return static_cast<std::size_t>(hash) & mask_;
}

void NgramIndex::Grow(std::size_t tokens) {
  const std::size_t slots = std::clamp(std::bit_ceil(tokens * 2), kFewestSlots, kMostSlots);
  if (slots <= mask_ + 1 && !last_[0].empty()) return;
  for (auto& table : last_) table.assign(slots, 0);
  mask_ = slots - 1;
  indexed_ = 0;
}

void NgramIndex::Insert(std::span<const TokenId> text, int end) {
  for (std::size_t i = 0; i < kLengths.size(); ++i) {
    if (kLengths[i] <= end) last_[i][Slot(text, end, kLengths[i])] = end;
  }
}

int NgramIndex::CommonSuffix(std::span<const TokenId> text, int a, int b) {
  int length = 0;
  while (length < kLongestMatch && length < std::min(a, b) &&
         text[static_cast<std::size_t>(a - length - 1)] == text[static_cast<std::size_t>(b - length - 1)]) {
    ++length;
  }
  return length;
}

NgramIndex::Match NgramIndex::Follow(std::span<const TokenId> text) {
  const int end = static_cast<int>(text.size());
  // Twice the size each time, so that all the rebuilding together costs no more than a constant per token.
  if (text.size() > mask_ + 1 || last_[0].empty()) Grow(text.size());
  // The end itself is not in the tables yet: it would match itself.
  for (indexed_ = std::max(indexed_, 1); indexed_ < end; ++indexed_) Insert(text, indexed_);
  const int grown = end - matched_at_;
  matched_at_ = end;
  if (match_.next >= 0) {
    match_.next += grown;
    match_.length = CommonSuffix(text, match_.next, end);
    if (match_.length <= grown) match_ = Match();  // it was wrong
  }
  for (std::size_t i = 0; i < kLengths.size(); ++i) {
    if (kLengths[i] >= end) continue;
    const int place = last_[i][Slot(text, end, kLengths[i])];
    if (place == 0) continue;
    const int length = CommonSuffix(text, place, end);
    if (length > match_.length) match_ = Match{place, length};
    if (length >= kLengths[i]) break;
  }
  return match_;
}

std::uint8_t PromptLookup::ConfidenceOf(int length) {
  constexpr std::array<int, kConfidenceClasses> kFrom = {1, 2, 3, 4, 6, 8, 12, 16, 24, 40};
  const auto above = std::ranges::upper_bound(kFrom, std::max(length, 1));
  return static_cast<std::uint8_t>(above - kFrom.begin() - 1);
}

base::Status PromptLookup::Propose(std::span<DraftJob> jobs) {
  for (DraftJob& job : jobs) {
    job.draft.clear();
    const NgramIndex::Match match = indexes_[job.id].Follow(job.tokens);
    if (match.next < 0) continue;
    const auto next = static_cast<std::size_t>(match.next);
    // Past its own end a copy goes on with what it has copied: a loop with the period of the distance.
    const std::size_t period = job.tokens.size() - next;
    for (int i = 0; i < job.most; ++i) {
      const TokenId token = job.tokens[next + static_cast<std::size_t>(i) % period];
      job.draft.push_back(DraftToken{token, ConfidenceOf(match.length + i)});
    }
  }
  return base::OkStatus();
}

}  // namespace bowhead::engine
