#include "model/template/dialect.h"

namespace bowhead::model {

namespace {

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// DeepSeek's marks use U+FF5C and U+2581 for bars and blanks.
constexpr std::string_view kDeepSeekCalls = "<｜tool▁calls▁begin｜>";

Dialect DeepSeek(std::string_view text) {
  Dialect dialect;
  dialect.form = CallForm::kNameThenObject;
  dialect.section_open = kDeepSeekCalls;
  dialect.section_close = "<｜tool▁calls▁end｜>";
  // R1 and V3 name the kind of tool first and fence the arguments; V3.1 and later do neither.
  if (Has(text, "```json")) {
    dialect.name = "deepseek-r1";
    dialect.call_open = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>";
    dialect.name_end = "\n```json\n";
    dialect.call_close = "\n```<｜tool▁call▁end｜>";
  } else {
    dialect.name = "deepseek-v3.1";
    dialect.call_open = "<｜tool▁call▁begin｜>";
    dialect.name_end = "<｜tool▁sep｜>";
    dialect.call_close = "<｜tool▁call▁end｜>";
  }
  return dialect;
}

Dialect ToolsOf(std::string_view text) {
  Dialect dialect;
  if (Has(text, kDeepSeekCalls)) return DeepSeek(text);
  if (Has(text, "<tool_call>") && Has(text, "\"arguments\"") && !Has(text, "<function=") && !Has(text, "<arg_key>")) {
    dialect.name = "hermes";
    dialect.form = CallForm::kObject;
    dialect.call_open = "<tool_call>";
    dialect.call_close = "</tool_call>";
  } else if (Has(text, "<|start_header_id|>") && Has(text, "\"parameters\"")) {
    dialect.name = "llama3";
    dialect.form = CallForm::kBareObject;
    dialect.arguments_key = "parameters";
  } else {
    dialect.name = "generic";
    dialect.form = CallForm::kObject;
    dialect.call_open = "<tool_call>";
    dialect.call_close = "</tool_call>";
    dialect.tools_as_text = true;
  }
  return dialect;
}

}  // namespace

Dialect DetectDialect(std::string_view template_text) {
  Dialect dialect = ToolsOf(template_text);
  if (Has(template_text, "</think>")) {
    dialect.think_open = "<think>";
    dialect.think_close = "</think>";
    if (Has(template_text, "enable_thinking")) {
      dialect.thinking_variable = "enable_thinking";
    } else if (Has(template_text, "thinking is defined")) {
      dialect.thinking_variable = "thinking";
    }
  }
  return dialect;
}

}  // namespace bowhead::model
