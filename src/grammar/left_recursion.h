// Rules that begin with themselves, which a machine that works from the top down cannot run.
#pragma once

#include <optional>

#include "grammar/program.h"

namespace bowhead::grammar {

/// The start of a rule that can call itself before any byte is taken, if there is one. If the budget ends the answer
/// means nothing.
std::optional<StateId> FindLeftRecursion(const Program& program, Budget& budget);

}  // namespace bowhead::grammar
