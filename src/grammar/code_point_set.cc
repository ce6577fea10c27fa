#include "grammar/code_point_set.h"

#include <algorithm>
#include <map>

namespace bowhead::grammar {
namespace {

constexpr std::uint32_t kMax = 0x10FFFF;
constexpr std::uint32_t kSurrogatesFirst = 0xD800;
constexpr std::uint32_t kSurrogatesLast = 0xDFFF;

}  // namespace

CodePointSet::CodePointSet(const std::vector<CodePointRange>& ranges) {
  std::vector<CodePointRange> valid;
  for (const CodePointRange& range : ranges) {
    const std::uint32_t last = std::min(range.last, kMax);
    if (range.first > last) continue;
    if (range.first < kSurrogatesFirst) valid.push_back({range.first, std::min(last, kSurrogatesFirst - 1)});
    if (last > kSurrogatesLast) valid.push_back({std::max(range.first, kSurrogatesLast + 1), last});
  }
  std::sort(valid.begin(), valid.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const CodePointRange& range : valid) {
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
}

CodePointSet CodePointSet::All() {
  return CodePointSet({{0, kMax}});
}

bool CodePointSet::Contains(std::uint32_t code_point) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), code_point,
                                      [](std::uint32_t value, const auto& range) { return value < range.first; });
  return after != ranges_.begin() && code_point <= std::prev(after)->last;
}

CodePointSet CodePointSet::Union(const CodePointSet& other) const {
  std::vector<CodePointRange> both = ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  return CodePointSet(both);
}

CodePointSet CodePointSet::Intersect(const CodePointSet& other) const {
  std::vector<CodePointRange> common;
  for (auto a = ranges_.begin(), b = other.ranges_.begin(); a != ranges_.end() && b != other.ranges_.end();) {
    const std::uint32_t first = std::max(a->first, b->first);
    const std::uint32_t last = std::min(a->last, b->last);
    if (first <= last) common.push_back({first, last});
    (a->last < b->last ? a : b)++;
  }
  return CodePointSet(common);
}

CodePointSet CodePointSet::Complement() const {
  std::vector<CodePointRange> gaps;
  std::uint32_t next = 0;
  for (const CodePointRange& range : ranges_) {
    if (range.first > next) gaps.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kMax) gaps.push_back({next, kMax});
  return CodePointSet(gaps);
}

std::vector<CodePointSet> Partition(const std::vector<const CodePointSet*>& sets) {
  // A sweep over the borders; `inside` is which sets the code points between two borders are in.
  std::map<std::uint32_t, std::vector<std::size_t>> toggles;
  toggles[0];
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (const CodePointRange& range : sets[i]->ranges()) {
      toggles[range.first].push_back(i);
      toggles[range.last + 1].push_back(i);
    }
  }
  std::map<std::vector<bool>, std::vector<CodePointRange>> parts;
  std::vector<bool> inside(sets.size(), false);
  for (auto it = toggles.begin(); it != toggles.end(); ++it) {
    for (const std::size_t i : it->second) inside[i] = !inside[i];
    const auto next = std::next(it);
    const std::uint32_t end = next == toggles.end() ? kMax + 1 : next->first;
    if (it->first < end) parts[inside].push_back({it->first, end - 1});
  }
  std::vector<CodePointSet> result;
  for (auto& [key, ranges] : parts) {
    CodePointSet part(ranges);
    if (!part.empty()) result.push_back(std::move(part));
  }
  return result;
}

}  // namespace bowhead::grammar
