#include "grammar/text_dfa.h"

#include <algorithm>
#include <map>
#include <utility>

#include "model/tokenizer/unicode.h"

namespace bowhead::grammar {
namespace {

/// Thompson's construction. Assertions are empty steps that can be taken only at the begin or at the end of the text.
class Nfa {
 public:
  enum class Step : std::uint8_t { kCharacter, kEmpty, kAtBegin, kAtEnd };
  struct Edge {
    Step step = Step::kEmpty;
    std::size_t set = 0;  // index into sets(), of kCharacter
    std::uint32_t to = 0;
  };

  explicit Nfa(Budget& budget) : budget_(budget) {}

  /// False if the budget ends.
  bool Build(const Regex& regex, bool search) {
    const std::uint32_t start = AddState();
    match_ = AddState();
    if (search) {
      const std::size_t all = AddSet(CodePointSet::All());
      // Leaving the start by a character loses ^; so the loop is a state of its own.
      AddEdge(start, {Step::kCharacter, all, start});
      AddEdge(match_, {Step::kCharacter, all, match_});
    }
    return Add(regex, start, match_);
  }

  [[nodiscard]] std::uint32_t match() const { return match_; }
  [[nodiscard]] const std::vector<CodePointSet>& sets() const { return sets_; }
  [[nodiscard]] const std::vector<Edge>& edges(std::uint32_t state) const { return edges_[state]; }
  [[nodiscard]] std::size_t num_states() const { return edges_.size(); }

  /// Adds to `states` (ascending) all that empty steps lead to.
  void Close(std::vector<std::uint32_t>& states, bool at_begin, bool at_end) const {
    std::vector<bool> known(edges_.size(), false);
    std::vector<std::uint32_t> pending = states;
    for (const std::uint32_t s : states) known[s] = true;
    while (!pending.empty()) {
      const std::uint32_t state = pending.back();
      pending.pop_back();
      for (const Edge& edge : edges_[state]) {
        const bool open = edge.step == Step::kEmpty || (edge.step == Step::kAtBegin && at_begin) ||
                          (edge.step == Step::kAtEnd && at_end);
        if (!open || known[edge.to]) continue;
        known[edge.to] = true;
        states.push_back(edge.to);
        pending.push_back(edge.to);
      }
    }
    std::sort(states.begin(), states.end());
  }

 private:
  std::uint32_t AddState() {
    edges_.emplace_back();
    return static_cast<std::uint32_t>(edges_.size()) - 1;
  }
  void AddEdge(std::uint32_t from, Edge edge) { edges_[from].push_back(edge); }
  std::size_t AddSet(const CodePointSet& set) {
    const auto it = std::find(sets_.begin(), sets_.end(), set);
    if (it != sets_.end()) return static_cast<std::size_t>(it - sets_.begin());
    sets_.push_back(set);
    return sets_.size() - 1;
  }

  bool Add(const Regex& regex, std::uint32_t from, std::uint32_t to) {
    if (!budget_.Spend() || edges_.size() > 8 * budget_.limits().max_dfa_states) return false;
    switch (regex.kind) {
      case Regex::Kind::kSet:
        AddEdge(from, {Step::kCharacter, AddSet(regex.set), to});
        return true;
      case Regex::Kind::kBegin:
      case Regex::Kind::kEnd:
        AddEdge(from, {regex.kind == Regex::Kind::kBegin ? Step::kAtBegin : Step::kAtEnd, 0, to});
        return true;
      case Regex::Kind::kSequence:
        for (const Regex& child : regex.children) {
          const std::uint32_t next = AddState();
          if (!Add(child, from, next)) return false;
          from = next;
        }
        AddEdge(from, {Step::kEmpty, 0, to});
        return true;
      case Regex::Kind::kAlternative:
        for (const Regex& child : regex.children) {
          const std::uint32_t begin = AddState();
          AddEdge(from, {Step::kEmpty, 0, begin});
          if (!Add(child, begin, to)) return false;
        }
        return true;
      case Regex::Kind::kRepeat:
        return AddRepeat(regex, from, to);
    }
    return false;
  }

  bool AddRepeat(const Regex& regex, std::uint32_t from, std::uint32_t to) {
    const Regex& child = regex.children.front();
    for (std::uint32_t i = 0; i < regex.min; ++i) {
      const std::uint32_t next = AddState();
      if (!Add(child, from, next)) return false;
      from = next;
    }
    if (regex.max == kUnlimited) {
      const std::uint32_t loop = AddState();
      AddEdge(from, {Step::kEmpty, 0, loop});
      AddEdge(loop, {Step::kEmpty, 0, to});
      const std::uint32_t begin = AddState();
      AddEdge(loop, {Step::kEmpty, 0, begin});
      return Add(child, begin, loop);
    }
    for (std::uint32_t i = regex.min; i < regex.max; ++i) {
      AddEdge(from, {Step::kEmpty, 0, to});
      const std::uint32_t begin = AddState();
      AddEdge(from, {Step::kEmpty, 0, begin});
      const std::uint32_t next = AddState();
      if (!Add(child, begin, next)) return false;
      from = next;
    }
    AddEdge(from, {Step::kEmpty, 0, to});
    return true;
  }

  Budget& budget_;
  std::vector<std::vector<Edge>> edges_;
  std::vector<CodePointSet> sets_;
  std::uint32_t match_ = 0;
};

/// Gives each distinct key a state of the builder, and says which are still to be expanded.
template <class Key>
class StateIndex {
 public:
  StateIndex(DfaBuilder& builder, Budget& budget) : builder_(builder), budget_(budget) {}
  /// `label` is called for new keys only. kDead if there are too many.
  template <class Label>
  std::int32_t Get(Key key, const Label& label) {
    const auto it = known_.find(key);
    if (it != known_.end()) return it->second;
    if (builder_.num_states() >= budget_.limits().max_dfa_states || !budget_.Spend(4)) {
      overflow_ = true;
      return TextDfa::kDead;
    }
    const std::int32_t state = builder_.AddState(label(key));
    pending_.emplace_back(state, key);
    known_.emplace(std::move(key), state);
    return state;
  }
  bool Pop(std::pair<std::int32_t, Key>& out) {
    if (overflow_ || next_ == pending_.size()) return false;
    out = pending_[next_++];
    return true;
  }
  [[nodiscard]] bool overflow() const { return overflow_; }

 private:
  DfaBuilder& builder_;
  Budget& budget_;
  std::map<Key, std::int32_t> known_;
  std::vector<std::pair<std::int32_t, Key>> pending_;
  std::size_t next_ = 0;
  bool overflow_ = false;
};

base::Status TooManyStates() {
  return base::ResourceExhausted("the pattern, with its lengths, needs too many states; make it simpler");
}

}  // namespace

base::Result<TextDfa> TextDfa::FromRegex(const Regex& regex, bool search, Budget& budget) {
  Nfa nfa(budget);
  if (!nfa.Build(regex, search)) return TooManyStates();
  std::vector<const CodePointSet*> sets;
  for (const CodePointSet& set : nfa.sets()) sets.push_back(&set);
  std::int64_t borders = 1;
  for (const CodePointSet* set : sets) borders += static_cast<std::int64_t>(set->ranges().size());
  if (!budget.Spend(borders * static_cast<std::int64_t>(1 + sets.size() / 8))) return Budget::Exhausted();
  const std::vector<CodePointSet> classes = Partition(sets);
  std::vector<std::vector<bool>> contains(sets.size(), std::vector<bool>(classes.size()));
  for (std::size_t s = 0; s < sets.size(); ++s) {
    for (std::size_t c = 0; c < classes.size(); ++c) contains[s][c] = sets[s]->Contains(classes[c].ranges()[0].first);
  }

  using Key = std::vector<std::uint32_t>;
  DfaBuilder builder(classes);
  StateIndex<Key> index(builder, budget);
  const auto accepts = [&nfa](Key states, bool at_begin) {
    nfa.Close(states, at_begin, true);
    return std::binary_search(states.begin(), states.end(), nfa.match()) ? 0 : kNotAccepting;
  };
  Key start = {0};
  nfa.Close(start, true, false);
  // The start is a state of its own: only there does ^ hold. An unused key keeps it apart from later equal sets.
  Key start_key = start;
  start_key.push_back(~0U);
  index.Get(start_key, [&](const Key&) { return accepts(start, true); });
  std::pair<std::int32_t, Key> from;
  while (index.Pop(from)) {
    if (from.second.back() == ~0U) from.second.pop_back();
    for (std::size_t c = 0; c < classes.size(); ++c) {
      Key to;
      for (const std::uint32_t state : from.second) {
        for (const Nfa::Edge& edge : nfa.edges(state)) {
          if (edge.step == Nfa::Step::kCharacter && contains[edge.set][c]) to.push_back(edge.to);
        }
      }
      if (!budget.Spend(static_cast<std::int64_t>(1 + from.second.size() / 4))) return Budget::Exhausted();
      if (to.empty()) continue;
      std::sort(to.begin(), to.end());
      to.erase(std::unique(to.begin(), to.end()), to.end());
      if (!budget.Spend(static_cast<std::int64_t>(nfa.num_states() / 64))) return Budget::Exhausted();
      nfa.Close(to, false, false);
      builder.SetNext(from.first, c, index.Get(std::move(to), [&](const Key& key) { return accepts(key, false); }));
    }
  }
  if (index.overflow()) return budget.exhausted() ? Budget::Exhausted() : TooManyStates();
  return std::move(builder).Build();
}

base::Result<TextDfa> TextDfa::OfLength(std::uint32_t min, std::uint32_t max, Budget& budget) {
  const std::uint32_t last = max == kUnlimited ? min : max;
  if (last >= budget.limits().max_dfa_states) return TooManyStates();
  DfaBuilder builder({CodePointSet::All()});
  for (std::uint32_t n = 0; n <= last; ++n) builder.AddState(n >= min ? 0 : kNotAccepting);
  for (std::uint32_t n = 0; n < last; ++n)
    builder.SetNext(static_cast<std::int32_t>(n), 0, static_cast<std::int32_t>(n + 1));
  if (max == kUnlimited) builder.SetNext(static_cast<std::int32_t>(last), 0, static_cast<std::int32_t>(last));
  return std::move(builder).Build();
}

TextDfa TextDfa::Anything() {
  DfaBuilder builder({CodePointSet::All()});
  builder.SetNext(builder.AddState(0), 0, 0);
  return std::move(builder).Build();
}

base::Result<TextDfa> TextDfa::Product(std::span<const TextDfa* const> parts,
                                       const std::function<std::int32_t(const std::vector<bool>&)>& label,
                                       Budget& budget) {
  std::vector<const CodePointSet*> sets;
  std::int64_t borders = 1;
  for (const TextDfa* part : parts) {
    for (const CodePointSet& set : part->classes_) {
      sets.push_back(&set);
      borders += static_cast<std::int64_t>(set.ranges().size());
    }
  }
  if (!budget.Spend(borders * static_cast<std::int64_t>(1 + sets.size() / 8))) return Budget::Exhausted();
  const std::vector<CodePointSet> classes = Partition(sets);
  // Which class of each part a class of the product lies in.
  constexpr std::size_t kNone = ~std::size_t{0};
  std::vector<std::vector<std::size_t>> within(parts.size(), std::vector<std::size_t>(classes.size(), kNone));
  for (std::size_t p = 0; p < parts.size(); ++p) {
    for (std::size_t c = 0; c < classes.size(); ++c) {
      for (std::size_t own = 0; own < parts[p]->classes_.size(); ++own) {
        if (parts[p]->classes_[own].Contains(classes[c].ranges()[0].first)) within[p][c] = own;
      }
    }
  }
  using Key = std::vector<std::int32_t>;
  const auto label_of = [&](const Key& key) {
    std::vector<bool> accepting(parts.size());
    for (std::size_t p = 0; p < parts.size(); ++p) {
      accepting[p] = key[p] != kDead && parts[p]->label(key[p]) != kNotAccepting;
    }
    return label(accepting);
  };
  DfaBuilder builder(classes);
  StateIndex<Key> index(builder, budget);
  Key start(parts.size());
  for (std::size_t p = 0; p < parts.size(); ++p) start[p] = parts[p]->empty() ? kDead : 0;
  index.Get(start, label_of);
  std::pair<std::int32_t, Key> from;
  while (index.Pop(from)) {
    for (std::size_t c = 0; c < classes.size(); ++c) {
      if (!budget.Spend(static_cast<std::int64_t>(parts.size()))) return Budget::Exhausted();
      Key to(parts.size(), kDead);
      for (std::size_t p = 0; p < parts.size(); ++p) {
        if (from.second[p] != kDead && within[p][c] != kNone) to[p] = parts[p]->Next(from.second[p], within[p][c]);
      }
      builder.SetNext(from.first, c, index.Get(std::move(to), label_of));
    }
  }
  if (index.overflow()) return budget.exhausted() ? Budget::Exhausted() : TooManyStates();
  return std::move(builder).Build();
}

base::Result<TextDfa> TextDfa::Intersection(const TextDfa& a, const TextDfa& b, Budget& budget) {
  const std::vector<const TextDfa*> parts = {&a, &b};
  return Product(
      parts, [](const std::vector<bool>& accepting) { return accepting[0] && accepting[1] ? 0 : kNotAccepting; },
      budget);
}

std::int32_t TextDfa::Match(std::string_view text) const {
  if (empty()) return kNotAccepting;
  std::int32_t state = 0;
  for (const char *p = text.data(), *end = p + text.size(); p != end;) {
    const model::DecodedChar c = model::DecodeUtf8(p, end);
    if (!c.valid) return kNotAccepting;
    p += c.length;
    std::int32_t next = kDead;
    for (std::size_t i = 0; i < classes_.size(); ++i) {
      if (classes_[i].Contains(c.value)) next = Next(state, i);
    }
    if (next == kDead) return kNotAccepting;
    state = next;
  }
  return label(state);
}

void TextDfa::Trim() {
  const std::size_t n = labels_.size();
  const std::size_t width = classes_.size();
  std::vector<std::vector<std::int32_t>> sources(n);
  std::vector<bool> useful(n, false);
  std::vector<std::int32_t> pending;
  for (std::size_t s = 0; s < n; ++s) {
    for (std::size_t c = 0; c < width; ++c) {
      if (next_[s * width + c] != kDead)
        sources[static_cast<std::size_t>(next_[s * width + c])].push_back(static_cast<std::int32_t>(s));
    }
    if (labels_[s] != kNotAccepting) {
      useful[s] = true;
      pending.push_back(static_cast<std::int32_t>(s));
    }
  }
  while (!pending.empty()) {
    const auto state = static_cast<std::size_t>(pending.back());
    pending.pop_back();
    for (const std::int32_t source : sources[state]) {
      if (useful[static_cast<std::size_t>(source)]) continue;
      useful[static_cast<std::size_t>(source)] = true;
      pending.push_back(source);
    }
  }
  std::vector<std::int32_t> renamed(n, kDead);
  std::int32_t count = 0;
  for (std::size_t s = 0; s < n; ++s) {
    if (useful[s]) renamed[s] = count++;
  }
  if (n == 0 || !useful[0]) {
    next_.clear();
    labels_.clear();
    return;
  }
  for (std::size_t s = 0; s < n; ++s) {
    if (!useful[s]) continue;
    const auto to = static_cast<std::size_t>(renamed[s]);
    labels_[to] = labels_[s];
    for (std::size_t c = 0; c < width; ++c) {
      const std::int32_t next = next_[s * width + c];
      next_[to * width + c] = next == kDead ? kDead : renamed[static_cast<std::size_t>(next)];
    }
  }
  labels_.resize(static_cast<std::size_t>(count));
  next_.resize(labels_.size() * width);
}

}  // namespace bowhead::grammar
