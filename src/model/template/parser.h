// Tokens to a syntax tree.
#pragma once

#include <memory>
#include <string_view>

#include "model/template/ast.h"

namespace bowhead::model {

/// Throws TemplateError with a line: kInvalidArgument for what Jinja refuses too, kUnimplemented for a tag, filter,
/// test or method that we do not know.
std::unique_ptr<const Program> ParseTemplate(std::string_view source);

}  // namespace bowhead::model
