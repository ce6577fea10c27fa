// Chat templates for model files that carry none.
#pragma once

#include <string_view>

namespace bowhead::model {

/// The Jinja source of a template by name; "" if there is none.
std::string_view BuiltInTemplate(std::string_view name);
/// Their names, for messages.
std::string_view BuiltInTemplateNames();

}  // namespace bowhead::model
