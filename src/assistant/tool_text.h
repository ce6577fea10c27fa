// Tools for templates that have no place for them: told, called and answered in the text of messages.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "assistant/message.h"
#include "model/template/dialect.h"

namespace bowhead::assistant {

/// What tells a model of the tools (each a JSON text) and how the dialect writes calls; "" without tools.
std::string DescribeTools(std::span<const std::string> tools, const model::Dialect& dialect);

/// The conversation with calls as text of their messages, and results as text of the user; messages of one role that
/// follow each other thereby become one.
std::vector<Message> WriteCallsAsText(std::span<const Message> messages, const model::Dialect& dialect);

/// Puts `text` before everything else: into the system message at the start, which is added if there is none, or (if
/// not `as_system`) into the first message of the user.
void Prepend(const std::string& text, bool as_system, std::vector<Message>* messages);

}  // namespace bowhead::assistant
