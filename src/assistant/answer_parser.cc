#include "assistant/answer_parser.h"

#include <algorithm>
#include <utility>

namespace bowhead::assistant {

namespace {

using Kind = AnswerPart::Kind;
using model::CallForm;

constexpr std::string_view kBlanks = " \n\r\t";

/// Bytes at the end of `text` that may be the start of `mark`.
std::size_t PartialMark(std::string_view text, std::string_view mark) {
  for (std::size_t size = std::min(text.size(), mark.size() - 1); size > 0; --size) {
    if (text.ends_with(mark.substr(0, size))) return size;
  }
  return 0;
}

bool MayBecome(std::string_view text, std::string_view mark) {
  return text.size() < mark.size() && mark.starts_with(text);
}

void DropLeadingBlanks(std::string* text) {
  text->erase(0, std::min(text->find_first_not_of(kBlanks), text->size()));
}

}  // namespace

AnswerParser::AnswerParser(const model::Dialect& dialect, bool tools, bool in_reasoning, bool calls_first)
    : dialect_(dialect),
      tools_(tools && dialect.has_tools()),
      start_open_(calls_first),
      state_(in_reasoning && dialect.has_reasoning() ? State::kReasoning : State::kStart),
      skip_blanks_(tools_ || dialect.has_reasoning()) {}

std::vector<AnswerPart> AnswerParser::Add(std::string_view text) {
  held_ += text;
  while (Step(/*end=*/false)) {
  }
  return std::exchange(out_, {});
}

std::vector<AnswerPart> AnswerParser::Finish() {
  while (Step(/*end=*/true)) {
  }
  // A call whose name never came is no call. What a complete answer ends with stays, blanks too, unless calls came.
  if (state_ == State::kName || state_ == State::kObject) {
    if (!in_call_) NotACall();
    while (Step(/*end=*/true)) {
    }
  }
  if (num_calls_ == 0 && state_ == State::kContent) Emit(Kind::kContent, std::exchange(blanks_, {}));
  return std::exchange(out_, {});
}

const std::string& AnswerParser::FirstMark() const {
  return dialect_.section_open.empty() ? dialect_.call_open : dialect_.section_open;
}

bool AnswerParser::Step(bool end) {
  if (held_.empty()) return false;
  switch (state_) {
    case State::kStart:
      return StepStart(end);
    case State::kReasoning:
      return StepReasoning(end);
    case State::kContent:
      return StepContent(end);
    case State::kBetweenCalls:
      return StepBetweenCalls(end);
    case State::kName:
      return StepName(end);
    case State::kObject:
      return StepObject();
    case State::kCallEnd:
      return StepCallEnd(end);
  }
  return false;
}

// Only at its start can an answer open its reasoning, or be a bare call.
bool AnswerParser::StepStart(bool end) {
  const std::size_t first = held_.find_first_not_of(kBlanks);
  if (first == std::string::npos && !end) return false;
  const std::string_view rest = first == std::string::npos ? std::string_view() : std::string_view(held_).substr(first);
  const std::string& think = dialect_.think_open;
  if (!think.empty() && rest.starts_with(think)) {
    held_.erase(0, first + think.size());
    state_ = State::kReasoning;
    return true;
  }
  if (!end && !think.empty() && MayBecome(rest, think)) return false;
  if (tools_ && dialect_.form == CallForm::kBareObject && rest.starts_with('{')) {
    bare_ = true;
    object_.Reset(/*whole=*/true, dialect_.arguments_key);
    call_raw_ = held_.substr(0, first);
    held_.erase(0, first);
    state_ = State::kObject;
    return true;
  }
  state_ = State::kContent;
  return true;
}

bool AnswerParser::StepReasoning(bool end) {
  const std::string& close = dialect_.think_close;
  const std::size_t at = held_.find(close);
  const std::size_t sure = at != std::string::npos ? at : held_.size() - (end ? 0 : PartialMark(held_, close));
  EmitTrimmed(Kind::kReasoning, std::string_view(held_).substr(0, sure));
  held_.erase(0, sure);
  if (at == std::string::npos) return false;
  held_.erase(0, close.size());
  blanks_.clear();
  skip_blanks_ = true;
  // A bare call may stand at the start of what follows, too.
  state_ = tools_ && dialect_.form == CallForm::kBareObject ? State::kStart : State::kContent;
  return true;
}

bool AnswerParser::SettleStart(bool end) {
  const std::size_t first = std::min(held_.find_first_not_of(kBlanks), held_.size());
  const std::string_view rest = std::string_view(held_).substr(first);
  if (!end && MayBecome(rest, FirstMark())) return false;
  start_open_ = false;
  if (!rest.starts_with(FirstMark())) tools_ = false;
  return true;
}

bool AnswerParser::StepContent(bool end) {
  if (start_open_ && tools_ && !SettleStart(end)) return false;
  const std::string& mark = FirstMark();
  if (!tools_ || mark.empty()) {
    EmitTrimmed(Kind::kContent, std::exchange(held_, {}));
    return false;
  }
  const std::size_t at = held_.find(mark);
  if (at == std::string::npos) {
    const std::size_t sure = held_.size() - (end ? 0 : PartialMark(held_, mark));
    EmitTrimmed(Kind::kContent, std::string_view(held_).substr(0, sure));
    held_.erase(0, sure);
    return false;
  }
  EmitTrimmed(Kind::kContent, std::string_view(held_).substr(0, at));
  held_.erase(0, at);
  call_raw_.clear();
  if (!dialect_.section_open.empty()) {
    call_raw_ = dialect_.section_open;
    held_.erase(0, dialect_.section_open.size());
  }
  state_ = State::kBetweenCalls;
  return true;
}

bool AnswerParser::StepBetweenCalls(bool end) {
  const std::size_t first = std::min(held_.find_first_not_of(kBlanks), held_.size());
  const std::string_view rest = std::string_view(held_).substr(first);
  if (rest.empty()) return false;
  const std::string& open = dialect_.call_open;
  if (rest.starts_with(open)) {
    call_raw_ += held_.substr(0, first + open.size());
    held_.erase(0, first + open.size());
    object_.Reset(dialect_.form != CallForm::kNameThenObject, dialect_.arguments_key);
    state_ = dialect_.form == CallForm::kNameThenObject ? State::kName : State::kObject;
    return true;
  }
  const std::string& close = dialect_.section_close;
  if (!close.empty() && rest.starts_with(close)) {
    held_.erase(0, first + close.size());
    state_ = State::kContent;
    return true;
  }
  if (!end && (MayBecome(rest, open) || (!close.empty() && MayBecome(rest, close)))) return false;
  if (num_calls_ == 0 && !call_raw_.empty()) EmitTrimmed(Kind::kContent, call_raw_);
  call_raw_.clear();
  state_ = State::kContent;
  return true;
}

bool AnswerParser::StepName(bool end) {
  const std::size_t at = held_.find(dialect_.name_end);
  constexpr std::size_t kMaxName = 256;
  if (at == std::string::npos && !end && held_.size() < kMaxName + dialect_.name_end.size()) return false;
  if (at == std::string::npos || at > kMaxName) {
    NotACall();
    return true;
  }
  std::string name = held_.substr(0, at);
  DropLeadingBlanks(&name);
  name.resize(name.find_last_not_of(kBlanks) + 1);
  if (name.empty()) {
    NotACall();
    return true;
  }
  held_.erase(0, at + dialect_.name_end.size());
  BeginCall(std::move(name));
  state_ = State::kObject;
  return true;
}

bool AnswerParser::StepObject() {
  std::size_t used = 0;
  const CallObjectReader::Result result = object_.Add(held_, &used);
  if (!in_call_) call_raw_ += held_.substr(0, used);
  held_.erase(0, used);
  const bool whole = dialect_.form != CallForm::kNameThenObject;
  std::string arguments = whole && !object_.has_name() ? std::string() : object_.TakeArguments();
  if (!in_call_ && !arguments.empty()) BeginCall(object_.name());
  Emit(Kind::kCallArguments, std::move(arguments));
  if (result == CallObjectReader::Result::kMore) return false;
  if (!in_call_) {
    NotACall();
    return true;
  }
  state_ = State::kCallEnd;
  return true;
}

bool AnswerParser::StepCallEnd(bool end) {
  if (bare_) {
    held_.clear();  // nothing may follow a bare call
    return false;
  }
  const std::string& close = dialect_.call_close;
  const std::size_t at = held_.find(close);
  if (at == std::string::npos) {
    held_.erase(0, held_.size() - (end ? 0 : PartialMark(held_, close)));
    return false;
  }
  held_.erase(0, at + close.size());
  in_call_ = false;
  state_ = State::kBetweenCalls;
  return true;
}

void AnswerParser::BeginCall(std::string name) {
  call_raw_.clear();
  blanks_.clear();
  skip_blanks_ = true;
  in_call_ = true;
  ++num_calls_;
  Emit(Kind::kCallBegin, std::move(name));
}

void AnswerParser::NotACall() {
  EmitTrimmed(Kind::kContent, std::exchange(call_raw_, {}));
  bare_ = false;
  state_ = State::kContent;
}

void AnswerParser::EmitTrimmed(Kind kind, std::string_view text) {
  std::string all = std::exchange(blanks_, {}) + std::string(text);
  if (skip_blanks_) DropLeadingBlanks(&all);
  if (all.empty()) return;
  skip_blanks_ = false;
  if (tools_ || kind == Kind::kReasoning) {
    blanks_ = all.substr(all.find_last_not_of(kBlanks) + 1);
    all.resize(all.size() - blanks_.size());
  }
  Emit(kind, std::move(all));
}

void AnswerParser::Emit(Kind kind, std::string text) {
  if (text.empty()) return;
  if (!out_.empty() && out_.back().kind == kind && kind != Kind::kCallBegin) {
    out_.back().text += text;
    return;
  }
  const bool call = kind == Kind::kCallBegin || kind == Kind::kCallArguments;
  out_.push_back({kind, std::move(text), call ? num_calls_ - 1 : 0});
}

}  // namespace bowhead::assistant
