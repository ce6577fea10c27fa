// Template source to tokens, with Jinja's rules for whitespace around tags.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace bowhead::model {

struct Token {
  enum class Kind : std::uint8_t {
    kData,           // text: the template's own
    kVariableBegin,  // {{
    kVariableEnd,    // }}
    kBlockBegin,     // {%
    kBlockEnd,       // %}
    kName,
    kString,    // text: unescaped
    kInteger,   // integer
    kFloat,     // number
    kOperator,  // text: as written
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::size_t line = 1;
  std::string text;
  std::int64_t integer = 0;
  double number = 0;
};

/// The whole source as tokens, the last of kind kEnd. trim_blocks and lstrip_blocks are on, one newline at the end of
/// the source is dropped, comments and raw blocks are done away with. Throws TemplateError.
std::vector<Token> Tokenize(std::string_view source);

}  // namespace bowhead::model
