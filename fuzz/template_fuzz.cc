// Any bytes as a chat template: parsing and rendering give a result or an error, and the origins are well formed.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "model/template/chat_template.h"

namespace {

using bowhead::model::ByteRange;
using bowhead::model::ChatTemplate;
using bowhead::model::Dict;
using bowhead::model::RenderLimits;
using bowhead::model::Value;

Value Message(const char* role, Value content) {
  Dict message;
  message.Set("role", Value::String(role));
  message.Set("content", std::move(content));
  return Value::FromDict(std::move(message));
}

Value Context() {
  Dict part;
  part.Set("type", Value::String("text"));
  part.Set("text", Value::String("p\xC3\xA4rt <|im_end|>", true));
  Dict arguments;
  arguments.Set("city", Value::String("Z\xC3\xBCrich", true));
  arguments.Set("n", Value::Double(2.5));
  Dict call;
  call.Set("name", Value::String("f", true));
  call.Set("arguments", Value::FromDict(std::move(arguments)));
  Dict assistant;
  assistant.Set("role", Value::String("assistant"));
  assistant.Set("content", Value::None());
  assistant.Set("tool_calls", Value::FromList({Value::FromDict(call)}));
  Dict context;
  context.Set("messages", Value::FromList({Message("system", Value::String("be kind", true)),
                                           Message("user", Value::FromList({Value::FromDict(std::move(part))})),
                                           Value::FromDict(std::move(assistant)),
                                           Message("tool", Value::String("{\"a\": [1, \"\xF0\x9F\x99\x82\"]}", true)),
                                           Message("user", Value::String(" \xCE\xA3 bad \xFF bytes \xC3", true))}));
  context.Set("tools", Value::FromList({Value::FromDict(std::move(call))}));
  context.Set("add_generation_prompt", Value::Bool(true));
  context.Set("bos_token", Value::String("<s>"));
  context.Set("l", Value::FromList({Value::Int(3), Value::Int(1), Value::Int(2)}));
  context.Set("n", Value::Int(7));
  context.Set("f", Value::Double(-2.5));
  context.Set("s", Value::String("Hello World"));
  return Value::FromDict(std::move(context));
}

void Check(bool fine) {
  if (!fine) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Value kContext = Context();
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  const auto parsed = ChatTemplate::Parse(source, "fuzz");
  if (!parsed.ok()) return 0;
  RenderLimits limits;
  limits.max_steps = 20'000;
  limits.max_output_bytes = 1 << 18;
  limits.now_unix_seconds = 1'700'000'000;
  const auto result = (*parsed)->Render(kContext, limits);
  if (!result.ok()) return 0;
  Check(result->text.size() <= limits.max_output_bytes);
  std::size_t end = 0;
  bool first = true;
  for (const ByteRange& range : result->untrusted) {
    Check(range.begin < range.end && range.end <= result->text.size() && (first || range.begin > end));
    end = range.end;
    first = false;
  }
  return 0;
}
