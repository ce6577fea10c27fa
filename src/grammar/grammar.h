// Constraints on what a model may write, from each form in which clients state them. Whatever cannot be enforced
// exactly is an error: there is no "best effort".
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "grammar/limits.h"

namespace bowhead::grammar {

class Program;

/// How JSON may be laid out. Either way nothing stands before or after the value.
enum class JsonLayout : unsigned char {
  kFlexible,  // after { [ , : and before } ] nothing, one space, or a line break and up to 32 spaces
  kCompact,   // no spaces at all
};

struct CompileOptions {
  Limits limits;
  JsonLayout layout = JsonLayout::kFlexible;
};

/// A compiled constraint. Immutable; thread-safe; independent of any vocabulary.
class Grammar {
 public:
  explicit Grammar(std::shared_ptr<const Program> program) : program_(std::move(program)) {}
  [[nodiscard]] const std::shared_ptr<const Program>& program() const { return program_; }

 private:
  std::shared_ptr<const Program> program_;
};

using GrammarResult = base::Result<std::shared_ptr<const Grammar>>;

/// JSON documents that are valid against `schema` (a JSON text, draft 2020-12); see docs/constraints.md for what of it
/// can be enforced. Errors, each with the JSON pointer of the place: kInvalidArgument for a schema that is malformed or
/// that nothing satisfies, kUnimplemented for a keyword that cannot be enforced exactly, kResourceExhausted for one
/// that is too large.
GrammarResult CompileJsonSchema(std::string_view schema, const CompileOptions& options);
/// Any JSON object.
GrammarResult CompileJsonObject(const CompileOptions& options);
/// Texts that match the whole expression; see regex.h for the dialect.
GrammarResult CompileRegex(std::string_view pattern, const CompileOptions& options);
/// One of the texts. Errors: kInvalidArgument if there are none, or if one is empty or not UTF-8.
GrammarResult CompileChoice(std::span<const std::string> texts, const CompileOptions& options);
/// A grammar in GBNF or in the basic part of Lark; see ebnf.h.
GrammarResult CompileEbnf(std::string_view text, const CompileOptions& options);

/// A constraint as a client states it.
struct ConstraintSpec {
  enum class Kind : std::uint8_t { kJsonObject, kJsonSchema, kRegex, kChoice, kGrammar };
  Kind kind = Kind::kJsonObject;
  std::string text;                  // the schema (JSON text), expression or grammar
  std::vector<std::string> choices;  // of kChoice
};

/// Compiles a constraint of any kind; errors as above.
GrammarResult CompileConstraint(const ConstraintSpec& spec, const CompileOptions& options);

}  // namespace bowhead::grammar
