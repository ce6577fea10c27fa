// batch MODEL: many conversations at once, from two threads, in C++11. Prints whether all is as it should be.
#include <bowhead/bowhead.h>

#include <cstdint>
#include <iostream>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

void Check(int code, bowhead_error* error) {
  if (code == BOWHEAD_OK) return;
  const std::string message = bowhead_error_message(error);
  bowhead_error_free(error);
  throw std::runtime_error(message);
}

struct Free {
  void operator()(bowhead_model* model) const { bowhead_model_free(model); }
  void operator()(bowhead_request* request) const { bowhead_request_free(request); }
  void operator()(bowhead_queue* queue) const { bowhead_queue_free(queue); }
};

using Request = std::unique_ptr<bowhead_request, Free>;

Request MakeRequest(int number) {
  Request request(bowhead_request_new());
  bowhead_error* error = nullptr;
  const std::string text = "Tell me about the number " + std::to_string(number) + ".";
  Check(bowhead_request_add_message(request.get(), "user", text.c_str(), &error), error);
  Check(bowhead_request_set_int(request.get(), "max_tokens", 12, &error), error);
  Check(bowhead_request_set_int(request.get(), "seed", number, &error), error);
  Check(bowhead_request_set_number(request.get(), "temperature", 0.8, &error), error);
  return request;
}

/// The answers to the numbers from 0, by number; with `alone` one after the other.
std::map<std::uint64_t, std::string> Answers(bowhead_model* model, int count, bool alone) {
  bowhead_queue* made = nullptr;
  bowhead_error* error = nullptr;
  Check(bowhead_queue_new(model, &made, &error), error);
  const std::unique_ptr<bowhead_queue, Free> queue(made);
  std::map<std::uint64_t, std::string> answers;
  const auto read = [&] {
    bowhead_event event = {};
    event.size = sizeof event;
    while (bowhead_queue_next(queue.get(), -1, &event) == BOWHEAD_NEXT_EVENT) {
      if (event.kind == BOWHEAD_EVENT_TEXT) answers[event.tag] += event.text;
      if (event.kind == BOWHEAD_EVENT_END && event.completion_tokens == 0) throw std::runtime_error("no tokens");
    }
  };
  for (int i = 0; i < count; ++i) {
    Check(bowhead_queue_submit(queue.get(), MakeRequest(i).get(), static_cast<std::uint64_t>(i), &error), error);
    if (alone) read();
  }
  read();
  return answers;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  bowhead_model* loaded = nullptr;
  bowhead_error* error = nullptr;
  Check(bowhead_load(argv[1], nullptr, &loaded, &error), error);
  const std::unique_ptr<bowhead_model, Free> model(loaded);
  const auto alone = Answers(model.get(), 8, true);
  std::map<std::uint64_t, std::string> first;
  std::map<std::uint64_t, std::string> second;
  std::thread one([&] { first = Answers(model.get(), 8, false); });
  std::thread two([&] { second = Answers(model.get(), 150, false); });  // more than the engine takes at once
  one.join();
  two.join();
  std::cout << "same:" << (first == alone) << "\nmany:" << second.size() << std::endl;
  for (const auto& answer : alone) {
    if (second.at(answer.first) != answer.second) return 1;
  }
  return 0;
}
