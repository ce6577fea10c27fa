// A conversation becomes the tokens of a prompt.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "assistant/message.h"
#include "base/status.h"
#include "model/format/metadata.h"
#include "model/template/chat_template.h"
#include "model/template/value.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::assistant {

/// What a prompt is made of besides the conversation.
struct PromptOptions {
  model::Value tools;                   // a list of dicts, or None
  std::optional<bool> enable_thinking;  // for templates with that switch; absent: as the template has it
};

/// A conversation as the model gets it.
struct Prompt {
  std::vector<model::TokenId> tokens;
  bool opens_reasoning = false;  // it ends with the mark that opens reasoning: the answer starts inside
};

/// Renders the conversation with the template and tokenizes it. Special tokens come from the template only: every
/// string of the conversation and of the tools is text. Errors: kInvalidArgument with what the
/// template says against the conversation; kResourceExhausted (the template's limits).
base::Result<Prompt> BuildPrompt(const model::ChatTemplate& chat_template, const model::Tokenizer& tokenizer,
                                 std::span<const Message> messages, const PromptOptions& options = {});

/// Which template a model is served with.
struct TemplateChoice {
  std::shared_ptr<const model::ChatTemplate> chat_template;
  std::string warning;  // "" or what the person who starts the server should know
};

/// The template that was asked for (`source`: Jinja text from a file; `name`: a built-in one), else the model file's,
/// else a built-in one that fits the tokenizer's special tokens, with a warning. Errors: those of parsing.
base::Result<TemplateChoice> ChooseTemplate(const model::Metadata& metadata, const model::Tokenizer& tokenizer,
                                            const std::optional<std::string>& source, std::string_view name);

}  // namespace bowhead::assistant
