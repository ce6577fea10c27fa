#include "grammar/left_recursion.h"

#include <algorithm>
#include <vector>

namespace bowhead::grammar {
namespace {

/// Which states can return without taking a byte.
std::vector<bool> FindNullable(const Program& program, Budget& budget) {
  std::vector<bool> nullable(program.num_states(), false);
  const auto sweep = static_cast<std::int64_t>(program.num_states() / 8);
  for (bool changed = true; changed && budget.Spend(sweep);) {
    changed = false;
    for (StateId id = 0; id < program.num_states(); ++id) {
      if (nullable[id]) continue;
      const Program::State& state = program.state(id);
      bool now = false;
      switch (state.kind) {
        case Program::Kind::kReturn:
          now = true;
          break;
        case Program::Kind::kPlain: {
          const auto steps = program.empty_steps(state);
          now = std::any_of(steps.begin(), steps.end(), [&](StateId to) { return nullable[to]; });
          break;
        }
        case Program::Kind::kCall:
          now = nullable[state.a] && nullable[state.b];
          break;
        case Program::Kind::kRepeat:
          now = state.min == 0 || nullable[state.a];
          break;
        default:
          break;  // an object takes its braces
      }
      if (now) nullable[id] = changed = true;
    }
  }
  return nullable;
}

struct Step {
  StateId to = 0;
  bool call = false;
};

std::vector<Step> StepsWithoutBytes(const Program& program, const std::vector<bool>& nullable, StateId id) {
  const Program::State& state = program.state(id);
  std::vector<Step> steps;
  if (state.kind == Program::Kind::kPlain) {
    for (const StateId to : program.empty_steps(state)) steps.push_back({to, false});
  } else if (state.kind == Program::Kind::kCall) {
    steps.push_back({state.a, true});
    if (nullable[state.a]) steps.push_back({state.b, false});
  } else if (state.kind == Program::Kind::kRepeat) {
    steps.push_back({state.a, true});
  }
  return steps;
}

}  // namespace

std::optional<StateId> FindLeftRecursion(const Program& program, Budget& budget) {
  // Tarjan's strongly connected components, without recursion; a call inside of a component is left recursion.
  const std::vector<bool> nullable = FindNullable(program, budget);
  const std::size_t n = program.num_states();
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  struct Frame {
    StateId state;
    std::vector<Step> steps;
    std::size_t next = 0;
  };
  std::vector<std::uint32_t> number(n, kNone);
  std::vector<std::uint32_t> low(n, 0);
  std::vector<std::uint32_t> component(n, kNone);
  std::vector<StateId> path;
  std::vector<Frame> frames;
  std::uint32_t count = 0;
  std::uint32_t components = 0;
  const auto open = [&](StateId state) {
    number[state] = low[state] = count++;
    path.push_back(state);
    frames.push_back({state, StepsWithoutBytes(program, nullable, state)});
  };
  for (StateId root = 0; root < n; ++root) {
    if (number[root] != kNone) continue;
    open(root);
    while (!frames.empty()) {
      Frame& frame = frames.back();
      const StateId state = frame.state;
      if (frame.next < frame.steps.size()) {
        const StateId to = frame.steps[frame.next++].to;
        if (number[to] == kNone) {
          open(to);
        } else if (component[to] == kNone) {
          low[state] = std::min(low[state], number[to]);
        }
        continue;
      }
      frames.pop_back();
      if (!frames.empty()) low[frames.back().state] = std::min(low[frames.back().state], low[state]);
      if (low[state] != number[state]) continue;
      for (StateId member = kNone; member != state;) {
        member = path.back();
        path.pop_back();
        component[member] = components;
      }
      ++components;
    }
  }
  for (StateId id = 0; id < n; ++id) {
    for (const Step& step : StepsWithoutBytes(program, nullable, id)) {
      if (step.call && component[id] == component[step.to]) return step.to;
    }
  }
  return std::nullopt;
}

}  // namespace bowhead::grammar
