#include "model/template/interpreter.h"

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "model/template/errors.h"
#include "model/template/python.h"

namespace bowhead::model {

// Counts one level of recursion while it lives.
class Interpreter::Level {
 public:
  explicit Level(Interpreter& interpreter) : interpreter_(interpreter) {
    if (++interpreter_.stack_depth_ > kMaxStackDepth) FailLimit("the template's calls are nested too deep");
  }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;
  ~Level() { --interpreter_.stack_depth_; }

 private:
  Interpreter& interpreter_;
};

// A new scope, kept until the end of the rendering only if a closure may need it.
class Interpreter::ScopeHolder {
 public:
  ScopeHolder(Interpreter& interpreter, Scope* parent, bool keep) : local_(parent), scope_(&local_) {
    if (keep) scope_ = &interpreter.kept_scopes_.emplace_back(parent);
  }
  ScopeHolder(const ScopeHolder&) = delete;
  ScopeHolder& operator=(const ScopeHolder&) = delete;

  Scope& operator*() { return *scope_; }

 private:
  Scope local_;
  Scope* scope_;
};

Interpreter::Interpreter(const Program& program, const Value& context, const RenderLimits& limits)
    : Runtime(Meter(limits.max_steps, limits.max_output_bytes)),
      program_(program),
      context_(context),
      max_calls_(limits.max_depth),
      now_(limits.now_unix_seconds.value_or(
          std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
              .count())),
      known_(program.names.size(), Known::kNo),
      root_values_(program.names.size()) {}

Interpreter::~Interpreter() {
  // Namespaces may refer to each other in circles. Each is still held here while another lets it go, so that a long
  // chain of them does not end in deep recursion.
  for (const auto& object : adopted_) static_cast<NamespaceObject&>(*object).attributes = Dict();
}

Text Interpreter::Run() {
  if (!context_.IsDict()) Fail("the context of a template is a dict");
  if (context_.depth() > Meter::kMaxNesting) FailLimit("the conversation has lists or dicts that are nested too deep");
  TextBuilder out(meter());
  try {
    ExecBlock(program_.body, root_, out);
  } catch (TemplateError& error) {
    if (error.line == 0) error.line = line_;
    throw;
  }
  return out.Take();
}

const Value* Interpreter::Lookup(NameId id, Scope& scope) {
  for (Scope* s = &scope; s != &root_; s = s->parent) {
    for (const auto& [name, value] : s->variables) {
      if (name == id) return &value;
    }
  }
  Known& known = known_[id];
  if (known == Known::kNo) {
    const std::string& name = program_.names[id];
    const Value* found = context_.dict().Find(name);
    root_values_[id] = found != nullptr ? *found : FindGlobal(name);
    known = root_values_[id].IsUndefined() ? Known::kAbsent : Known::kContext;
  }
  return known == Known::kAbsent ? nullptr : &root_values_[id];
}

void Interpreter::Define(NameId id, Value value, Scope& scope) {
  if (&scope == &root_) {
    root_values_[id] = std::move(value);
    known_[id] = Known::kSet;
    return;
  }
  for (auto& [name, slot] : scope.variables) {
    if (name == id) {
      slot = std::move(value);
      return;
    }
  }
  scope.variables.emplace_back(id, std::move(value));
}

void Interpreter::Assign(const Expr& target, Value value, Scope& scope) {
  switch (target.kind) {
    case Expr::Kind::kName:
      Define(target.id, std::move(value), scope);
      break;
    case Expr::Kind::kNamespace: {
      const Value* holder = Lookup(target.id, scope);
      NamespaceObject* object = holder == nullptr ? nullptr : AsNamespace(*holder);
      if (object == nullptr) Fail("'" + program_.names[target.id] + "' is no namespace; only those can be changed");
      object->attributes.Set(target.name, std::move(value));
      break;
    }
    default: {
      std::vector<Value> items = ToVector(value, meter());
      if (items.size() != target.operands.size()) {
        Fail(std::to_string(target.operands.size()) + " values are needed here, there are " +
             std::to_string(items.size()));
      }
      for (std::size_t i = 0; i < items.size(); ++i) Assign(*target.operands[i], std::move(items[i]), scope);
    }
  }
}

Interpreter::Flow Interpreter::ExecBlock(const Block& block, Scope& scope, TextBuilder& out) {
  for (const auto& stmt : block) {
    const Flow flow = Exec(*stmt, scope, out);
    if (flow != Flow::kNormal) return flow;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::Exec(const Stmt& stmt, Scope& scope, TextBuilder& out) {
  const Level level(*this);
  meter().Step();
  line_ = stmt.line;
  switch (stmt.kind) {
    case Stmt::Kind::kText:
      out.Append(stmt.text.text());
      return Flow::kNormal;
    case Stmt::Kind::kOutput:
      for (const auto& expr : stmt.exprs) AppendStr(out, Eval(*expr, scope));
      return Flow::kNormal;
    case Stmt::Kind::kIf:
      return ExecIf(stmt, scope, out);
    case Stmt::Kind::kFor:
      return ExecFor(stmt, scope, out);
    case Stmt::Kind::kSet:
      Assign(*stmt.target, Eval(*stmt.exprs[0], scope), scope);
      return Flow::kNormal;
    case Stmt::Kind::kSetBlock:
      return ExecSetBlock(stmt, scope);
    case Stmt::Kind::kMacro:
      Define(stmt.id, Value::FromObject(std::make_shared<MacroObject>(*stmt.macro, &scope)), scope);
      return Flow::kNormal;
    case Stmt::Kind::kCall:
      ExecCallBlock(stmt, scope, out);
      return Flow::kNormal;
    case Stmt::Kind::kFilter:
      return ExecFilterBlock(stmt, scope, out);
    case Stmt::Kind::kWith:
      return ExecWith(stmt, scope, out);
    case Stmt::Kind::kScope: {
      ScopeHolder inner(*this, &scope, stmt.has_closure);
      return ExecBlock(stmt.blocks[0], *inner, out);
    }
    case Stmt::Kind::kBreak:
      return Flow::kBreak;
    case Stmt::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::ExecIf(const Stmt& stmt, Scope& scope, TextBuilder& out) {
  for (std::size_t i = 0; i < stmt.exprs.size(); ++i) {
    if (Truthy(Eval(*stmt.exprs[i], scope))) return ExecBlock(stmt.blocks[i], scope, out);
  }
  return stmt.blocks.size() > stmt.exprs.size() ? ExecBlock(stmt.blocks.back(), scope, out) : Flow::kNormal;
}

// Where a loop takes its items from; with a condition, one that is tested when the item is asked for.
std::function<bool(Value&)> Interpreter::ItemSource(const Stmt& stmt, const Value& items, Scope& scope,
                                                    std::int64_t& length) {
  std::function<bool(Value&)> pull;
  length = -1;
  if (items.IsList()) {
    length = Length(items);
    pull = [items, i = std::size_t{0}](Value& item) mutable {
      if (i == items.items().size()) return false;
      item = items.items()[i++];
      return true;
    };
  } else if (AsIterator(items) != nullptr) {
    pull = [items](Value& item) {
      IteratorObject& iterator = *AsIterator(items);
      if (iterator.next == iterator.items.size()) return false;
      item = iterator.items[iterator.next++];
      return true;
    };
  } else {
    pull = [list = ToVector(items, meter()), i = std::size_t{0}](Value& item) mutable {
      if (i == list.size()) return false;
      item = list[i++];
      return true;
    };
    length = Length(items);
  }
  if (stmt.exprs[1] == nullptr) {
    return [this, inner = std::move(pull)](Value& item) {
      meter().Step();
      return inner(item);
    };
  }
  length = -1;
  return [this, &stmt, &scope, inner = std::move(pull)](Value& item) {
    while (inner(item)) {
      meter().Step();
      ScopeHolder test(*this, &scope, stmt.has_closure);
      Assign(*stmt.target, item, *test);
      if (Truthy(Eval(*stmt.exprs[1], *test))) return true;
    }
    return false;
  };
}

Interpreter::Flow Interpreter::ExecFor(const Stmt& stmt, Scope& scope, TextBuilder& out) {
  Flow flow = Flow::kNormal;
  ExecLoop(stmt, Eval(*stmt.exprs[0], scope), 0, scope, out, flow);
  return flow;
}

// `flow` is how the else part ended; break and continue of the body end here.
void Interpreter::ExecLoop(const Stmt& stmt, const Value& items, std::size_t depth0, Scope& scope, TextBuilder& out,
                           Flow& flow) {
  const auto loop = std::make_shared<LoopObject>();
  loop->pull = ItemSource(stmt, items, scope, loop->known_length);
  loop->depth0 = depth0;
  loop->recursive = stmt.recursive ? &stmt : nullptr;
  loop->scope = &scope;
  // Once the loop is over, its source may be gone.
  const auto end = [](LoopObject* object) { object->pull = nullptr; };
  const std::unique_ptr<LoopObject, decltype(end)> guard(loop.get(), end);
  // Jinja takes the else part if no round came to the end of the body: `continue` in all of them counts as none.
  bool completed = false;
  while (loop->Advance()) {
    ScopeHolder body(*this, &scope, stmt.has_closure);
    if (stmt.uses_loop) (*body).variables.emplace_back(Program::kLoop, Value::FromObject(loop));
    Assign(*stmt.target, loop->current, *body);
    const Flow ended = ExecBlock(stmt.blocks[0], *body, out);
    if (ended == Flow::kBreak) break;
    completed |= ended == Flow::kNormal;
  }
  if (!completed && stmt.blocks.size() > 1) {
    ScopeHolder otherwise(*this, &scope, stmt.has_closure);
    flow = ExecBlock(stmt.blocks[1], *otherwise, out);
  }
}

Interpreter::Flow Interpreter::ExecSetBlock(const Stmt& stmt, Scope& scope) {
  TextBuilder text(meter());
  ScopeHolder inner(*this, &scope, stmt.has_closure);
  const Flow flow = ExecBlock(stmt.blocks[0], *inner, text);
  if (flow != Flow::kNormal) return flow;
  Value value = text.TakeValue();
  if (stmt.exprs[0] != nullptr) value = EvalFilter(*stmt.exprs[0], *inner, &value);
  Assign(*stmt.target, std::move(value), scope);
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::ExecFilterBlock(const Stmt& stmt, Scope& scope, TextBuilder& out) {
  TextBuilder text(meter());
  ScopeHolder inner(*this, &scope, stmt.has_closure);
  const Flow flow = ExecBlock(stmt.blocks[0], *inner, text);
  if (flow != Flow::kNormal) return flow;
  const Value value = text.TakeValue();
  AppendStr(out, EvalFilter(*stmt.exprs[0], *inner, &value));
  return Flow::kNormal;
}

Interpreter::Flow Interpreter::ExecWith(const Stmt& stmt, Scope& scope, TextBuilder& out) {
  ScopeHolder inner(*this, &scope, stmt.has_closure);
  for (std::size_t i = 0; i < stmt.targets.size(); ++i) {
    Assign(*stmt.targets[i], Eval(*stmt.exprs[i], scope), *inner);
  }
  return ExecBlock(stmt.blocks[0], *inner, out);
}

void Interpreter::ExecCallBlock(const Stmt& stmt, Scope& scope, TextBuilder& out) {
  const Value caller = Value::FromObject(std::make_shared<MacroObject>(*stmt.macro, &scope));
  AppendStr(out, EvalCall(*stmt.exprs[0], scope, &caller));
}

// --- calls ---

Value Interpreter::Call(const Value& callee, Args args) {
  RequireDefined(callee);
  if (!callee.IsObject()) Fail("a " + TypeName(callee) + " cannot be called");
  Object& object = callee.object();
  switch (object.type()) {
    case Object::Type::kMacro:
      return CallMacro(static_cast<const MacroObject&>(object), std::move(args));
    case Object::Type::kFunction:
      return static_cast<const FunctionObject&>(object).fn(*this, args);
    case Object::Type::kMethod: {
      const auto& method = static_cast<const MethodObject&>(object);
      return CallMethod(*this, *method.method, method.self, args);
    }
    case Object::Type::kLoop:
      return CallLoop(static_cast<LoopObject&>(object), args);
    case Object::Type::kJoiner: {
      const BoundArgs bound(args, "joiner", {});
      auto& joiner = static_cast<JoinerObject&>(object);
      return std::exchange(joiner.used, true) ? joiner.separator : Value::String("");
    }
    default:
      Fail("a " + TypeName(callee) + " cannot be called");
  }
}

void Interpreter::BindMacro(const MacroNode& node, Args args, Scope& scope) {
  const auto take = [&args](std::string_view name) -> std::optional<Value> {
    for (std::size_t i = 0; i < args.named.size(); ++i) {
      if (args.named[i].first != name) continue;
      std::optional<Value> value(std::move(args.named[i].second));
      args.named.erase(args.named.begin() + static_cast<std::ptrdiff_t>(i));
      return value;
    }
    return std::nullopt;
  };
  const std::size_t given = std::min(args.positional.size(), node.params.size());
  std::vector<std::optional<Value>> values(args.positional.begin(),
                                           args.positional.begin() + static_cast<std::ptrdiff_t>(given));
  for (std::size_t i = given; i < node.params.size(); ++i) values.push_back(take(program_.names[node.params[i]]));
  if (node.uses_caller) {
    const std::optional<Value> caller = take("caller");
    Define(Program::kCaller, caller ? *caller : Value::Undefined("No caller defined"), scope);
  }
  if (node.uses_kwargs) {
    Dict rest;
    for (auto& [name, value] : args.named) rest.Set(name, std::move(value));
    Define(Program::kKwargs, MakeDict(std::move(rest), meter()), scope);
  } else if (!args.named.empty()) {
    Fail("the macro '" + node.name + "' has no parameter '" + args.named.front().first + "'");
  }
  if (node.uses_varargs) {
    std::vector<Value> rest(args.positional.begin() + static_cast<std::ptrdiff_t>(given), args.positional.end());
    Define(Program::kVarargs, MakeTuple(std::move(rest), meter()), scope);
  } else if (args.positional.size() > node.params.size()) {
    Fail("the macro '" + node.name + "' takes at most " + std::to_string(node.params.size()) + " arguments");
  }
  const std::size_t first_default = node.params.size() - node.defaults.size();
  for (std::size_t i = 0; i < node.params.size(); ++i) {
    if (!values[i]) {
      values[i] = i >= first_default
                      ? Eval(*node.defaults[i - first_default], scope)
                      : Value::Undefined("parameter '" + program_.names[node.params[i]] + "' was not provided");
    }
    Define(node.params[i], *std::move(values[i]), scope);
  }
}

Value Interpreter::CallMacro(const MacroObject& macro, Args args) {
  const Level level(*this);
  if (calls_ >= max_calls_) FailLimit("macros call each other more than " + std::to_string(max_calls_) + " deep");
  ++calls_;
  const std::size_t line = line_;
  ScopeHolder scope(*this, macro.scope, macro.node->has_closure);
  BindMacro(*macro.node, std::move(args), *scope);
  TextBuilder out(meter());
  ExecBlock(macro.node->body, *scope, out);
  --calls_;  // a rendering that fails in here ends as a whole
  line_ = line;
  return out.TakeValue();
}

Value Interpreter::CallLoop(LoopObject& loop, const Args& args) {
  const BoundArgs bound(args, "loop", {"iterable"}, 1);
  if (loop.recursive == nullptr) Fail("only a loop that is marked 'recursive' can be called");
  if (!loop.pull) Fail("the loop is over");
  if (calls_ >= max_calls_) FailLimit("loops call each other more than " + std::to_string(max_calls_) + " deep");
  ++calls_;
  TextBuilder out(meter());
  Flow flow = Flow::kNormal;
  ExecLoop(*loop.recursive, bound[0], loop.depth0 + 1, *loop.scope, out, flow);
  --calls_;
  return out.TakeValue();
}

}  // namespace bowhead::model
