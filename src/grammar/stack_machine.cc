#include "grammar/stack_machine.h"

#include <algorithm>
#include <set>
#include <utility>

namespace bowhead::grammar {
namespace {

/// Most ways that one step may look at. Grammars of use stay below a hundred.
constexpr std::size_t kMaxVisits = 20'000;

std::uint64_t Mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
  return hash ^ (hash >> 29U);
}

std::uint64_t Hash(std::span<const StackMachine::Item> items) {
  std::uint64_t hash = items.size();
  for (const auto& item : items) {
    hash = Mix(hash, (std::uint64_t{item.state} << 32U) | item.data);
    hash = Mix(hash, static_cast<std::uint32_t>(item.below));
  }
  return hash;
}

}  // namespace

StackMachine::StackMachine(std::shared_ptr<const Program> program)
    : program_(std::move(program)), width_(program_->num_classes()), objects_(*program_) {
  const Item end = {kEnd, 0, 0};
  const SetId bottom = InternSorted({&end, 1});  // number 0: stacks that have nothing left
  sets_[static_cast<std::size_t>(bottom)].depth = 0;
  pending_.push_back({program_->start(), 0, bottom});
  start_ = Close();
  if (start_ == kDead) start_ = InternSorted({});  // given up at once: a configuration without a way on
}

void StackMachine::AddRow(Set& set) {
  set.row = num_rows_++;
  rows_.resize(rows_.size() + width_, kUnknown);
}

std::uint32_t StackMachine::HeightLeft(SetId below) const {
  const auto used = sets_[static_cast<std::size_t>(below)].depth;
  const auto limit = static_cast<std::uint32_t>(program_->max_depth());
  return used < limit ? limit - used : 0;
}

StackMachine::SetId StackMachine::Learn(SetId from, std::uint8_t byte_class) {
  const std::uint8_t byte = program_->ByteOfClass(byte_class);
  const std::size_t count = items(from).size();
  for (std::size_t i = 0; i < count; ++i) {
    const Item item = items(from)[i];
    if (item.state == kEnd) continue;
    const Program::State& state = program_->state(item.state);
    if (state.kind == Program::Kind::kObjectKey) {
      const std::uint32_t height = HeightLeft(item.below);
      if (height == 0) continue;
      if (const auto step = objects_.Step(item.data, byte, height - 1)) {
        pending_.push_back({step->closed ? state.a : item.state, step->state, item.below});
      }
      continue;
    }
    for (const Program::Edge& edge : program_->edges(state)) {
      if (edge.first <= byte && byte <= edge.last) pending_.push_back({edge.to, item.data, item.below});
    }
  }
  const SetId to = Close();
  rows_[RowOf(from) + byte_class] = to;
  return to;
}

StackMachine::SetId StackMachine::Close() {
  std::vector<Item> tops;
  visited_.clear();
  std::set<Item> many;
  std::size_t visits = 0;
  while (!pending_.empty()) {
    const Item item = pending_.back();
    pending_.pop_back();
    constexpr std::size_t kFew = 48;
    if (visits < kFew) {
      if (std::find(visited_.begin(), visited_.end(), item) != visited_.end()) continue;
      visited_.push_back(item);
    } else {
      if (visits == kFew) many.insert(visited_.begin(), visited_.end());
      if (!many.insert(item).second) continue;
    }
    if (++visits > kMaxVisits) {
      overflow_ = true;
      pending_.clear();
      return kDead;
    }
    Visit(item, tops);
  }
  return tops.empty() ? kDead : Intern(std::move(tops));
}

void StackMachine::Visit(const Item& item, std::vector<Item>& tops) {
  if (item.state == kEnd) {
    tops.push_back(item);
    return;
  }
  if (program_->height(item.state) > HeightLeft(item.below)) return;  // would end too deep, or never
  const Program::State& state = program_->state(item.state);
  switch (state.kind) {
    case Program::Kind::kPlain:
      if (state.num_edges > 0) tops.push_back(item);
      for (const StateId to : program_->empty_steps(state)) pending_.push_back({to, item.data, item.below});
      return;
    case Program::Kind::kReturn:
      Return(item.below);
      return;
    case Program::Kind::kCall:
      Push(state.b, item.data, item.below, state.a);
      return;
    case Program::Kind::kRepeat: {
      if (item.data >= state.min) Return(item.below);
      if (item.data >= state.max) return;
      const std::uint32_t count = state.max == kUnlimited ? std::min(item.data + 1, state.min) : item.data + 1;
      Push(item.state, count, item.below, state.a);
      return;
    }
    case Program::Kind::kObjectKey:
      tops.push_back(item);
      return;
    case Program::Kind::kObjectValue:
      Push(state.a, objects_.AfterValue(item.data), item.below, objects_.Value(item.data));
      return;
    case Program::Kind::kObjectOpen:
    case Program::Kind::kObjectNext: {
      const ObjectStates::Id object =
          state.kind == Program::Kind::kObjectOpen ? objects_.Begin(state.object) : item.data;
      const std::uint32_t height = HeightLeft(item.below);
      if (objects_.MayEnd(object)) pending_.push_back({state.a, 0, item.below});
      if (height > 0 && objects_.MayAdd(object, height - 1)) {
        pending_.push_back({state.b, objects_.BeginKey(object), item.below});
      }
      return;
    }
  }
}

void StackMachine::Return(SetId below) {
  const auto frames = items(below);
  pending_.insert(pending_.end(), frames.begin(), frames.end());
}

void StackMachine::Push(StateId state, std::uint32_t data, SetId below, StateId callee) {
  const Item frame = {state, data, below};
  pending_.push_back({callee, 0, InternSorted({&frame, 1})});
}

StackMachine::SetId StackMachine::Intern(std::vector<Item> items) {
  std::sort(items.begin(), items.end());
  std::size_t last = 0;
  for (std::size_t i = 1; i < items.size(); ++i) {
    if (items[i].state == items[last].state && items[i].data == items[last].data) {
      items[last].below = Union(items[last].below, items[i].below);
    } else {
      items[++last] = items[i];
    }
  }
  items.resize(last + 1);
  return InternSorted(items);
}

StackMachine::SetId StackMachine::InternSorted(std::span<const Item> items) {
  const std::uint64_t hash = Hash(items);
  const auto [begin, end] = by_hash_.equal_range(hash);
  for (auto it = begin; it != end; ++it) {
    const auto known = this->items(it->second);
    if (std::equal(known.begin(), known.end(), items.begin(), items.end())) return it->second;
  }
  Set set;
  set.first = static_cast<std::uint32_t>(items_.size());
  set.count = static_cast<std::uint32_t>(items.size());
  for (const Item& item : items) {
    if (item.state == kEnd) {
      set.accepts = true;
      continue;
    }
    set.depth = std::max(set.depth, sets_[static_cast<std::size_t>(item.below)].depth + 1);
    set.in_key = set.in_key || program_->state(item.state).kind == Program::Kind::kObjectKey;
  }
  items_.insert(items_.end(), items.begin(), items.end());
  sets_.push_back(set);
  const auto id = static_cast<SetId>(sets_.size()) - 1;
  by_hash_.emplace(hash, id);
  return id;
}

StackMachine::SetId StackMachine::Union(SetId a, SetId b) {
  if (a == b) return a;
  if (a > b) std::swap(a, b);
  const std::uint64_t key = (std::uint64_t{static_cast<std::uint32_t>(a)} << 32U) | static_cast<std::uint32_t>(b);
  if (const auto it = unions_.find(key); it != unions_.end()) return it->second;
  std::vector<Item> both(items(a).begin(), items(a).end());
  both.insert(both.end(), items(b).begin(), items(b).end());
  const SetId result = Intern(std::move(both));
  unions_.emplace(key, result);
  return result;
}

StackMachine::SetId StackMachine::NameKey(SetId set, std::string_view key) {
  std::vector<Item> named(items(set).begin(), items(set).end());
  bool changed = false;
  for (Item& item : named) {
    // Only in objects do states with edges carry data.
    if (item.state == kEnd || item.data == 0 || !objects_.IsOpen(item.data)) continue;
    item.data = objects_.Name(item.data, key);
    changed = true;
  }
  return changed ? Intern(std::move(named)) : set;
}

bool StackMachine::TakesPlainCharacters(const Item& item) const {
  if (item.state == kEnd) return false;
  const Program::State& state = program_->state(item.state);
  if (state.kind == Program::Kind::kObjectKey) return true;
  for (const Program::Edge& edge : program_->edges(state)) {
    const bool only_special =
        edge.last < 0x20 || (edge.first == edge.last && (edge.first == '"' || edge.first == '\\'));
    if (!only_special) return true;
  }
  return false;
}

StackMachine::PlainRoom StackMachine::FindPlainRoom(SetId set) const {
  PlainRoom room;
  bool others = false;
  for (const Item& item : items(set)) {
    std::uint32_t characters = 0;
    if (item.state != kEnd) {
      const Program::State& state = program_->state(item.state);
      const std::uint32_t height = HeightLeft(item.below);
      if (state.kind == Program::Kind::kObjectKey && height > 0 && objects_.TakesAnyCharacter(item.data, height - 1)) {
        characters = kUnlimited;
      }
      if (state.any_character) {
        for (const Item& frame : items(item.below)) {
          if (frame.state == kEnd) continue;
          const Program::State& repeat = program_->state(frame.state);
          if (repeat.kind != Program::Kind::kRepeat || repeat.a != item.state) continue;
          characters = std::max(characters, repeat.max == kUnlimited ? kUnlimited : repeat.max - frame.data + 1);
        }
      }
    }
    if (characters == 0) others = others || TakesPlainCharacters(item);
    room.characters = std::max(room.characters, characters);
  }
  room.all_known = room.characters == kUnlimited || !others;
  return room;
}

StackMachine::SetId StackMachine::CopyTo(StackMachine& other, SetId set) const {
  std::unordered_map<SetId, SetId> copied = {{0, 0}};
  return CopySet(other, set, copied);
}

StackMachine::SetId StackMachine::CopySet(StackMachine& other, SetId set,
                                          std::unordered_map<SetId, SetId>& copied) const {
  if (const auto it = copied.find(set); it != copied.end()) return it->second;
  std::vector<Item> result;
  for (Item item : items(set)) {
    if (item.state != kEnd) {
      const Program::Kind kind = program_->state(item.state).kind;
      if (kind != Program::Kind::kRepeat) item.data = objects_.CopyTo(other.objects_, item.data);
      item.below = CopySet(other, item.below, copied);
    }
    result.push_back(item);
  }
  const SetId to = other.Intern(std::move(result));
  copied.emplace(set, to);
  return to;
}

std::size_t StackMachine::bytes() const {
  return items_.capacity() * sizeof(Item) + sets_.capacity() * (sizeof(Set) + 48) + rows_.capacity() * sizeof(SetId) +
         unions_.size() * 48 + objects_.bytes();
}

}  // namespace bowhead::grammar
