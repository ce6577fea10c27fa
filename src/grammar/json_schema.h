// JSON Schema, draft 2020-12, to the intermediate grammar.
#pragma once

#include <string_view>

#include "base/status.h"
#include "grammar/limits.h"
#include "grammar/syntax.h"

namespace bowhead::grammar {

/// See CompileJsonSchema in grammar.h. A schema is a conjunction of keywords: whatever applies to one place ($ref,
/// allOf, the chosen branch of anyOf and oneOf, properties and patterns) is put together to one list of schemas, and
/// each distinct list becomes one rule. So recursion and intersections of recursive schemas need nothing special.
base::Result<Syntax> ParseJsonSchema(std::string_view schema, bool flexible_layout, Budget& budget);

}  // namespace bowhead::grammar
