#include "model/template/parser.h"

#include <algorithm>
#include <array>
#include <initializer_list>

#include "model/template/parser_base.h"

namespace bowhead::model {
namespace {

using Kind = Stmt::Kind;
using Names = std::initializer_list<std::string_view>;

// Jinja has these; a chat template has no use for them, and they reach outside of the template.
constexpr std::array<std::string_view, 8> kForeignTags = {"block", "extends",    "include", "import",
                                                          "from",  "autoescape", "do",      "trans"};

class StatementParser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  std::unique_ptr<const Program> Run() {
    program_->body = ParseBlock({});
    for (const auto& [name, at] : unknown_methods_) {
      if (own_attributes_.contains(name) || IsLoopMethod(name)) continue;
      FailUnknown(at, "there is no method '" + name + "'");
    }
    return std::move(program_);
  }

 private:
  static bool IsLoopMethod(std::string_view name) {
    return name == "cycle" || name == "changed" || name == "next" || name == "reset";
  }

  std::unique_ptr<Stmt> MakeStmt(Kind kind, std::size_t at) const {
    auto stmt = std::make_unique<Stmt>();
    stmt->kind = kind;
    stmt->line = static_cast<std::uint32_t>(at);
    return stmt;
  }

  // Statements up to a tag of `ends`, whose name is the current token then; without ends, the whole template.
  Block ParseBlock(Names ends) {
    const Nested nested(*this);
    Block block;
    for (;;) {
      switch (current().kind) {
        case Token::Kind::kData: {
          const Token& token = Take();
          block.push_back(MakeStmt(Kind::kText, token.line));
          block.back()->text = Value::String(token.text);
          break;
        }
        case Token::Kind::kVariableBegin: {
          block.push_back(MakeStmt(Kind::kOutput, Take().line));
          block.back()->exprs.push_back(ParseTuple());
          Expect(Token::Kind::kVariableEnd, "'}}'");
          break;
        }
        case Token::Kind::kBlockBegin: {
          Take();
          if (Is(Token::Kind::kName) && std::find(ends.begin(), ends.end(), current().text) != ends.end()) return block;
          if (!Is(Token::Kind::kName)) Unexpected("the name of a tag");
          block.push_back(ParseStatement(ends));
          Expect(Token::Kind::kBlockEnd, "'%}'");
          break;
        }
        default:
          if (ends.size() == 0) return block;
          Unexpected("{% " + std::string(*(ends.end() - 1)) + " %}");
      }
    }
  }

  // The body of a tag, from behind the tag's own words.
  Block ParseBody(Names ends) {
    SkipOperator(":");
    Expect(Token::Kind::kBlockEnd, "'%}'");
    return ParseBlock(ends);
  }

  // As ParseBody, for a body with one possible end, which is taken too.
  Block ParseBodyTo(std::string_view end) {
    Block block = ParseBody({end});
    Take();
    return block;
  }

  std::unique_ptr<Stmt> ParseStatement(Names ends) {
    const Token& token = Take();
    const std::string& tag = token.text;
    if (tag == "if") return ParseIf(token.line);
    if (tag == "for") return ParseFor(token.line);
    if (tag == "set") return ParseSet(token.line);
    if (tag == "macro") return ParseMacro(token.line);
    if (tag == "call") return ParseCallBlock(token.line);
    if (tag == "filter") return ParseFilterBlock(token.line);
    if (tag == "with") return ParseWith(token.line);
    if (tag == "print") return ParsePrint(token.line);
    if (tag == "generation") return ParseGeneration(token.line);
    if (tag == "break" || tag == "continue") {
      if (loops_ == 0) FailAt(token.line, "'" + tag + "' outside of a loop");
      return MakeStmt(tag == "break" ? Kind::kBreak : Kind::kContinue, token.line);
    }
    if (std::find(kForeignTags.begin(), kForeignTags.end(), tag) != kForeignTags.end()) {
      FailUnknown(token.line, "the tag '" + tag + "' is not supported");
    }
    if (tag.starts_with("end") || tag == "else" || tag == "elif") {
      FailAt(token.line, "'" + tag + "' does not end anything here" +
                             (ends.size() == 0 ? "" : "; {% " + std::string(*(ends.end() - 1)) + " %} is expected"));
    }
    FailUnknown(token.line, "there is no tag '" + tag + "'");
  }

  std::unique_ptr<Stmt> ParseIf(std::size_t at) {
    auto stmt = MakeStmt(Kind::kIf, at);
    stmt->exprs.push_back(ParseTuple(false));
    for (;;) {
      stmt->blocks.push_back(ParseBody({"elif", "else", "endif"}));
      const std::string& end = Take().text;
      if (end == "endif") return stmt;
      if (end == "else") {
        stmt->blocks.push_back(ParseBodyTo("endif"));
        return stmt;
      }
      stmt->exprs.push_back(ParseTuple(false));
    }
  }

  std::unique_ptr<Stmt> ParseFor(std::size_t at) {
    auto stmt = MakeStmt(Kind::kFor, at);
    stmt->target = ParseTarget("in", false);
    if (!SkipName("in")) Unexpected("'in'");
    stmt->exprs.push_back(ParseTuple(false, "recursive"));
    const std::size_t closures = closures_;
    stmt->exprs.push_back(SkipName("if") ? ParseExpression() : nullptr);
    stmt->recursive = SkipName("recursive");
    const std::size_t uses = loop_uses_;
    ++loops_;
    stmt->blocks.push_back(ParseBody({"endfor", "else"}));
    --loops_;
    stmt->uses_loop = stmt->recursive || loop_uses_ != uses;
    if (Take().text == "else") stmt->blocks.push_back(ParseBodyTo("endfor"));
    stmt->has_closure = closures_ != closures;
    return stmt;
  }

  std::unique_ptr<Stmt> ParseSet(std::size_t at) {
    auto stmt = MakeStmt(Kind::kSet, at);
    stmt->target = ParseTarget({}, true);
    if (SkipOperator("=")) {
      stmt->exprs.push_back(ParseTuple());
      return stmt;
    }
    stmt->kind = Kind::kSetBlock;
    stmt->exprs.push_back(ParseFilters(nullptr, false));
    ParseScoped(*stmt, "endset");
    return stmt;
  }

  void ParseScoped(Stmt& stmt, std::string_view end) {
    const std::size_t closures = closures_;
    stmt.blocks.push_back(ParseBodyTo(end));
    stmt.has_closure = closures_ != closures;
  }

  std::unique_ptr<Stmt> ParseWith(std::size_t at) {
    auto stmt = MakeStmt(Kind::kWith, at);
    while (!Is(Token::Kind::kBlockEnd) && !IsOperator(":")) {
      if (!stmt->targets.empty()) ExpectOperator(",");
      stmt->targets.push_back(ParseTarget({}, false));
      ExpectOperator("=");
      stmt->exprs.push_back(ParseExpression());
    }
    ParseScoped(*stmt, "endwith");
    return stmt;
  }

  std::unique_ptr<Stmt> ParsePrint(std::size_t at) {
    auto stmt = MakeStmt(Kind::kOutput, at);
    while (!Is(Token::Kind::kBlockEnd)) {
      if (!stmt->exprs.empty()) ExpectOperator(",");
      stmt->exprs.push_back(ParseExpression());
    }
    return stmt;
  }

  std::unique_ptr<Stmt> ParseFilterBlock(std::size_t at) {
    auto stmt = MakeStmt(Kind::kFilter, at);
    stmt->exprs.push_back(ParseFilters(nullptr, true));
    ParseScoped(*stmt, "endfilter");
    return stmt;
  }

  // The hub's library marks the assistant's tokens with this; to the text it is a scope and nothing else.
  std::unique_ptr<Stmt> ParseGeneration(std::size_t at) {
    auto stmt = MakeStmt(Kind::kScope, at);
    const std::size_t loops = std::exchange(loops_, 0);
    ParseScoped(*stmt, "endgeneration");
    loops_ = loops;
    return stmt;
  }

  void ParseSignature(MacroNode& macro) {
    ExpectOperator("(");
    for (bool first = true; !IsOperator(")"); first = false) {
      if (!first) ExpectOperator(",");
      const NameId id = Intern(Expect(Token::Kind::kName, "a parameter").text);
      if (std::find(macro.params.begin(), macro.params.end(), id) != macro.params.end()) {
        FailAt(line(), "the parameter '" + program_->names[id] + "' appears twice");
      }
      macro.params.push_back(id);
      if (SkipOperator("=")) {
        macro.defaults.push_back(ParseExpression());
      } else if (id == Program::kCaller) {
        FailAt(line(), "a parameter 'caller' needs a default");
      } else if (!macro.defaults.empty()) {
        FailAt(line(), "a parameter without default follows one with a default");
      }
    }
    ExpectOperator(")");
  }

  void ParseMacroBody(MacroNode& macro, std::string_view end) {
    const std::size_t caller = caller_uses_;
    const std::size_t varargs = varargs_uses_;
    const std::size_t kwargs = kwargs_uses_;
    const std::size_t loops = std::exchange(loops_, 0);
    const std::size_t closures = closures_;
    macro.body = ParseBodyTo(end);
    macro.has_closure = closures_ != closures;
    ++closures_;
    loops_ = loops;
    const auto is_param = [&macro](NameId id) {
      return std::find(macro.params.begin(), macro.params.end(), id) != macro.params.end();
    };
    macro.uses_caller = caller_uses_ != caller && !is_param(Program::kCaller);
    macro.uses_varargs = varargs_uses_ != varargs && !is_param(Program::kVarargs);
    macro.uses_kwargs = kwargs_uses_ != kwargs && !is_param(Program::kKwargs);
  }

  std::unique_ptr<Stmt> ParseMacro(std::size_t at) {
    auto stmt = MakeStmt(Kind::kMacro, at);
    stmt->macro = std::make_unique<MacroNode>();
    stmt->macro->name = Expect(Token::Kind::kName, "the macro's name").text;
    stmt->id = Intern(stmt->macro->name);
    ParseSignature(*stmt->macro);
    ParseMacroBody(*stmt->macro, "endmacro");
    return stmt;
  }

  std::unique_ptr<Stmt> ParseCallBlock(std::size_t at) {
    auto stmt = MakeStmt(Kind::kCall, at);
    stmt->macro = std::make_unique<MacroNode>();
    stmt->macro->name = "caller";
    if (IsOperator("(")) ParseSignature(*stmt->macro);
    stmt->exprs.push_back(ParseExpression());
    if (stmt->exprs.front()->kind != Expr::Kind::kCall) FailAt(at, "a call block needs a call");
    ParseMacroBody(*stmt->macro, "endcall");
    return stmt;
  }

  std::size_t loops_ = 0;     // around the current place, within the same macro
  std::size_t closures_ = 0;  // macros and call blocks so far
};

}  // namespace

std::unique_ptr<const Program> ParseTemplate(std::string_view source) {
  return StatementParser(source).Run();
}

}  // namespace bowhead::model
