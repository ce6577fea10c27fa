// From the intermediate grammar to states: built back to front, so that each part knows where it goes on.
#include <algorithm>
#include <map>
#include <numeric>
#include <string_view>
#include <tuple>
#include <utility>

#include "grammar/json_value.h"
#include "grammar/left_recursion.h"
#include "grammar/program.h"

namespace bowhead::grammar {

class ProgramCompiler {
 public:
  ProgramCompiler(const Syntax& syntax, Budget& budget) : syntax_(syntax), budget_(budget) {}

  base::Result<std::shared_ptr<const Program>> Run() {
    return_ = Add(Program::Kind::kReturn);
    for (std::size_t i = 0; i < syntax_.rules().size(); ++i) rule_starts_.push_back(Add(Program::Kind::kPlain));
    for (std::size_t i = 0; i < rule_starts_.size(); ++i) {
      const StateId body = Compile(syntax_.rules()[i].body, return_);
      building_[rule_starts_[i]].empty.push_back(body);
    }
    if (!status_.ok()) return status_;
    program_->start_ = rule_starts_[syntax_.start];
    program_->max_depth_ = budget_.limits().max_depth;
    Flatten();
    FindClasses();
    const auto recursion = FindLeftRecursion(*program_, budget_);
    FindHeights();
    if (budget_.exhausted()) return Budget::Exhausted();
    if (recursion) return LeftRecursion(*recursion);
    if (program_->height(program_->start()) > static_cast<std::uint32_t>(program_->max_depth())) {
      return base::InvalidArgument("nothing of finite (or of reasonable) depth can match the constraint");
    }
    return std::shared_ptr<const Program>(std::move(program_));
  }

 private:
  struct Building {
    Program::State state;
    std::vector<Program::Edge> edges;
    std::vector<StateId> empty;
  };
  /// The way from a byte to a state, shared by all characters that end alike.
  using Tail = std::tuple<ByteChoice, StateId>;

  StateId Add(Program::Kind kind) {
    if (building_.size() >= budget_.limits().max_states || !budget_.Spend(2)) {
      if (status_.ok()) status_ = Budget::Exhausted();
      return 0;
    }
    building_.emplace_back();
    building_.back().state.kind = kind;
    return static_cast<StateId>(building_.size() - 1);
  }

  StateId Compile(ExprId id, StateId next) {
    const Syntax::Expr& expr = syntax_.expr(id);
    if (!status_.ok()) return 0;
    switch (expr.kind) {
      case Syntax::Kind::kBytes:
        return CompileBytes(expr.bytes, next);
      case Syntax::Kind::kText:
        return Call(TextStart(expr), next);
      case Syntax::Kind::kSequence:
        for (auto it = expr.children.rbegin(); it != expr.children.rend(); ++it) next = Compile(*it, next);
        return next;
      case Syntax::Kind::kAlternative: {
        const StateId from = Add(Program::Kind::kPlain);
        for (const ExprId child : expr.children) {
          const StateId begin = Compile(child, next);
          building_[from].empty.push_back(begin);
        }
        return from;
      }
      case Syntax::Kind::kRepeat:
        return CompileRepeat(expr, next);
      case Syntax::Kind::kRule:
        return Call(rule_starts_[expr.index], next);
      case Syntax::Kind::kObject:
        return Call(ObjectStart(expr.index), next);
    }
    return 0;
  }

  StateId Call(StateId callee, StateId next) {
    if (next == return_) return callee;  // nothing to come back for
    const StateId from = Add(Program::Kind::kCall);
    building_[from].state.a = callee;
    building_[from].state.b = next;
    return from;
  }

  StateId CompileBytes(std::string_view bytes, StateId next) {
    for (auto it = bytes.rbegin(); it != bytes.rend(); ++it) {
      const StateId from = Add(Program::Kind::kPlain);
      const auto byte = static_cast<std::uint8_t>(*it);
      building_[from].edges.push_back({byte, byte, next});
      next = from;
    }
    return next;
  }

  StateId CompileRepeat(const Syntax::Expr& expr, StateId next) {
    const ExprId child = expr.children.front();
    if (expr.max == 0) return next;
    if (expr.min <= 1 && expr.max == kUnlimited && !IsCharacterOfJson(child)) {
      const StateId loop = Add(Program::Kind::kPlain);
      const StateId begin = Compile(child, loop);
      building_[loop].empty = {begin, next};
      return expr.min == 0 ? loop : begin;
    }
    if (expr.min == 0 && expr.max == 1) {
      const StateId from = Add(Program::Kind::kPlain);
      const StateId begin = Compile(child, next);
      building_[from].empty = {begin, next};
      return from;
    }
    const StateId repeat = Add(Program::Kind::kRepeat);
    const StateId body = Compile(child, return_);
    building_[repeat].state.a = body;
    building_[repeat].state.min = expr.min;
    building_[repeat].state.max = expr.max;
    return Call(repeat, next);
  }

  /// Any character of a JSON string: its repetitions are counted even without limits, so that the token trie's
  /// shortcut for them needs to know only one form.
  [[nodiscard]] bool IsCharacterOfJson(ExprId id) const {
    const Syntax::Expr& expr = syntax_.expr(id);
    if (expr.kind != Syntax::Kind::kText || expr.encoding == TextEncoding::kUtf8) return false;
    const TextDfa& dfa = syntax_.dfas()[expr.index];
    return dfa.num_states() == 2 && dfa.classes().size() == 1 && dfa.classes()[0] == CodePointSet::All();
  }

  StateId TextStart(const Syntax::Expr& expr) {
    const auto [it, added] = text_starts_.emplace(std::pair(expr.index, expr.encoding), 0);
    if (!added) return it->second;
    const TextDfa& dfa = syntax_.dfas()[expr.index];
    if (dfa.empty()) return it->second = Add(Program::Kind::kPlain);
    std::vector<StateId> states;
    for (std::size_t s = 0; s < dfa.num_states(); ++s) states.push_back(Add(Program::Kind::kPlain));
    const StateId start = states.front();
    it->second = start;
    std::map<Tail, StateId> tails;
    for (std::size_t s = 0; s < dfa.num_states() && status_.ok(); ++s) {
      const auto from = static_cast<std::int32_t>(s);
      bool goes_on = false;
      for (std::size_t c = 0; c < dfa.classes().size(); ++c) {
        const std::int32_t to = dfa.Next(from, c);
        if (to == TextDfa::kDead) continue;
        goes_on = true;
        EncodeSet(dfa.classes()[c], expr.encoding, [&](const std::vector<ByteChoice>& path) {
          AddPath(states[s], path, states[static_cast<std::size_t>(to)], tails);
        });
      }
      if (dfa.label(from) == TextDfa::kNotAccepting) continue;
      if (goes_on) {
        building_[states[s]].empty.push_back(return_);
      } else {
        building_[states[s]].state.kind = Program::Kind::kReturn;
      }
    }
    if (dfa.num_states() == 2 && dfa.classes().size() == 1 && dfa.classes()[0] == CodePointSet::All() &&
        expr.encoding != TextEncoding::kUtf8) {
      building_[start].state.any_character = true;
    }
    return start;
  }

  void AddPath(StateId from, const std::vector<ByteChoice>& path, StateId to, std::map<Tail, StateId>& tails) {
    for (std::size_t i = path.size(); i-- > 1 && status_.ok();) {
      const auto [it, added] = tails.emplace(Tail(path[i], to), 0);
      if (added) {
        it->second = Add(Program::Kind::kPlain);
        for (const ByteRange& range : path[i]) building_[it->second].edges.push_back({range.first, range.last, to});
      }
      to = it->second;
    }
    for (const ByteRange& range : path.front()) building_[from].edges.push_back({range.first, range.last, to});
  }

  // "{" (space "}" | space "\"" key "\":" space value (space "}" | "," space "\"" ...))
  StateId ObjectStart(std::uint32_t index) {
    const auto [it, added] = object_starts_.emplace(index, 0);
    if (!added) return it->second;
    const auto add = [&](Program::Kind kind) {
      const StateId state = Add(kind);
      building_[state].state.object = index;
      return state;
    };
    const StateId open = add(Program::Kind::kObjectOpen);
    const StateId key = add(Program::Kind::kObjectKey);
    const StateId value = add(Program::Kind::kObjectValue);
    const StateId next = add(Program::Kind::kObjectNext);
    const StateId end = Space(CompileBytes("}", return_));
    const StateId quote = CompileBytes("\"", key);
    building_[open].state.a = end;
    building_[open].state.b = Space(quote);
    building_[next].state.a = end;
    building_[next].state.b = CompileBytes(",", Space(quote));
    building_[key].state.a = CompileBytes(":", Space(value));
    building_[value].state.a = next;
    AddObject(syntax_.objects()[index], index);
    return object_starts_[index] = CompileBytes("{", open);
  }

  /// Nothing, one space, or a line break with some indentation.
  StateId Space(StateId next) {
    if (!syntax_.flexible_layout) return next;
    if (space_ == 0) space_ = Compile(syntax_.space, return_);
    return Call(space_, next);
  }

  void AddObject(const ObjectSyntax& object, std::uint32_t index) {
    if (program_->objects_.size() <= index) program_->objects_.resize(index + 1);
    ObjectProgram result;
    result.min_properties = object.min_properties;
    result.max_properties = object.max_properties;
    for (const RuleId rule : object.other_values) result.other_values.push_back(rule_starts_[rule]);
    auto others = KeyDfa::Create(object.others, budget_);
    if (!others.ok()) {
      if (status_.ok()) status_ = others.status();
      return;
    }
    result.others = std::move(others).value();
    std::vector<std::uint32_t> order(object.properties.size());
    std::iota(order.begin(), order.end(), 0U);
    std::vector<std::string> keys;
    for (const auto& property : object.properties) keys.push_back(EscapeJson(property.name));
    std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return keys[a] < keys[b]; });
    std::vector<std::uint32_t> place(order.size());
    for (std::uint32_t i = 0; i < order.size(); ++i) place[order[i]] = i;
    for (const std::uint32_t i : order) {
      const ObjectSyntax::Property& from = object.properties[i];
      ObjectProgram::Property property;
      property.key = keys[i];
      property.value = rule_starts_[from.value];
      property.forbidden = from.forbidden;
      property.required = from.required;
      property.taken_by_others = result.others.Accepts(property.key);
      for (const std::uint32_t need : from.needs) property.needs.push_back(place[need]);
      result.properties.push_back(std::move(property));
    }
    program_->objects_[index] = std::move(result);
  }

  void Flatten() {
    for (Building& from : building_) {
      from.state.first_edge = static_cast<std::uint32_t>(program_->edges_.size());
      from.state.num_edges = static_cast<std::uint32_t>(from.edges.size());
      from.state.first_empty = static_cast<std::uint32_t>(program_->empty_.size());
      from.state.num_empty = static_cast<std::uint32_t>(from.empty.size());
      program_->edges_.insert(program_->edges_.end(), from.edges.begin(), from.edges.end());
      program_->empty_.insert(program_->empty_.end(), from.empty.begin(), from.empty.end());
      program_->states_.push_back(from.state);
    }
  }

  void FindClasses() {
    // A byte begins a new class where a range begins or ends. The keys of open objects are remembered as they come, so
    // there every byte may matter.
    std::array<bool, 257> border = {};
    border[0] = true;
    const auto mark = [&border](unsigned first, unsigned last) { border[first] = border[last + 1] = true; };
    for (const Program::Edge& edge : program_->edges_) mark(edge.first, edge.last);
    for (const ObjectProgram& object : program_->objects_) {
      mark('"', '"');
      if (!object.others.empty()) border.fill(true);
      for (const auto& property : object.properties) {
        for (const char c : property.key) mark(static_cast<unsigned char>(c), static_cast<unsigned char>(c));
      }
    }
    for (unsigned byte = 0; byte < 256; ++byte) {
      if (border[byte]) program_->class_bytes_.emplace_back(static_cast<std::uint8_t>(byte), 0);
      program_->class_of_[byte] = static_cast<std::uint8_t>(program_->class_bytes_.size() - 1);
      ++program_->class_bytes_.back().second;
    }
  }

  void FindHeights() {
    auto& heights = program_->heights_;
    heights.assign(program_->states_.size(), Program::kInfinite);
    // Values only fall, and by whole steps of depth; later states tend to lead to earlier ones.
    for (bool changed = true; changed && budget_.Spend(static_cast<std::int64_t>(heights.size() / 4));) {
      changed = false;
      for (StateId id = 0; id < heights.size(); ++id) {
        const std::uint32_t height = HeightOf(program_->states_[id]);
        if (height < heights[id]) {
          heights[id] = height;
          changed = true;
        }
      }
    }
  }

  [[nodiscard]] std::uint32_t Called(StateId callee) const {
    return std::min(program_->heights_[callee] + 1, Program::kInfinite);
  }

  [[nodiscard]] std::uint32_t HeightOf(const Program::State& state) const {
    const auto& heights = program_->heights_;
    switch (state.kind) {
      case Program::Kind::kReturn:
        return 0;
      case Program::Kind::kPlain: {
        std::uint32_t best = Program::kInfinite;
        for (const Program::Edge& edge : program_->edges(state)) best = std::min(best, heights[edge.to]);
        for (const StateId to : program_->empty_steps(state)) best = std::min(best, heights[to]);
        return best;
      }
      case Program::Kind::kCall:
        return std::max(Called(state.a), heights[state.b]);
      case Program::Kind::kRepeat:
        return state.min == 0 ? 0 : Called(state.a);
      case Program::Kind::kObjectOpen:
      case Program::Kind::kObjectKey:
      case Program::Kind::kObjectValue:
      case Program::Kind::kObjectNext:
        // One more call for the spaces before the end.
        return std::max(HeightOf(program_->objects_[state.object]), syntax_.flexible_layout ? 1U : 0U);
    }
    return Program::kInfinite;
  }

  /// Enough for every required value, and for as many others as min_properties asks for.
  [[nodiscard]] std::uint32_t HeightOf(const ObjectProgram& object) const {
    std::uint32_t height = 0;
    std::uint32_t count = 0;
    std::vector<std::uint32_t> optional;
    for (const auto& property : object.properties) {
      if (property.required) {
        height = std::max(height, property.forbidden ? Program::kInfinite : Called(property.value));
        ++count;
      } else if (!property.forbidden) {
        optional.push_back(Called(property.value));
      }
    }
    if (count >= object.min_properties) return height;
    std::uint32_t others = 0;
    for (const StateId value : object.other_values) others = std::max(others, Called(value));
    const std::uint64_t words = object.others.empty() ? 0 : object.others.words(0);
    std::sort(optional.begin(), optional.end());
    for (std::uint64_t i = 0; count < object.min_properties; ++count, ++i) {
      const bool has_optional = i < optional.size();
      if (!has_optional && i - optional.size() >= words) return Program::kInfinite;
      if (!has_optional) return std::max(height, others);  // all further ones are of this kind
      height = std::max(height, optional[i]);
    }
    return height;
  }

  base::Status LeftRecursion(StateId state) const {
    // Rules' bodies were built one after the other: the owner is the last rule that starts at or before... the state.
    std::string name;
    for (std::size_t i = 0; i < rule_starts_.size(); ++i) {
      if (rule_starts_[i] == state) name = syntax_.rules()[i].name;
    }
    return base::InvalidArgument("left recursion" + (name.empty() ? name : " in rule '" + name + "'") +
                                 ": a rule may not begin with itself; write it as a repetition");
  }

  const Syntax& syntax_;
  Budget& budget_;
  base::Status status_;
  std::shared_ptr<Program> program_{new Program()};
  std::vector<Building> building_;
  StateId return_ = 0;
  StateId space_ = 0;  // 0: not built yet
  std::vector<StateId> rule_starts_;
  std::map<std::pair<std::uint32_t, TextEncoding>, StateId> text_starts_;
  std::map<std::uint32_t, StateId> object_starts_;
};

base::Result<std::shared_ptr<const Program>> Program::Compile(const Syntax& syntax, Budget& budget) {
  return ProgramCompiler(syntax, budget).Run();
}

}  // namespace bowhead::grammar
