// Tools for templates that have no place for them: told, called and answered in the text of messages.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "assistant/message.h"
#include "base/status.h"
#include "model/template/dialect.h"
#include "model/template/value.h"

namespace bowhead::assistant {

/// What tells a model of the tools (a list of dicts, or None) and how the dialect writes calls; "" without tools.
/// Errors: kResourceExhausted, as of templates.
base::Result<std::string> DescribeTools(const model::Value& tools, const model::Dialect& dialect);

/// The conversation with calls as text of their messages, and results as text of the user; messages of one role that
/// follow each other thereby become one.
std::vector<Message> WriteCallsAsText(std::span<const Message> messages, const model::Dialect& dialect);

/// Puts `text` before everything else: into the system message at the start, which is added if there is none, or (if
/// not `as_system`) into the first message of the user.
void Prepend(const std::string& text, bool as_system, std::vector<Message>* messages);

}  // namespace bowhead::assistant
