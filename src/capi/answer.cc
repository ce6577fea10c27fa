// bowhead_generate: a whole answer at once, on top of a queue of one request.
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "capi/queue.h"

struct bowhead_answer {
  struct Call {
    std::string name;
    std::string arguments;
  };

  std::string text;
  std::string reasoning;
  std::vector<Call> calls;
  bowhead_event end = {};  // its pointers are not for use
};

namespace bowhead::capi {

namespace {

void Take(const bowhead_event& event, bowhead_answer& answer) {
  const std::string_view text(event.text, event.text_length);
  switch (event.kind) {
    case BOWHEAD_EVENT_TEXT:
      answer.text += text;
      break;
    case BOWHEAD_EVENT_REASONING:
      answer.reasoning += text;
      break;
    case BOWHEAD_EVENT_CALL:
      answer.calls.push_back({std::string(text), {}});
      break;
    case BOWHEAD_EVENT_CALL_ARGUMENTS:
      answer.calls.back().arguments += text;
      break;
    case BOWHEAD_EVENT_END:
      answer.end = event;
      break;
    default:
      break;
  }
}

Outcome Generate(bowhead_model& model, const bowhead_request& request, bowhead_answer** out) {
  bowhead_queue queue(model.loaded);
  if (Outcome submitted = queue.requests.Submit(request, 0); !submitted.ok()) return submitted;
  auto answer = std::make_unique<bowhead_answer>();
  bowhead_event event = {};
  event.size = sizeof event;
  while (true) {
    const int found = bowhead_queue_next(&queue, -1, &event);
    if (found == BOWHEAD_NEXT_FAILED) return base::ResourceExhausted("out of memory");
    if (found != BOWHEAD_NEXT_EVENT) break;
    Take(event, *answer);
    if (event.kind == BOWHEAD_EVENT_END && event.finish_reason == BOWHEAD_FINISH_ERROR) {
      return base::Status(static_cast<base::StatusCode>(event.error_code), event.text);
    }
  }
  *out = answer.release();
  return base::OkStatus();
}

std::int64_t GetInt(const bowhead_answer& answer, std::string_view name) {
  if (name == "prompt_tokens") return answer.end.prompt_tokens;
  if (name == "cached_tokens") return answer.end.cached_tokens;
  if (name == "completion_tokens") return answer.end.completion_tokens;
  if (name == "reasoning_tokens") return answer.end.reasoning_tokens;
  return -1;
}

}  // namespace

}  // namespace bowhead::capi

namespace capi = bowhead::capi;

int bowhead_generate(bowhead_model* model, const bowhead_request* request, bowhead_answer** answer,
                     bowhead_error** error) {
  return capi::Guarded(error, [&] { return capi::Generate(*model, *request, answer); });
}

void bowhead_answer_free(bowhead_answer* answer) {
  delete answer;
}

const char* bowhead_answer_text(const bowhead_answer* answer) {
  return answer->text.c_str();
}

const char* bowhead_answer_reasoning(const bowhead_answer* answer) {
  return answer->reasoning.c_str();
}

size_t bowhead_answer_num_calls(const bowhead_answer* answer) {
  return answer->calls.size();
}

const char* bowhead_answer_call_name(const bowhead_answer* answer, size_t index) {
  return index < answer->calls.size() ? answer->calls[index].name.c_str() : nullptr;
}

const char* bowhead_answer_call_arguments(const bowhead_answer* answer, size_t index) {
  return index < answer->calls.size() ? answer->calls[index].arguments.c_str() : nullptr;
}

int bowhead_answer_finish_reason(const bowhead_answer* answer) {
  return answer->end.finish_reason;
}

int64_t bowhead_answer_get_int(const bowhead_answer* answer, const char* name) {
  return capi::GetInt(*answer, capi::TextOf(name));
}
