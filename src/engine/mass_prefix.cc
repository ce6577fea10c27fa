#include "engine/mass_prefix.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

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

/// Equal slices of a range of keys.
struct Buckets {
  float low;
  double scale;  // not finite if all keys are equal

  Buckets(float lowest, float highest)
      : low(lowest), scale(static_cast<double>(kBuckets) / (double{highest} - double{lowest})) {}
  [[nodiscard]] bool split() const { return scale < std::numeric_limits<double>::infinity(); }
  [[nodiscard]] std::size_t Of(float key) const {
    return std::min(static_cast<std::size_t>((double{key} - double{low}) * scale), kBuckets - 1);
  }
};

/// The bucket in which the mass is reached, and the mass that it has to give. Rounding may miss the mass: then the last
/// bucket that holds anything.
struct Crossing {
  std::size_t bucket = 0;
  double mass = 0;
};

Crossing FindCrossing(const std::array<double, kBuckets>& sums, double mass) {
  Crossing crossing{0, mass};
  double passed = 0;
  for (std::size_t b = 0; b < kBuckets; ++b) {
    if (sums[b] == 0) continue;
    crossing = Crossing{b, mass - passed};
    passed += sums[b];
    if (passed >= mass) break;
  }
  return crossing;
}

/// The last item that stays. `items` is not empty.
Item FindCut(std::vector<Item> items, double mass) {
  while (items.size() > kSortBelow) {
    const auto [low, high] =
        std::ranges::minmax_element(items, [](const Item& a, const Item& b) { return a.key < b.key; });
    const Buckets buckets(low->key, high->key);
    if (!buckets.split()) break;
    std::array<double, kBuckets> sums = {};
    for (const Item& item : items) sums[buckets.Of(item.key)] += double{item.weight};
    const Crossing crossing = FindCrossing(sums, mass);
    mass = crossing.mass;
    const std::size_t before = items.size();
    std::erase_if(items, [&](const Item& item) { return buckets.Of(item.key) != crossing.bucket; });
    if (items.size() == before || items.empty()) break;
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
  // The first round looks at all of them where they are; only those of one bucket are copied.
  const auto [low, high] = std::ranges::minmax_element(keys);
  const Buckets buckets(*low, *high);
  std::vector<Item> items;
  if (buckets.split() && candidates->size() > kSortBelow) {
    std::array<double, kBuckets> sums = {};
    for (std::size_t i = 0; i < keys.size(); ++i) sums[buckets.Of(keys[i])] += double{(*candidates)[i].weight};
    const Crossing crossing = FindCrossing(sums, mass);
    mass = crossing.mass;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (buckets.Of(keys[i]) != crossing.bucket) continue;
      items.push_back(Item{keys[i], (*candidates)[i].token, (*candidates)[i].weight});
    }
  }
  if (items.empty()) {
    for (std::size_t i = 0; i < keys.size(); ++i) {
      items.push_back(Item{keys[i], (*candidates)[i].token, (*candidates)[i].weight});
    }
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
