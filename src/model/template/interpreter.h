// Runs a parsed template once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "model/template/ast.h"
#include "model/template/chat_template.h"
#include "model/template/objects.h"
#include "model/template/runtime.h"

namespace bowhead::model {

/// One rendering. Use once. Throws TemplateError, whose line is filled in.
class Interpreter : public Runtime {
 public:
  Interpreter(const Program& program, const Value& context, const RenderLimits& limits);
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;
  ~Interpreter() override;

  Text Run();

  Value Call(const Value& callee, Args args) override;
  [[nodiscard]] std::int64_t Now() const override { return now_; }
  void Adopt(const std::shared_ptr<Object>& object) override { adopted_.push_back(object); }

 private:
  enum class Flow : std::uint8_t { kNormal, kBreak, kContinue };

  /// Recursion of Eval and Exec on the machine's stack; a macro call costs several levels.
  static constexpr std::size_t kMaxStackDepth = 1500;
  class Level;
  class ScopeHolder;

  // Statements.
  Flow ExecBlock(const Block& block, Scope& scope, TextBuilder& out);
  Flow Exec(const Stmt& stmt, Scope& scope, TextBuilder& out);
  Flow ExecIf(const Stmt& stmt, Scope& scope, TextBuilder& out);
  Flow ExecFor(const Stmt& stmt, Scope& scope, TextBuilder& out);
  void ExecLoop(const Stmt& stmt, const Value& items, std::size_t depth0, Scope& scope, TextBuilder& out, Flow& flow);
  Flow ExecSetBlock(const Stmt& stmt, Scope& scope);
  Flow ExecFilterBlock(const Stmt& stmt, Scope& scope, TextBuilder& out);
  Flow ExecWith(const Stmt& stmt, Scope& scope, TextBuilder& out);
  void ExecCallBlock(const Stmt& stmt, Scope& scope, TextBuilder& out);
  void Assign(const Expr& target, Value value, Scope& scope);
  std::function<bool(Value&)> ItemSource(const Stmt& stmt, const Value& items, Scope& scope, std::int64_t& length);

  // Expressions.
  Value Eval(const Expr& expr, Scope& scope);
  Value EvalNode(const Expr& expr, Scope& scope);
  Value EvalName(const Expr& expr, Scope& scope);
  Value EvalAttribute(const Expr& expr, Scope& scope);
  Value EvalList(const Expr& expr, Scope& scope);
  Value EvalDict(const Expr& expr, Scope& scope);
  Value EvalSlice(const Expr& expr, Scope& scope);
  Value EvalCall(const Expr& expr, Scope& scope, const Value* caller = nullptr);
  Value EvalFilter(const Expr& expr, Scope& scope, const Value* block_text = nullptr);
  Value EvalTest(const Expr& expr, Scope& scope);
  Value EvalConcat(const Expr& expr, Scope& scope);
  Value EvalCompare(const Expr& expr, Scope& scope);
  Value EvalConditional(const Expr& expr, Scope& scope);
  Args EvalArgs(const CallArgs& args, Scope& scope);

  Value CallMacro(const MacroObject& macro, Args args);
  void BindMacro(const MacroNode& node, Args args, Scope& scope);
  Value CallLoop(LoopObject& loop, const Args& args);
  const Value* Lookup(NameId id, Scope& scope);
  void Define(NameId id, Value value, Scope& scope);

  const Program& program_;
  const Value& context_;
  std::size_t max_calls_;
  std::int64_t now_;
  std::size_t line_ = 0;
  std::size_t stack_depth_ = 0;
  std::size_t calls_ = 0;

  // The outermost scope, by name: whether it was looked up or set, and what it is.
  enum class Known : std::uint8_t { kNo, kAbsent, kContext, kSet };
  Scope root_{nullptr};
  std::vector<Known> known_;
  std::vector<Value> root_values_;

  std::deque<Scope> kept_scopes_;  // that closures may refer to
  std::vector<std::shared_ptr<Object>> adopted_;
};

}  // namespace bowhead::model
