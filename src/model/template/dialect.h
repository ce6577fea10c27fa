// How a model family writes what is not plain text in its answers: reasoning and tool calls.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bowhead::model {

/// How one tool call is written.
enum class CallForm : std::uint8_t {
  kNone,            // no tools
  kObject,          // {"name": "f", "arguments": {...}} between `call_open` and `call_close`
  kBareObject,      // the whole answer is such an object
  kNameThenObject,  // f `name_end` {...} between `call_open` and `call_close`
};

/// The marks of a family. An empty string is a mark that the family does not have.
struct Dialect {
  std::string name;  // for logs and `inspect`
  CallForm form = CallForm::kNone;
  std::string arguments_key = "arguments";  // in objects
  std::string section_open;                 // before the first call
  std::string section_close;                // after the last
  std::string call_open;
  std::string name_end;
  std::string call_close;
  std::string think_open;  // reasoning lies between these, before the answer proper
  std::string think_close;
  std::string thinking_variable;  // the template's switch for reasoning: "enable_thinking" or "thinking"
  bool tools_as_text = false;     // the template has no place for tools: messages must say what they are

  [[nodiscard]] bool has_reasoning() const { return !think_close.empty(); }
  [[nodiscard]] bool has_tools() const { return form != CallForm::kNone; }
};

/// Recognises the family by the marks in its chat template (Jinja text): Hermes and Qwen, DeepSeek R1/V3 and V3.1,
/// Llama 3. Templates without known marks of calls (Gemma's, SmolLM's) get the generic ones, which are those of Hermes,
/// and `tools_as_text`.
Dialect DetectDialect(std::string_view template_text);

}  // namespace bowhead::model
