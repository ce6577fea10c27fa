#include "engine/speculation/step_times.h"

#include <algorithm>
#include <bit>

namespace bowhead::engine {
namespace {

constexpr double kLevelGain = 0.12;
constexpr double kEntryGain = 0.06;
/// A step that the machine was kept from doing says nothing about its size.
constexpr double kOutlier = 2.0;
/// Steps of a row after which a size that did not come up counts as unknown.
constexpr int kMemory = 1024;
/// Of one more token than was measured: about the best that a memory-bound step does.
constexpr double kHopedSlope = 0.03;
/// Or so much of what a token has cost up to the largest size that was measured.
constexpr double kHopedShare = 0.5;

}  // namespace

std::size_t StepTimes::RowOf(int sequences) {
  const auto width = static_cast<std::size_t>(std::bit_width(static_cast<unsigned>(std::max(sequences, 1) - 1)));
  return std::min(width, kRows - 1);  // 1, 2, 3-4, 5-8, 9-16, more
}

std::size_t StepTimes::SizeOf(int tokens) {
  return static_cast<std::size_t>(tokens <= kExact ? tokens : kExact + (tokens - kExact + 3) / 4);
}

void StepTimes::ForgetOld(Row* row) {
  bool smallest = true;
  for (Entry& entry : row->entries) {
    if (entry.samples == 0) continue;
    if (!smallest && row->steps - entry.last > kMemory) entry = Entry();
    smallest = false;
  }
}

void StepTimes::Add(int sequences, int tokens, double ms) {
  if (tokens < 1 || tokens > kMostTokens || !(ms > 0)) return;
  Row& row = rows_[RowOf(sequences)];
  Entry& entry = row.entries[SizeOf(tokens)];
  if (row.level <= 0) row.level = ms;
  entry.last = ++row.steps;
  if (row.steps % kMemory == 0) ForgetOld(&row);
  if (entry.samples++ == 0) {
    entry.relative = ms / row.level;
    return;
  }
  const double relative = std::min(ms / row.level, entry.relative * kOutlier);
  const double change = relative / entry.relative;
  entry.relative += std::max(kEntryGain, 1.0 / entry.samples) * (relative - entry.relative);
  row.level *= 1 + kLevelGain * (change - 1);
}

double StepTimes::Ms(int sequences, int tokens) const {
  const Row& row = rows_[RowOf(sequences)];
  if (row.level <= 0) return 0;
  int below = std::clamp(tokens, 1, kMostTokens);
  const int at = below;
  while (below > 0 && row.entries[SizeOf(below)].samples == 0) --below;
  const auto relative = [&row](int n) { return row.entries[SizeOf(n)].relative; };
  if (below > 0) {
    int smallest = 1;
    while (row.entries[SizeOf(smallest)].samples == 0) ++smallest;
    double slope = kHopedSlope * relative(below);
    if (below > smallest) {
      slope = std::max(slope, kHopedShare * (relative(below) - relative(smallest)) / (below - smallest));
    }
    return row.level * (relative(below) + slope * (at - below));
  }
  int above = at;
  while (row.entries[SizeOf(above)].samples == 0) ++above;  // there is one, or there would be no level
  return row.level * row.entries[SizeOf(above)].relative;
}

int StepTimes::Age(int sequences, int tokens) const {
  const Row& row = rows_[RowOf(sequences)];
  const Entry& entry = row.entries[SizeOf(std::clamp(tokens, 1, kMostTokens))];
  return entry.samples == 0 ? 0 : row.steps - entry.last;
}

}  // namespace bowhead::engine
