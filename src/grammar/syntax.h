// The intermediate grammar: what every front end produces and the program is compiled from.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "grammar/code_point_set.h"
#include "grammar/limits.h"
#include "grammar/text_dfa.h"
#include "grammar/text_encoding.h"

namespace bowhead::grammar {

using ExprId = std::uint32_t;
using RuleId = std::uint32_t;

/// A JSON object: named properties in any order, each at most once, and maybe others.
struct ObjectSyntax {
  struct Property {
    std::string name;  // in UTF-8
    RuleId value = 0;
    bool forbidden = false;  // the name must not occur; `value` means nothing
    bool required = false;
    std::vector<std::uint32_t> needs;  // properties that must be there if this one is; indexes into `properties`
  };
  std::vector<Property> properties;
  /// Names beside `properties`: an automaton whose label says which of `other_values` the value must match. Empty: no
  /// others. A name of `properties` is never taken as another one, even if the automaton accepts it.
  TextDfa others;
  std::vector<RuleId> other_values;
  std::uint32_t min_properties = 0;
  std::uint32_t max_properties = kUnlimited;
};

/// A context-free grammar over bytes, with counted repetitions and JSON objects as constructs of their own. A tree of
/// expressions per rule; rules may use each other. Built by one thread, then read-only.
class Syntax {
 public:
  enum class Kind : std::uint8_t {
    kBytes,        // exactly `bytes`; "" is the empty text
    kText,         // what `dfas[index]` accepts, written in `encoding`
    kSequence,     // of children
    kAlternative,  // of children; none: nothing matches
    kRepeat,       // of its one child, min to max times
    kRule,         // the rule `index`
    kObject,       // objects[index]
  };
  struct Expr {
    Kind kind = Kind::kBytes;
    TextEncoding encoding = TextEncoding::kUtf8;
    std::uint32_t index = 0;
    std::uint32_t min = 0;
    std::uint32_t max = 0;
    std::string bytes;
    std::vector<ExprId> children;
  };
  struct Rule {
    std::string name;  // for messages
    ExprId body = 0;
  };

  ExprId Bytes(std::string bytes);
  ExprId Text(TextDfa dfa, TextEncoding encoding);
  /// One character of the set.
  ExprId Character(CodePointSet set, TextEncoding encoding);
  ExprId Sequence(std::vector<ExprId> children);
  ExprId Alternative(std::vector<ExprId> children);
  ExprId Never() { return Alternative({}); }
  /// One of the byte strings; common beginnings are shared. Any order, equal ones too.
  ExprId OneOf(std::vector<std::string> texts);
  ExprId Repeat(ExprId child, std::uint32_t min, std::uint32_t max);
  ExprId Use(RuleId rule);
  ExprId Object(ObjectSyntax object);
  /// Takes over all of `other`; the result is what its start rule became. Objects of both have the layout of the one
  /// that had any first.
  RuleId Append(const Syntax& other);
  /// A rule whose body follows with SetBody; until then nothing matches it.
  RuleId AddRule(std::string name);
  void SetBody(RuleId rule, ExprId body) { rules_[rule].body = body; }

  [[nodiscard]] const Expr& expr(ExprId id) const { return exprs_[id]; }
  [[nodiscard]] const std::vector<Rule>& rules() const { return rules_; }
  [[nodiscard]] const std::vector<TextDfa>& dfas() const { return dfas_; }
  [[nodiscard]] const std::vector<ObjectSyntax>& objects() const { return objects_; }
  [[nodiscard]] std::size_t size() const { return exprs_.size(); }

  RuleId start = 0;
  bool flexible_layout = false;  // of objects: `space` between the parts
  ExprId space = 0;

 private:
  ExprId Add(Expr expr);

  std::vector<Expr> exprs_;
  std::vector<Rule> rules_;
  std::vector<TextDfa> dfas_;
  std::vector<ObjectSyntax> objects_;
};

}  // namespace bowhead::grammar
