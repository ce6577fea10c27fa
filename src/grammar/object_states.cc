#include "grammar/object_states.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace bowhead::grammar {
namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};

/// The part of [begin, end) of ascending keys that have `byte` at place `at`; all have the same bytes before it.
template <class KeyAt>
std::pair<std::uint32_t, std::uint32_t> Narrow(std::uint32_t begin, std::uint32_t end, std::size_t at,
                                               std::uint8_t byte, const KeyAt& key_at) {
  const auto byte_at = [&](std::uint32_t i) {
    const std::string& key = key_at(i);
    return key.size() > at ? static_cast<int>(static_cast<std::uint8_t>(key[at])) : -1;
  };
  while (begin < end && byte_at(begin) < byte) ++begin;
  std::uint32_t last = begin;
  while (last < end && byte_at(last) == byte) ++last;
  return {begin, last};
}

}  // namespace

ObjectStates::ObjectStates(const Program& program) : program_(program), states_(1), key_sets_(1) {
  for (const ObjectProgram& object : program.objects()) {
    has_needs_.push_back(std::any_of(object.properties.begin(), object.properties.end(),
                                     [](const auto& property) { return !property.needs.empty(); }));
  }
}

ObjectStates::Id ObjectStates::Intern(State state) {
  std::string key;
  const auto put = [&key](std::uint32_t value) { key.append(reinterpret_cast<const char*>(&value), sizeof value); };
  for (const std::uint32_t value :
       {state.object, state.count, state.extras, static_cast<std::uint32_t>(state.open),
        static_cast<std::uint32_t>(state.value), state.length, state.named.begin, state.named.end, state.extra.begin,
        state.extra.end, static_cast<std::uint32_t>(state.dfa)}) {
    put(value);
  }
  std::uint32_t word = 0;
  for (std::size_t i = 0; i < state.seen.size(); ++i) {
    word |= static_cast<std::uint32_t>(state.seen[i]) << (i % 32);
    if (i % 32 == 31 || i + 1 == state.seen.size()) put(std::exchange(word, 0));
  }
  const auto [it, added] = known_.emplace(std::move(key), static_cast<Id>(states_.size()));
  if (added) {
    bytes_ += 2 * it->first.size() + sizeof(State) + 64;
    states_.push_back(std::move(state));
  }
  return it->second;
}

std::uint32_t ObjectStates::InternKeys(KeySet keys) {
  // Sets of keys grow one by one along a text; looking at the last ones finds what repeats.
  for (std::size_t i = key_sets_.size(), tries = 0; i-- > 0 && tries < 64; ++tries) {
    if (key_sets_[i] == keys) return static_cast<std::uint32_t>(i);
  }
  for (const std::string& key : keys) bytes_ += key.size() + sizeof(std::string);
  key_sets_.push_back(std::move(keys));
  return static_cast<std::uint32_t>(key_sets_.size()) - 1;
}

ObjectStates::Id ObjectStates::Begin(std::uint32_t object) {
  State state;
  state.object = object;
  state.seen.resize(program_.objects()[object].properties.size());
  return Intern(std::move(state));
}

ObjectStates::Id ObjectStates::BeginKey(Id id) {
  State state = states_[id];
  state.length = 0;
  state.named = {0, static_cast<std::uint32_t>(state.seen.size())};
  state.extra = {0, static_cast<std::uint32_t>(key_sets_[state.extras].size())};
  state.dfa = program_of(state).others.empty() ? KeyDfa::kDead : 0;
  return Intern(std::move(state));
}

std::uint32_t ObjectStates::Missing(const State& state, std::uint32_t added, std::uint32_t height) const {
  const auto& properties = program_of(state).properties;
  std::vector<bool> wanted(properties.size());
  std::vector<std::uint32_t> pending;
  const auto want = [&](std::uint32_t i) {
    if (!wanted[i]) pending.push_back(i);
    wanted[i] = true;
  };
  for (std::uint32_t i = 0; i < properties.size(); ++i) {
    if (properties[i].required || state.seen[i] || i == added) want(i);
  }
  std::uint32_t missing = 0;
  while (!pending.empty()) {
    const std::uint32_t i = pending.back();
    pending.pop_back();
    if (!state.seen[i]) {
      if (properties[i].forbidden || program_.height(properties[i].value) > height) return kUnlimited / 2;
      missing += i == added ? 0 : 1;
    }
    for (const std::uint32_t need : properties[i].needs) want(need);
  }
  return missing;
}

bool ObjectStates::MayEnd(Id id) const {
  const State& state = states_[id];
  return state.count >= program_of(state).min_properties && Missing(state, kNone, Program::kInfinite) == 0;
}

bool ObjectStates::MayUse(const State& state, std::uint32_t property, std::uint32_t height) const {
  const ObjectProgram& object = program_of(state);
  const ObjectProgram::Property& p = object.properties[property];
  if (state.seen[property] || p.forbidden || program_.height(p.value) > height) return false;
  if (object.max_properties == kUnlimited && !has_needs_[state.object]) return true;
  return state.count + 1 + Missing(state, property, height) <= object.max_properties;
}

bool ObjectStates::MayUseOthers(const State& state, std::uint32_t height) const {
  const ObjectProgram& object = program_of(state);
  if (object.others.empty()) return false;
  // One value that would be too deep forbids them all: which it is shows only at the end of the key.
  for (const StateId value : object.other_values) {
    if (program_.height(value) > height) return false;
  }
  if (object.max_properties == kUnlimited) return true;
  return state.count + 1 + Missing(state, kNone, height) <= object.max_properties;
}

bool ObjectStates::CanContinue(const State& state, std::uint32_t height) const {
  for (std::uint32_t i = state.named.begin; i < state.named.end; ++i) {
    if (MayUse(state, i, height)) return true;
  }
  if (state.dfa == KeyDfa::kDead || !MayUseOthers(state, height)) return false;
  const ObjectProgram& object = program_of(state);
  const std::uint64_t words = object.others.words(state.dfa);
  if (words == KeyDfa::kEndless) return true;
  std::uint64_t used = state.extra.end - state.extra.begin + (state.open ? 1U : 0U);
  for (std::uint32_t i = state.named.begin; i < state.named.end; ++i)
    used += object.properties[i].taken_by_others ? 1 : 0;
  return words > used;
}

bool ObjectStates::MayAdd(Id id, std::uint32_t height) const {
  State state = states_[id];
  state.named = {0, static_cast<std::uint32_t>(state.seen.size())};
  state.extra = {0, static_cast<std::uint32_t>(key_sets_[state.extras].size())};
  state.dfa = program_of(state).others.empty() ? KeyDfa::kDead : 0;
  return CanContinue(state, height);
}

std::optional<ObjectStates::KeyStep> ObjectStates::Step(Id id, std::uint8_t byte, std::uint32_t height) {
  State state = states_[id];
  const ObjectProgram& object = program_of(state);
  if (byte == '"') {
    if (auto closed = Close(state, height)) return closed;
  }
  std::tie(state.named.begin, state.named.end) =
      Narrow(state.named.begin, state.named.end, state.length, byte,
             [&](std::uint32_t i) -> const std::string& { return object.properties[i].key; });
  const KeySet& extras = key_sets_[state.extras];
  std::tie(state.extra.begin, state.extra.end) =
      Narrow(state.extra.begin, state.extra.end, state.length, byte,
             [&](std::uint32_t i) -> const std::string& { return extras[i]; });
  if (state.dfa != KeyDfa::kDead) state.dfa = object.others.Next(state.dfa, byte);
  // Where no name begins like this any more, the length says nothing; so all longer keys are one state.
  const bool on_names = state.named.begin < state.named.end || state.extra.begin < state.extra.end;
  state.length = on_names ? state.length + 1 : 0;
  if (!on_names) state.named = state.extra = {};
  if (!CanContinue(state, height)) return std::nullopt;
  return KeyStep{Intern(std::move(state)), false};
}

std::optional<ObjectStates::KeyStep> ObjectStates::Close(State state, std::uint32_t height) {
  const ObjectProgram& object = program_of(state);
  const std::int32_t label = state.dfa == KeyDfa::kDead ? TextDfa::kNotAccepting : object.others.label(state.dfa);
  const KeySet& extras = key_sets_[state.extras];
  // Of keys that begin alike the shortest comes first.
  const bool is_named =
      state.named.begin < state.named.end && object.properties[state.named.begin].key.size() == state.length;
  const bool is_extra = state.extra.begin < state.extra.end && extras[state.extra.begin].size() == state.length;
  if (is_named) {
    if (!MayUse(state, state.named.begin, height)) return std::nullopt;
    state.seen[state.named.begin] = true;
    state.value = static_cast<std::int32_t>(state.named.begin);
  } else {
    if (label == TextDfa::kNotAccepting || is_extra || state.open || !MayUseOthers(state, height)) return std::nullopt;
    state.open = true;
    state.value = -2 - label;
  }
  ++state.count;
  state.length = 0;
  state.named = state.extra = {};
  state.dfa = KeyDfa::kDead;
  return KeyStep{Intern(std::move(state)), true};
}

StateId ObjectStates::Value(Id id) const {
  const State& state = states_[id];
  const ObjectProgram& object = program_of(state);
  if (state.value >= 0) return object.properties[static_cast<std::size_t>(state.value)].value;
  return object.other_values[static_cast<std::size_t>(-2 - state.value)];
}

ObjectStates::Id ObjectStates::AfterValue(Id id) {
  State state = states_[id];
  state.value = kNoValue;
  return Intern(std::move(state));
}

ObjectStates::Id ObjectStates::Name(Id id, std::string_view key) {
  State state = states_[id];
  KeySet keys = key_sets_[state.extras];
  keys.insert(std::upper_bound(keys.begin(), keys.end(), key), std::string(key));
  state.extras = InternKeys(std::move(keys));
  state.open = false;
  return Intern(std::move(state));
}

bool ObjectStates::TakesAnyCharacter(Id id, std::uint32_t height) const {
  const State& state = states_[id];
  const ObjectProgram& object = program_of(state);
  if (state.dfa == KeyDfa::kDead || !object.others.any_character(state.dfa)) return false;
  return object.others.words(state.dfa) == KeyDfa::kEndless && MayUseOthers(state, height);
}

ObjectStates::Id ObjectStates::CopyTo(ObjectStates& other, Id id) const {
  if (id == 0) return 0;
  State state = states_[id];
  state.extras = other.InternKeys(key_sets_[state.extras]);
  return other.Intern(std::move(state));
}

}  // namespace bowhead::grammar
