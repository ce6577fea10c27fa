// The syntax tree of a template. Built once by the parser, then read by any number of renderings at once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "model/template/runtime.h"
#include "model/template/value.h"

namespace bowhead::model {

/// An index into Program::names.
using NameId = std::uint32_t;

struct Expr;
using ExprPtr = std::unique_ptr<Expr>;

/// f(a, b, key=c, *more, **most)
struct CallArgs {
  std::vector<ExprPtr> positional;
  std::vector<std::pair<std::string, ExprPtr>> named;
  ExprPtr star;
  ExprPtr double_star;
};

struct Expr {
  enum class Kind : std::uint8_t {
    kConst,      // constant
    kName,       // id
    kNamespace,  // id, name: ns.attribute as the target of a set
    kTuple,      // operands
    kList,       // operands
    kDict,       // operands: key, value, key, value ...
    kAttribute,  // operands[0].name
    kItem,       // operands[0][operands[1]]
    kSlice,      // operands[0][a:b:c] = operands[1..3], each may be null
    kCall,       // operands[0](args)
    kFilter,     // operands[0] | filter(args); operands[0] is null in filter blocks
    kTest,       // operands[0] is test(args)
    kNegate,
    kPlus,
    kNot,
    kBinary,  // op
    kConcat,
    kCompare,  // operands[0] ops[0] operands[1] ops[1] ...
    kAnd,
    kOr,
    kConditional,  // operands: condition, value, otherwise (may be null)
  };
  Kind kind;
  BinaryOp op = BinaryOp::kAdd;
  std::uint32_t line = 0;
  std::uint32_t height = 1;  // of the tree below, for the limit on nesting
  NameId id = 0;
  Value constant;  // of kName and kAttribute: what they are if undefined, with the reason
  std::string name;
  std::vector<ExprPtr> operands;
  std::vector<CompareOp> ops;
  std::unique_ptr<CallArgs> args;
  AttributeMethods methods;  // kAttribute: what `name` means on Python's types
  const Filter* filter = nullptr;
  const Test* test = nullptr;
};

struct Stmt;
using Block = std::vector<std::unique_ptr<Stmt>>;

/// A macro, or the body of a call block, which is an anonymous macro.
struct MacroNode {
  std::string name;
  std::vector<NameId> params;
  std::vector<ExprPtr> defaults;  // of the last params
  Block body;
  bool has_closure = false;
  bool uses_caller = false;
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

struct Stmt {
  enum class Kind : std::uint8_t {
    kText,      // text
    kOutput,    // exprs, each printed
    kIf,        // exprs: conditions; blocks: one each, and one more for else
    kFor,       // target in exprs[0] if exprs[1] (may be null); blocks: body, else
    kSet,       // target = exprs[0]
    kSetBlock,  // target = blocks[0] | exprs[0] (may be null)
    kMacro,     // macro
    kCall,      // exprs[0] is the call; macro is its caller
    kFilter,    // blocks[0] | exprs[0]
    kWith,      // targets = exprs; blocks[0]
    kScope,     // blocks[0] (generation)
    kBreak,
    kContinue,
  };
  Kind kind;
  std::uint32_t line = 0;
  bool has_closure = false;  // a macro or call block inside can outlive the scope
  bool uses_loop = false;    // kFor: the body names `loop`
  bool recursive = false;    // kFor
  NameId id = 0;             // kMacro: the name it is bound to
  Value text;
  ExprPtr target;
  std::vector<ExprPtr> targets;
  std::vector<ExprPtr> exprs;
  std::vector<Block> blocks;
  std::unique_ptr<MacroNode> macro;
};

/// A whole template. The first names are the fixed ones below.
struct Program {
  static constexpr NameId kLoop = 0;
  static constexpr NameId kCaller = 1;
  static constexpr NameId kVarargs = 2;
  static constexpr NameId kKwargs = 3;

  std::vector<std::string> names = {"loop", "caller", "varargs", "kwargs"};
  Block body;
};

}  // namespace bowhead::model
