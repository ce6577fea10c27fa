// The merging procedure of byte-pair and SentencePiece tokenizers: join the best pair of neighbours until none fits.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bowhead::model {

constexpr std::uint32_t kNoMerge = ~std::uint32_t{0};

/// What two neighbours become; the lowest rank goes first. kNoMerge: they cannot be joined.
template <class Symbol>
struct Merge {
  std::uint32_t rank = kNoMerge;
  Symbol result = {};
};

/// Memory that merging reuses from word to word; one per thread that encodes.
template <class Symbol>
struct MergeScratch {
  struct Node {
    Symbol symbol = {};
    std::int32_t previous = -1;
    std::int32_t next = -1;
    std::uint32_t version = 0;  // changes with the symbol, so that old candidates are known
  };
  struct Candidate {
    Merge<Symbol> merge;
    std::int32_t left = 0;
    std::uint32_t left_version = 0;
    std::uint32_t right_version = 0;
  };
  std::vector<Symbol> symbols;  // in and out
  std::vector<Node> nodes;
  std::vector<Candidate> heap;
};

/// Longest word that MergeShort takes: up to here, looking for the best pair again after each merge beats a heap.
constexpr std::size_t kShortWord = 32;

/// Merging by repeated search. At most kShortWord symbols.
template <class Symbol, class Find>
void MergeShort(std::vector<Symbol>& symbols, const Find& find) {
  std::array<Merge<Symbol>, kShortWord> merges;  // of the pair that starts at each symbol
  std::size_t n = symbols.size();
  for (std::size_t i = 0; i + 1 < n; ++i) merges[i] = find(symbols[i], symbols[i + 1]);
  while (n > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < n; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == kNoMerge) break;
    symbols[best] = merges[best].result;
    --n;
    for (std::size_t i = best + 1; i < n; ++i) symbols[i] = symbols[i + 1];
    for (std::size_t i = best + 1; i + 1 < n; ++i) merges[i] = merges[i + 1];
    if (best + 1 < n) merges[best] = find(symbols[best], symbols[best + 1]);
    if (best > 0) merges[best - 1] = find(symbols[best - 1], symbols[best]);
  }
  symbols.resize(n);
}

/// Merging with a heap over a linked list: O(n log n).
template <class Symbol, class Find>
void MergeLong(MergeScratch<Symbol>& scratch, const Find& find) {
  using Node = typename MergeScratch<Symbol>::Node;
  using Candidate = typename MergeScratch<Symbol>::Candidate;
  constexpr std::uint32_t kGone = ~std::uint32_t{0};
  const auto worse = [](const Candidate& a, const Candidate& b) {
    return a.merge.rank != b.merge.rank ? a.merge.rank > b.merge.rank : a.left > b.left;
  };
  auto& heap = scratch.heap;
  const auto n = static_cast<std::int32_t>(scratch.symbols.size());
  scratch.nodes.clear();
  scratch.nodes.reserve(scratch.symbols.size());
  heap.clear();
  for (std::int32_t i = 0; i < n; ++i) {
    scratch.nodes.push_back({scratch.symbols[static_cast<std::size_t>(i)], i - 1, i + 1 < n ? i + 1 : -1});
  }
  const auto at = [&scratch](std::int32_t i) -> Node& { return scratch.nodes[static_cast<std::size_t>(i)]; };
  const auto consider = [&](std::int32_t left) {
    if (left < 0 || at(left).next < 0) return false;
    const Node& right = at(at(left).next);
    const Merge<Symbol> merge = find(at(left).symbol, right.symbol);
    if (merge.rank == kNoMerge) return false;
    heap.push_back({merge, left, at(left).version, right.version});
    return true;
  };
  for (std::int32_t i = 0; i + 1 < n; ++i) consider(i);
  std::make_heap(heap.begin(), heap.end(), worse);
  while (!heap.empty()) {
    const Candidate best = heap.front();
    std::pop_heap(heap.begin(), heap.end(), worse);
    heap.pop_back();
    Node& left = at(best.left);
    if (left.version != best.left_version || left.next < 0) continue;
    Node& right = at(left.next);
    if (right.version != best.right_version) continue;
    left.symbol = best.merge.result;
    ++left.version;
    left.next = right.next;
    right.version = kGone;
    if (left.next >= 0) at(left.next).previous = best.left;
    if (consider(left.previous)) std::push_heap(heap.begin(), heap.end(), worse);
    if (consider(best.left)) std::push_heap(heap.begin(), heap.end(), worse);
  }
  scratch.symbols.clear();
  for (std::int32_t i = 0; i >= 0; i = at(i).next) scratch.symbols.push_back(at(i).symbol);
}

/// Joins neighbours of `scratch.symbols` until none fits, always the pair of the lowest rank and of equals the
/// leftmost. `find(left, right)` gives the Merge of two neighbours.
template <class Symbol, class Find>
void ApplyMerges(MergeScratch<Symbol>& scratch, const Find& find) {
  if (scratch.symbols.size() < 2) return;
  if (scratch.symbols.size() <= kShortWord) {
    MergeShort(scratch.symbols, find);
  } else {
    MergeLong(scratch, find);
  }
}

}  // namespace bowhead::model
