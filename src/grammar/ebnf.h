// Grammars in EBNF, in the two notations that clients send.
#pragma once

#include <string_view>

#include "base/status.h"
#include "grammar/limits.h"
#include "grammar/syntax.h"

namespace bowhead::grammar {

/// GBNF (`root ::= "a" [0-9]+ | other`) or the basic part of Lark (`start: "a" /[0-9]+/ | other`); the first definition
/// tells which. Both know groups, | ? * +, {m,n} (Lark: ~m..n) and comments. GBNF: character classes with the escapes
/// of regular expressions, `.`; the start is `root`. Lark: rules and terminals alike are patterns over characters, with
/// "text"i and /regex/; "[x]" is an optional x; priorities and aliases (`-> name`) mean nothing here; the start is
/// `start`. Errors: kInvalidArgument with the line; kUnimplemented for directives (%ignore, %import) and templates.
base::Result<Syntax> ParseEbnf(std::string_view text, Budget& budget);

}  // namespace bowhead::grammar
