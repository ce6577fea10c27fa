// What the expression and the statement parser share. Internal.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/template/ast.h"
#include "model/template/errors.h"
#include "model/template/lexer.h"

namespace bowhead::model {

/// The stream of tokens, the table of names and the limits on nesting.
class ParserBase {
 public:
  explicit ParserBase(std::string_view source) : tokens_(Tokenize(source)), program_(std::make_unique<Program>()) {
    for (NameId id = 0; id < program_->names.size(); ++id) ids_.emplace(program_->names[id], id);
  }

 protected:
  static constexpr std::size_t kMaxDepth = 100;   // of brackets and blocks in each other
  static constexpr std::size_t kMaxHeight = 300;  // of an expression's tree; a + b + c ... grows it too

  /// Counts one level of nesting while it lives.
  class Nested {
   public:
    explicit Nested(ParserBase& parser) : parser_(parser) {
      if (++parser_.depth_ > kMaxDepth) {
        FailAt(parser_.line(), "brackets or blocks are nested more than " + std::to_string(kMaxDepth) + " deep");
      }
    }
    Nested(const Nested&) = delete;
    Nested& operator=(const Nested&) = delete;
    ~Nested() { --parser_.depth_; }

   private:
    ParserBase& parser_;
  };

  [[nodiscard]] const Token& current() const { return tokens_[at_]; }
  [[nodiscard]] const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  [[nodiscard]] std::size_t line() const { return current().line; }
  const Token& Take() {
    const Token& token = tokens_[at_];
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }

  [[nodiscard]] bool Is(Token::Kind kind) const { return current().kind == kind; }
  [[nodiscard]] bool IsOperator(std::string_view text) const {
    return Is(Token::Kind::kOperator) && current().text == text;
  }
  [[nodiscard]] bool IsName(std::string_view text) const { return Is(Token::Kind::kName) && current().text == text; }
  bool SkipOperator(std::string_view text) {
    const bool is = IsOperator(text);
    if (is) Take();
    return is;
  }
  bool SkipName(std::string_view text) {
    const bool is = IsName(text);
    if (is) Take();
    return is;
  }
  const Token& Expect(Token::Kind kind, std::string_view what) {
    if (!Is(kind)) Unexpected(what);
    return Take();
  }
  void ExpectOperator(std::string_view text) {
    if (!SkipOperator(text)) Unexpected("'" + std::string(text) + "'");
  }
  [[noreturn]] void Unexpected(std::string_view expected) const;

  NameId Intern(const std::string& name) {
    const auto [it, added] = ids_.try_emplace(name, static_cast<NameId>(program_->names.size()));
    if (added) program_->names.push_back(name);
    return it->second;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  std::unique_ptr<Program> program_;
  std::map<std::string, NameId, std::less<>> ids_;

  // Reads of the special names so far; a difference tells whether a piece of source uses one.
  std::size_t loop_uses_ = 0;
  std::size_t caller_uses_ = 0;
  std::size_t varargs_uses_ = 0;
  std::size_t kwargs_uses_ = 0;

  // Calls x.name() of methods that no type has, and the attributes that the template itself makes, which may be macros.
  std::vector<std::pair<std::string, std::size_t>> unknown_methods_;
  std::set<std::string, std::less<>> own_attributes_;
};

inline std::vector<ExprPtr> Operands(ExprPtr a) {
  std::vector<ExprPtr> list;
  list.push_back(std::move(a));
  return list;
}
inline std::vector<ExprPtr> Operands(ExprPtr a, ExprPtr b) {
  std::vector<ExprPtr> list = Operands(std::move(a));
  list.push_back(std::move(b));
  return list;
}

/// Parses expressions.
class ExpressionParser : public ParserBase {
 public:
  using ParserBase::ParserBase;

 protected:
  ExprPtr ParseExpression(bool with_conditional = true);
  /// One expression, or several with commas as a tuple. `stop`: a name that ends it.
  ExprPtr ParseTuple(bool with_conditional = true, std::string_view stop = {}, bool explicit_parentheses = false);
  /// A name, a tuple of targets or, if allowed, an attribute of a namespace.
  ExprPtr ParseTarget(std::string_view stop, bool with_namespace);
  /// `| a | b(c)` applied to `input`; `inline_start`: the first filter has no bar before it.
  ExprPtr ParseFilters(ExprPtr input, bool inline_start);
  ExprPtr Make(Expr::Kind kind, std::size_t line, std::vector<ExprPtr> operands = {}) const;

 private:
  ExprPtr ParseConditional();
  ExprPtr ParseOr();
  ExprPtr ParseAnd();
  ExprPtr ParseNot();
  ExprPtr ParseCompare();
  ExprPtr ParseSum();
  ExprPtr ParseConcat();
  ExprPtr ParseProduct();
  ExprPtr ParsePower();
  ExprPtr ParseUnary(bool with_filter);
  ExprPtr ParsePrimary();
  ExprPtr ParseNameOrConstant();
  ExprPtr ParseString();
  ExprPtr ParseListLiteral();
  ExprPtr ParseDictLiteral();
  ExprPtr ParsePostfix(ExprPtr node);
  ExprPtr ParseFilterOrTest(ExprPtr node);
  ExprPtr ParseSubscript(ExprPtr node);
  ExprPtr ParseSubscribed(ExprPtr object, std::size_t line);
  ExprPtr ParseCall(ExprPtr callee);
  std::unique_ptr<CallArgs> ParseArgs(Expr& owner);
  ExprPtr ParseTest(ExprPtr node);
  ExprPtr ParseTargetItem(bool with_namespace);
  [[nodiscard]] std::string ParseDottedName();
  void CheckNamedFilterOrTest(const Expr& node) const;
  [[nodiscard]] bool IsTupleEnd(std::string_view stop) const;
  void Raise(Expr& parent, const Expr* child) const;
};

}  // namespace bowhead::model
