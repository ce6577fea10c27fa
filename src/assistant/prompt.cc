#include "assistant/prompt.h"

#include <algorithm>
#include <utility>

#include "assistant/tool_text.h"

namespace bowhead::assistant {

namespace {

using model::Dict;
using model::Value;

/// Some templates want arguments as a dict, others as the text that the model wrote.
Value ToValue(const ToolCall& call, bool arguments_as_text) {
  Dict function;
  function.Set("name", Value::String(call.name, /*untrusted=*/true));
  const bool text = arguments_as_text || call.parsed_arguments.IsNone();
  function.Set("arguments", text ? Value::String(call.arguments, /*untrusted=*/true) : call.parsed_arguments);
  Dict dict;
  dict.Set("id", Value::String(call.id, /*untrusted=*/true));
  dict.Set("type", Value::String("function"));
  dict.Set("function", Value::FromDict(std::move(function)));
  return Value::FromDict(std::move(dict));
}

Value ToValue(const Message& message, bool arguments_as_text) {
  Dict dict;
  dict.Set("role", Value::String(message.role));
  dict.Set("content", Value::String(message.content, /*untrusted=*/true));
  if (!message.name.empty()) dict.Set("name", Value::String(message.name, true));
  if (!message.tool_call_id.empty()) dict.Set("tool_call_id", Value::String(message.tool_call_id, true));
  if (!message.reasoning_content.empty()) {
    dict.Set("reasoning_content", Value::String(message.reasoning_content, true));
  }
  if (!message.tool_calls.empty()) {
    std::vector<Value> calls;
    for (const ToolCall& call : message.tool_calls) calls.push_back(ToValue(call, arguments_as_text));
    dict.Set("tool_calls", Value::FromList(std::move(calls)));
  }
  return Value::FromDict(std::move(dict));
}

base::Result<model::RenderedPrompt> Render(const model::ChatTemplate& chat_template, Dict context,
                                           std::span<const Message> messages, bool arguments_as_text) {
  std::vector<Value> items;
  items.reserve(messages.size());
  for (const Message& message : messages) items.push_back(ToValue(message, arguments_as_text));
  context.Set("messages", Value::FromList(std::move(items)));
  return chat_template.Render(Value::FromDict(std::move(context)), model::RenderLimits{});
}

/// Tools go into the system's message, or, where the template refuses or forgets that one, into the user's.
base::Result<model::RenderedPrompt> RenderToolsAsText(const model::ChatTemplate& chat_template, const Dict& context,
                                                      std::span<const Message> messages, const Value& tools) {
  const auto described = DescribeTools(tools, chat_template.dialect());
  if (!described.ok()) return described.status();
  const std::string& about = *described;
  const std::vector<Message> written = WriteCallsAsText(messages, chat_template.dialect());
  std::vector<Message> all = written;
  Prepend(about, /*as_system=*/true, &all);
  auto rendered = Render(chat_template, context, all, /*arguments_as_text=*/true);
  if (about.empty() || (rendered.ok() && rendered->text.find(about) != std::string::npos)) return rendered;
  all = written;
  Prepend(about, /*as_system=*/false, &all);
  return Render(chat_template, context, all, /*arguments_as_text=*/true);
}

Value TokenText(const model::Tokenizer& tokenizer, std::optional<model::TokenId> token) {
  return Value::String(token ? std::string(tokenizer.TokenBytes(*token)) : std::string());
}

bool OpensReasoning(std::string_view prompt, const model::Dialect& dialect) {
  if (dialect.think_open.empty()) return false;
  const std::size_t last = prompt.find_last_not_of(" \n");
  return last != std::string_view::npos && prompt.substr(0, last + 1).ends_with(dialect.think_open);
}

std::string_view FallbackName(const model::Tokenizer& tokenizer) {
  if (tokenizer.FindToken("<|im_start|>")) return "chatml";
  if (tokenizer.FindToken("<start_of_turn>")) return "gemma";
  return "plain";
}

}  // namespace

base::Result<Prompt> BuildPrompt(const model::ChatTemplate& chat_template, const model::Tokenizer& tokenizer,
                                 std::span<const Message> messages, const PromptOptions& options) {
  const model::Dialect& dialect = chat_template.dialect();
  const bool as_text = dialect.tools_as_text;
  Dict context;
  context.Set("tools", as_text ? Value::None() : options.tools);
  if (options.enable_thinking && !dialect.thinking_variable.empty()) {
    context.Set(Value::String(dialect.thinking_variable), Value::Bool(*options.enable_thinking));
  }
  context.Set("add_generation_prompt", Value::Bool(true));
  context.Set("bos_token", TokenText(tokenizer, tokenizer.bos()));
  context.Set("eos_token", TokenText(tokenizer, tokenizer.eos()));
  base::Result<model::RenderedPrompt> rendered =
      as_text ? RenderToolsAsText(chat_template, context, messages, options.tools)
              : Render(chat_template, context, messages, /*arguments_as_text=*/false);
  const bool has_calls = std::ranges::any_of(messages, [](const Message& m) { return !m.tool_calls.empty(); });
  if (!rendered.ok() && has_calls && !as_text) {
    auto again = Render(chat_template, context, messages, /*arguments_as_text=*/true);
    if (again.ok()) rendered = std::move(again);
  }
  if (!rendered.ok()) return rendered.status().WithContext("the chat template refuses this conversation");

  Prompt prompt;
  prompt.opens_reasoning = OpensReasoning(rendered->text, dialect);
  std::vector<model::TokenId>& tokens = prompt.tokens;
  tokens =
      tokenizer.Encode(rendered->text, {.add_special = false, .parse_special = true, .untrusted = rendered->untrusted});
  // Most templates write the begin token themselves; a model that wants one gets exactly one.
  const std::optional<model::TokenId> bos = tokenizer.bos();
  if (tokenizer.add_bos() && bos && (tokens.empty() || tokens.front() != *bos)) tokens.insert(tokens.begin(), *bos);
  return prompt;
}

base::Result<TemplateChoice> ChooseTemplate(const model::Metadata& metadata, const model::Tokenizer& tokenizer,
                                            const std::optional<std::string>& source, std::string_view name) {
  TemplateChoice choice;
  const std::string* text = source ? &*source : nullptr;
  std::string origin = "the template file";
  if (text == nullptr && name.empty()) {
    text = metadata.GetString("tokenizer.chat_template");
    origin = "the model file's chat template";
  }
  if (text != nullptr) {
    auto parsed = model::ChatTemplate::Parse(*text, source ? "file" : "model");
    if (!parsed.ok()) {
      return parsed.status().WithContext(origin + " cannot be used (another can be chosen with --chat-template)");
    }
    choice.chat_template = std::move(*parsed);
    return choice;
  }
  std::string chosen(name);
  if (chosen.empty()) {
    chosen = FallbackName(tokenizer);
    choice.warning = "the model file has no chat template; using the built-in '" + chosen +
                     "', which may not be what the model was trained on (--chat-template chooses another)";
  }
  auto built_in = model::ChatTemplate::BuiltIn(chosen);
  if (!built_in.ok()) return built_in.status();
  choice.chat_template = std::move(*built_in);
  return choice;
}

}  // namespace bowhead::assistant
