// Chat templates: a conversation becomes one prompt by the model file's own Jinja template.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "model/template/dialect.h"
#include "model/template/value.h"
#include "model/tokenizer/tokenizer.h"

namespace bowhead::model {

/// Bounds of one rendering; exceeding one is kResourceExhausted. Memory is bounded too: it costs steps.
struct RenderLimits {
  std::size_t max_steps = 4'000'000;        // expressions and statements evaluated; 256 copied bytes count as one
  std::size_t max_depth = 100;              // of macros (and recursive loops) that call each other
  std::size_t max_output_bytes = 16 << 20;  // of the prompt, and of any string on the way to it
  /// The moment that strftime_now shows, in seconds since 1970; the clock's if absent. Local time, as Python shows it.
  std::optional<std::int64_t> now_unix_seconds = {};
};

/// A rendered prompt, and which of its bytes came from the conversation rather than from the template: special tokens
/// are recognised only outside these ranges, so that user text cannot forge a turn.
struct RenderedPrompt {
  std::string text;
  std::vector<ByteRange> untrusted;  // ascending, disjoint, not empty
};

/// A parsed template. Immutable and thread-safe; each Render has its own state.
class ChatTemplate {
 public:
  /// Parses the subset of Jinja2 that real chat templates use, with trim_blocks and lstrip_blocks on as the model hub's
  /// library sets them. Errors: kInvalidArgument (syntax) and kUnimplemented (a construct, filter or test that is not
  /// known), both with the line.
  static base::Result<std::shared_ptr<const ChatTemplate>> Parse(std::string_view source, std::string name);

  /// A built-in template by name ("chatml", "llama2", "llama3", "gemma", "mistral", "plain"), for files that carry
  /// none; kNotFound otherwise.
  static base::Result<std::shared_ptr<const ChatTemplate>> BuiltIn(std::string_view name);

  virtual ~ChatTemplate() = default;

  /// Renders with `context` (a dict: messages, tools, add_generation_prompt, bos_token, ...). Strings inside it that
  /// are marked untrusted (see Value) keep their origin through every operation. raise_exception() gives
  /// kInvalidArgument with the template's message.
  [[nodiscard]] virtual base::Result<RenderedPrompt> Render(const Value& context, const RenderLimits& limits) const = 0;

  [[nodiscard]] virtual const std::string& name() const = 0;

  /// How answers to its prompts write reasoning and tool calls.
  [[nodiscard]] virtual const Dialect& dialect() const = 0;
};

}  // namespace bowhead::model
