// An answer's text, as it arrives, taken apart into content, reasoning and tool calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "assistant/call_object_reader.h"
#include "model/template/dialect.h"

namespace bowhead::assistant {

/// A piece of an answer.
struct AnswerPart {
  enum class Kind : std::uint8_t {
    kContent,
    kReasoning,
    kCallBegin,      // `text` is the name of the tool
    kCallArguments,  // the next bytes of the call's arguments, a JSON object in all
  };
  Kind kind = Kind::kContent;
  std::string text;
  int call = 0;  // for calls: counts from 0 within the answer

  bool operator==(const AnswerPart&) const = default;
};

/// Takes an answer apart. What comes out does not depend on how the text is cut into pieces, but for how parts of one
/// kind are cut. Text that only looks like a call (no name, broken JSON before the name is known) comes out as content.
/// Blanks around reasoning and between content and calls are dropped. Not thread-safe.
class AnswerParser {
 public:
  /// `tools`: calls are looked for; else their marks are content. `in_reasoning`: the prompt ends with an open mark of
  /// reasoning, so the answer starts inside it. `calls_first`: an answer that begins with content has no calls, so that
  /// content may spell their marks.
  AnswerParser(const model::Dialect& dialect, bool tools, bool in_reasoning, bool calls_first = false);

  /// The parts that are certain after the next piece of text.
  std::vector<AnswerPart> Add(std::string_view text);
  /// What was held back, once no more text comes. A call that was cut short stays as far as it came.
  std::vector<AnswerPart> Finish();

  /// Calls begun so far.
  [[nodiscard]] int num_calls() const { return num_calls_; }
  /// Whether the text so far ends inside the reasoning.
  [[nodiscard]] bool in_reasoning() const { return state_ == State::kReasoning; }

 private:
  enum class State : std::uint8_t { kStart, kReasoning, kContent, kBetweenCalls, kName, kObject, kCallEnd };

  /// One step over `held_`; false if it needs more text.
  bool Step(bool end);
  bool StepStart(bool end);
  bool StepReasoning(bool end);
  bool StepContent(bool end);
  /// Whether it is known by now if the answer begins with a call; if it does not, none follows.
  bool SettleStart(bool end);
  bool StepBetweenCalls(bool end);
  bool StepName(bool end);
  bool StepObject();
  bool StepCallEnd(bool end);

  void Emit(AnswerPart::Kind kind, std::string text);
  /// Text with its trailing blanks kept back until it is known what follows.
  void EmitTrimmed(AnswerPart::Kind kind, std::string_view text);
  /// Gives up on the call that is being read: its text so far is content.
  void NotACall();
  void BeginCall(std::string name);
  [[nodiscard]] const std::string& FirstMark() const;

  model::Dialect dialect_;
  bool tools_;
  bool start_open_;  // nothing but blanks came yet, and calls may only stand at the start
  State state_;
  bool skip_blanks_;      // blanks that come next are dropped
  std::string held_;      // not looked at yet, or the possible start of a mark
  std::string blanks_;    // at the end of the content so far
  std::string call_raw_;  // text of a call that has not begun yet, from its mark on
  bool in_call_ = false;  // a call has begun: its name is out
  bool bare_ = false;     // the call is a bare object: it has no marks
  CallObjectReader object_;
  int num_calls_ = 0;
  std::vector<AnswerPart> out_;
};

}  // namespace bowhead::assistant
