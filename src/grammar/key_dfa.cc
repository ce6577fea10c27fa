#include "grammar/key_dfa.h"

#include <algorithm>
#include <map>
#include <utility>

#include "grammar/text_encoding.h"

namespace bowhead::grammar {
namespace {

constexpr std::size_t kMaxStates = 4096;  // of 1 KiB each
constexpr std::uint64_t kMany = std::uint64_t{1} << 32U;

/// What is between two characters: the rests of the paths that are still possible, each with the state that it leads
/// to.
struct Rest {
  std::size_t path = 0;  // index into the paths of a state
  std::size_t at = 0;
  friend auto operator<=>(const Rest&, const Rest&) = default;
};

struct Path {
  std::vector<ByteChoice> bytes;
  std::int32_t to = 0;
};

}  // namespace

base::Result<KeyDfa> KeyDfa::Create(const TextDfa& dfa, Budget& budget) {
  KeyDfa result;
  if (dfa.empty()) return result;
  const auto add_state = [&result] {
    result.states_.emplace_back();
    result.states_.back().next.fill(kDead);
    return static_cast<std::int32_t>(result.states_.size()) - 1;
  };
  const auto num_text_states = static_cast<std::int32_t>(dfa.num_states());
  for (std::int32_t s = 0; s < num_text_states; ++s) {
    add_state();
    result.states_.back().label = dfa.label(s);
    if (result.states_.size() > kMaxStates) return Budget::Exhausted();
  }
  for (std::int32_t s = 0; s < num_text_states; ++s) {
    bool any = true;
    std::vector<Path> paths;
    for (std::size_t c = 0; c < dfa.classes().size(); ++c) {
      const std::int32_t to = dfa.Next(s, c);
      if (to != s) any = false;
      if (to == TextDfa::kDead) continue;
      EncodeSet(dfa.classes()[c], TextEncoding::kJson, [&](const std::vector<ByteChoice>& bytes) {
        paths.push_back({bytes, to});
      });
    }
    result.states_[static_cast<std::size_t>(s)].any = any;
    // Subset construction over the paths. All that are possible at once end together, so only ends are final.
    using Key = std::vector<Rest>;
    std::map<Key, std::int32_t> known;
    std::vector<std::pair<std::int32_t, Key>> pending(1);
    pending.front().first = s;
    for (std::size_t i = 0; i < paths.size(); ++i) pending.front().second.push_back({i, 0});
    while (!pending.empty()) {
      const auto [from, rests] = std::move(pending.back());
      pending.pop_back();
      if (!budget.Spend(static_cast<std::int64_t>(16 + 4 * rests.size()))) return Budget::Exhausted();
      std::array<Key, 256> after;
      std::array<std::int32_t, 256> ends;
      ends.fill(kDead);
      for (const Rest& rest : rests) {
        const Path& path = paths[rest.path];
        for (const ByteRange& range : path.bytes[rest.at]) {
          for (unsigned byte = range.first; byte <= range.last; ++byte) {
            if (rest.at + 1 == path.bytes.size()) {
              ends[byte] = path.to;
            } else {
              after[byte].push_back({rest.path, rest.at + 1});
            }
          }
        }
      }
      for (std::size_t byte = 0; byte < 256; ++byte) {
        std::int32_t to = ends[byte];
        if (!after[byte].empty()) {
          const auto [it, added] = known.emplace(after[byte], 0);
          if (added) {
            it->second = add_state();
            if (result.states_.size() > kMaxStates) return Budget::Exhausted();
            pending.emplace_back(it->second, it->first);
          }
          to = it->second;
        }
        result.states_[static_cast<std::size_t>(from)].next[byte] = to;
      }
    }
  }
  result.CountWords();
  return result;
}

bool KeyDfa::Accepts(std::string_view key) const {
  if (empty()) return false;
  std::int32_t state = 0;
  for (const char c : key) {
    state = Next(state, static_cast<std::uint8_t>(c));
    if (state == kDead) return false;
  }
  return label(state) != TextDfa::kNotAccepting;
}

void KeyDfa::CountWords() {
  // Depth first; a state that is met again while it is open lies on a circle, and every state is useful.
  enum class Mark : std::uint8_t { kNew, kOpen, kDone };
  struct Frame {
    std::size_t state;
    unsigned byte;
  };
  std::vector<Mark> marks(states_.size(), Mark::kNew);
  std::vector<Frame> stack;
  const auto add = [](std::uint64_t a, std::uint64_t b) {
    return a == kEndless || b == kEndless ? kEndless : std::min(a + b, kMany);
  };
  const auto open = [&](std::size_t state) {
    marks[state] = Mark::kOpen;
    states_[state].words = states_[state].label == TextDfa::kNotAccepting ? 0 : 1;
    stack.push_back({state, 0});
  };
  open(0);
  while (!stack.empty()) {
    Frame& frame = stack.back();
    if (frame.byte == 256) {
      const std::size_t done = frame.state;
      marks[done] = Mark::kDone;
      stack.pop_back();
      if (!stack.empty()) {
        State& parent = states_[stack.back().state];
        parent.words = add(parent.words, states_[done].words);
      }
      continue;
    }
    const std::int32_t next = states_[frame.state].next[frame.byte++];
    if (next == kDead) continue;
    const auto to = static_cast<std::size_t>(next);
    if (marks[to] == Mark::kOpen) {
      states_[frame.state].words = kEndless;
    } else if (marks[to] == Mark::kDone) {
      states_[frame.state].words = add(states_[frame.state].words, states_[to].words);
    } else {
      open(to);
    }
  }
  // A state that was done while a circle through it was still open knows too little: spread until nothing changes.
  for (bool changed = true; changed;) {
    changed = false;
    for (State& state : states_) {
      if (state.words == kEndless) continue;
      for (const std::int32_t next : state.next) {
        if (next != kDead && states_[static_cast<std::size_t>(next)].words == kEndless) {
          state.words = kEndless;
          changed = true;
          break;
        }
      }
    }
  }
}

}  // namespace bowhead::grammar
