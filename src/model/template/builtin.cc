#include "model/template/builtin.h"

#include <array>
#include <utility>

namespace bowhead::model {
namespace {

// Each takes a message's content as text or as a list of parts, of which it keeps the text. They write bos_token where
// the family's own templates do, so that the tokenizer need not add one.

constexpr std::string_view kChatml = R"({%- macro text(content) -%}
  {%- if content is string -%}
    {{- content -}}
  {%- elif content is iterable -%}
    {%- for part in content if part.type == 'text' -%}{{- part.text -}}{%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
  {{- '<|im_start|>' ~ message.role ~ '\n' ~ text(message.content) ~ '<|im_end|>\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- '<|im_start|>assistant\n' -}}
{%- endif -%})";

constexpr std::string_view kLlama2 = R"({%- macro text(content) -%}
  {%- if content is string -%}
    {{- content -}}
  {%- elif content is iterable -%}
    {%- for part in content if part.type == 'text' -%}{{- part.text -}}{%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{%- set state = namespace(system='') -%}
{%- for message in messages -%}
  {%- if message.role == 'system' -%}
    {%- set state.system = '<<SYS>>\n' ~ text(message.content) ~ '\n<</SYS>>\n\n' -%}
  {%- elif message.role == 'assistant' -%}
    {{- ' ' ~ text(message.content)|trim ~ ' ' ~ eos_token -}}
  {%- else -%}
    {{- bos_token ~ '[INST] ' ~ state.system ~ text(message.content)|trim ~ ' [/INST]' -}}
    {%- set state.system = '' -%}
  {%- endif -%}
{%- endfor -%})";

constexpr std::string_view kLlama3 = R"({%- macro text(content) -%}
  {%- if content is string -%}
    {{- content -}}
  {%- elif content is iterable -%}
    {%- for part in content if part.type == 'text' -%}{{- part.text -}}{%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{{- bos_token -}}
{%- for message in messages -%}
  {{- '<|start_header_id|>' ~ message.role ~ '<|end_header_id|>\n\n' ~ text(message.content)|trim ~ '<|eot_id|>' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}
{%- endif -%})";

// Gemma knows no system turn: its text goes before that of the first user.
constexpr std::string_view kGemma = R"({%- macro text(content) -%}
  {%- if content is string -%}
    {{- content -}}
  {%- elif content is iterable -%}
    {%- for part in content if part.type == 'text' -%}{{- part.text -}}{%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{{- bos_token -}}
{%- set state = namespace(system='') -%}
{%- for message in messages -%}
  {%- if message.role == 'system' -%}
    {%- set state.system = text(message.content)|trim ~ '\n\n' -%}
  {%- else -%}
    {%- set role = 'model' if message.role == 'assistant' else message.role -%}
    {{- '<start_of_turn>' ~ role ~ '\n' ~ state.system ~ text(message.content)|trim ~ '<end_of_turn>\n' -}}
    {%- set state.system = '' -%}
  {%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- '<start_of_turn>model\n' -}}
{%- endif -%})";

constexpr std::string_view kMistral = R"({%- macro text(content) -%}
  {%- if content is string -%}
    {{- content -}}
  {%- elif content is iterable -%}
    {%- for part in content if part.type == 'text' -%}{{- part.text -}}{%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{{- bos_token -}}
{%- set state = namespace(system='') -%}
{%- for message in messages -%}
  {%- if message.role == 'system' -%}
    {%- set state.system = text(message.content) ~ '\n\n' -%}
  {%- elif message.role == 'assistant' -%}
    {{- ' ' ~ text(message.content)|trim ~ eos_token -}}
  {%- else -%}
    {{- '[INST] ' ~ state.system ~ text(message.content) ~ '[/INST]' -}}
    {%- set state.system = '' -%}
  {%- endif -%}
{%- endfor -%})";

constexpr std::string_view kPlain = R"({%- macro text(content) -%}
  {%- if content is string -%}
    {{- content -}}
  {%- elif content is iterable -%}
    {%- for part in content if part.type == 'text' -%}{{- part.text -}}{%- endfor -%}
  {%- endif -%}
{%- endmacro -%}
{%- for message in messages -%}
  {{- message.role|capitalize ~ ': ' ~ text(message.content) ~ '\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
  {{- 'Assistant:' -}}
{%- endif -%})";

constexpr std::array<std::pair<std::string_view, std::string_view>, 6> kTemplates = {{{"chatml", kChatml},
                                                                                      {"llama2", kLlama2},
                                                                                      {"llama3", kLlama3},
                                                                                      {"gemma", kGemma},
                                                                                      {"mistral", kMistral},
                                                                                      {"plain", kPlain}}};

}  // namespace

std::string_view BuiltInTemplate(std::string_view name) {
  for (const auto& [key, source] : kTemplates) {
    if (key == name) return source;
  }
  return {};
}

std::string_view BuiltInTemplateNames() {
  return "chatml, llama2, llama3, gemma, mistral, plain";
}

}  // namespace bowhead::model
