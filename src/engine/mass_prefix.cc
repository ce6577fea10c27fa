#include "engine/mass_prefix.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace bowhead::engine {
namespace {

constexpr std::size_t kBuckets = 512;
constexpr std::size_t kSortBelow = 256;

struct Item {
  float key;
  std::int32_t token;
  float weight;
};

bool Before(const Item& a, const Item& b) {
  return a.key < b.key || (a.key == b.key && a.token < b.token);
}

/// The last item that stays. `items` is not empty.
Item FindCut(std::vector<Item> items, double mass) {
  for (;;) {
    const auto [low, high] =
        std::ranges::minmax_element(items, [](const Item& a, const Item& b) { return a.key < b.key; });
    const double scale = static_cast<double>(kBuckets) / (double{high->key} - double{low->key});
    if (items.size() <= kSortBelow || low->key == high->key) break;
    const auto bucket_of = [first = double{low->key}, scale](const Item& item) {
      return std::min(static_cast<std::size_t>((double{item.key} - first) * scale), kBuckets - 1);
    };
    std::array<double, kBuckets> sums = {};
    for (const Item& item : items) sums[bucket_of(item)] += double{item.weight};
    // The bucket in which the mass is reached; rounding may miss it, then the last one that holds anything.
    std::size_t chosen = 0;
    double before = 0;
    double passed = 0;
    for (std::size_t b = 0; b < kBuckets; ++b) {
      if (sums[b] == 0) continue;
      chosen = b;
      before = passed;
      passed += sums[b];
      if (passed >= mass) break;
    }
    if (chosen == 0 && sums[0] == 0) break;
    mass -= before;
    std::erase_if(items, [&](const Item& item) { return bucket_of(item) != chosen; });
  }
  std::ranges::sort(items, Before);
  double passed = 0;
  for (const Item& item : items) {
    passed += double{item.weight};
    if (passed >= mass) return item;
  }
  return items.back();
}

}  // namespace

void KeepMassPrefix(const std::vector<float>& keys, double mass, std::vector<Candidate>* candidates) {
  if (candidates->size() < 2) return;
  std::vector<Item> items(candidates->size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    items[i] = Item{keys[i], (*candidates)[i].token, (*candidates)[i].weight};
  }
  const Item cut = FindCut(std::move(items), mass);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < candidates->size(); ++i) {
    const Candidate candidate = (*candidates)[i];
    if (!Before(cut, Item{keys[i], candidate.token, 0})) (*candidates)[kept++] = candidate;
  }
  candidates->resize(kept);
}

}  // namespace bowhead::engine
