#include "assistant/prompt.h"

#include <utility>

namespace bowhead::assistant {

namespace {

using model::Dict;
using model::Value;

Value ToValue(const Message& message) {
  Dict dict;
  dict.Set("role", Value::String(message.role));
  dict.Set("content", Value::String(message.content, /*untrusted=*/true));
  if (!message.name.empty()) dict.Set("name", Value::String(message.name, true));
  if (!message.tool_call_id.empty()) dict.Set("tool_call_id", Value::String(message.tool_call_id, true));
  if (!message.reasoning_content.empty()) {
    dict.Set("reasoning_content", Value::String(message.reasoning_content, true));
  }
  if (!message.tool_calls.IsNone()) dict.Set("tool_calls", message.tool_calls);
  return Value::FromDict(std::move(dict));
}

Value TokenText(const model::Tokenizer& tokenizer, std::optional<model::TokenId> token) {
  return Value::String(token ? std::string(tokenizer.TokenBytes(*token)) : std::string());
}

std::string_view FallbackName(const model::Tokenizer& tokenizer) {
  if (tokenizer.FindToken("<|im_start|>")) return "chatml";
  if (tokenizer.FindToken("<start_of_turn>")) return "gemma";
  return "plain";
}

}  // namespace

base::Result<std::vector<model::TokenId>> BuildPrompt(const model::ChatTemplate& chat_template,
                                                      const model::Tokenizer& tokenizer,
                                                      std::span<const Message> messages, const Value& tools) {
  std::vector<Value> items;
  items.reserve(messages.size());
  for (const Message& message : messages) items.push_back(ToValue(message));

  Dict context;
  context.Set("messages", Value::FromList(std::move(items)));
  context.Set("tools", tools);
  context.Set("add_generation_prompt", Value::Bool(true));
  context.Set("bos_token", TokenText(tokenizer, tokenizer.bos()));
  context.Set("eos_token", TokenText(tokenizer, tokenizer.eos()));
  const base::Result<model::RenderedPrompt> rendered =
      chat_template.Render(Value::FromDict(std::move(context)), model::RenderLimits{});
  if (!rendered.ok()) return rendered.status().WithContext("the chat template refuses this conversation");

  std::vector<model::TokenId> tokens =
      tokenizer.Encode(rendered->text, {.add_special = false, .parse_special = true, .untrusted = rendered->untrusted});
  // Most templates write the begin token themselves; a model that wants one gets exactly one.
  const std::optional<model::TokenId> bos = tokenizer.bos();
  if (tokenizer.add_bos() && bos && (tokens.empty() || tokens.front() != *bos)) tokens.insert(tokens.begin(), *bos);
  return tokens;
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
    choice.takes_tools = text->find("tools") != std::string::npos;
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
