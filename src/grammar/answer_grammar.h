// The grammar of a whole answer: reasoning, then text or tool calls in the dialect of the model.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grammar/grammar.h"
#include "model/template/dialect.h"

namespace bowhead::grammar {

/// A tool that an answer may call. Its arguments are a JSON object that is valid against the schema.
struct ToolForm {
  std::string name;    // letters, digits, '_' and '-' only
  std::string schema;  // of the arguments, JSON text
  bool strict = true;  // else any object will do where the schema cannot be enforced
};

enum class ReasoningForm : std::uint8_t {
  kNone,     // an answer has no reasoning
  kMayOpen,  // it may begin with reasoning between its marks
  kOpened,   // it begins inside of reasoning, which must be closed
};

/// What an answer may be.
struct AnswerForm {
  model::Dialect dialect;
  ReasoningForm reasoning = ReasoningForm::kNone;
  std::vector<ToolForm> tools;            // not empty only if the dialect has calls
  bool call_required = false;             // else it may have none
  bool single_call = false;               // else any number, where the dialect has a way to write several
  std::optional<ConstraintSpec> content;  // what an answer without calls must match; absent: any text
};

/// How a vocabulary writes a mark of the dialect: TokenTrie::SpellMarks.
using MarkSpelling = std::function<std::string(std::string_view mark)>;

/// Compiles the form. In a text that may have calls, whatever AnswerParser (of the layer above) would read as one is
/// one, and held to its tool's schema. Text stands before calls only if the content is free. Errors: as
/// CompileConstraint; `*failed_tool` is then the index of the strict tool whose schema it is about, or -1.
GrammarResult CompileAnswer(const AnswerForm& form, const MarkSpelling& spell, const CompileOptions& options,
                            int* failed_tool);

}  // namespace bowhead::grammar
