// A stated constraint as syntax, so that it can become a part of a larger grammar.
#pragma once

#include "base/status.h"
#include "grammar/grammar.h"
#include "grammar/limits.h"
#include "grammar/syntax.h"

namespace bowhead::grammar {

/// Errors: those of CompileConstraint that concern its text.
base::Result<Syntax> ParseConstraint(const ConstraintSpec& spec, JsonLayout layout, Budget& budget);

/// Errors: that of `syntax`; those of Program::Compile.
GrammarResult CompileSyntax(const base::Result<Syntax>& syntax, Budget& budget);

}  // namespace bowhead::grammar
