#include "assistant/tool_text.h"

#include <algorithm>
#include <utility>

#include "model/template/chat_template.h"

namespace bowhead::assistant {

namespace {

constexpr std::string_view kResultOpen = "<tool_response>\n";
constexpr std::string_view kResultClose = "\n</tool_response>";

void AddLine(std::string_view line, std::string* text) {
  if (!text->empty()) *text += '\n';
  *text += line;
}

}  // namespace

base::Result<std::string> DescribeTools(const model::Value& tools, const model::Dialect& dialect) {
  if (!tools.IsList() || tools.items().empty()) return std::string();
  // Its limits are those of any template.
  static const auto list =
      model::ChatTemplate::Parse("{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}", "tools");
  if (!list.ok()) return list.status();
  model::Dict context;
  context.Set("tools", tools);
  const auto lines = (*list)->Render(model::Value::FromDict(std::move(context)), model::RenderLimits{});
  if (!lines.ok()) return lines.status();
  std::string text = "You can call these tools, each described by a JSON object:\n" + lines->text;
  text += "To call one, write its name and a JSON object of arguments that fits its parameters, exactly like this:\n";
  text += dialect.call_open + "\n{\"name\": \"NAME\", \"" + dialect.arguments_key + "\": {}}\n" + dialect.call_close;
  return text + "\nThe result comes back in the next message. Call a tool only if it helps; otherwise just answer.";
}

std::vector<Message> WriteCallsAsText(std::span<const Message> messages, const model::Dialect& dialect) {
  std::vector<Message> written;
  bool results = false;  // the last one has results of tools
  for (Message message : messages) {
    for (const ToolCall& call : std::exchange(message.tool_calls, {})) {
      const std::string object = "{\"name\": \"" + call.name + "\", \"" + dialect.arguments_key +
                                 "\": " + (call.arguments.empty() ? "{}" : call.arguments) + "}";
      AddLine(dialect.call_open + "\n" + object + "\n" + dialect.call_close, &message.content);
    }
    const bool result = message.role == "tool";
    if (result) {
      message.role = "user";
      message.content = std::string(kResultOpen) + message.content + std::string(kResultClose);
      message.name.clear();
      message.tool_call_id.clear();
    }
    // Many templates insist on turns that alternate.
    if (results && message.role == "user") {
      AddLine(message.content, &written.back().content);
    } else {
      written.push_back(std::move(message));
    }
    results = result || (results && written.back().role == "user");
  }
  return written;
}

void Prepend(const std::string& text, bool as_system, std::vector<Message>* messages) {
  if (text.empty()) return;
  const std::string_view role = as_system ? "system" : "user";
  const auto found = as_system ? messages->begin() : std::ranges::find(*messages, role, &Message::role);
  if (found != messages->end() && found->role == role) {
    found->content = text + "\n\n" + found->content;
  } else {
    messages->insert(messages->begin(), {.role = std::string(role), .content = text});
  }
}

}  // namespace bowhead::assistant
