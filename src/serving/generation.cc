#include "serving/generation.h"

#include <exception>
#include <utility>

namespace bowhead::serving {

/// Runs on the engine's thread: it only queues.
class Generation::Listener final : public engine::RequestListener {
 public:
  Listener(std::shared_ptr<Generation> generation, std::size_t index)
      : generation_(std::move(generation)), index_(index) {}

  void OnToken(const engine::GeneratedToken& token) override {
    // A refused post (the queue stops) means that nobody is there to hear of it.
    static_cast<void>(
        generation_->delivery_.Post([generation = generation_, index = index_, token, when = Clock::now()] {
          generation->Guard([&] { generation->Deliver(index, token, when); });
        }));
  }

  void OnFinish(const engine::FinishInfo& info) override {
    // Moved, so that the engine's own thread is not the last to let go of the generation, which holds the engine.
    TaskQueue& delivery = generation_->delivery_;
    static_cast<void>(delivery.Post([generation = std::move(generation_), index = index_, info] {
      generation->Guard([&] { generation->DeliverEnd(index, info); });
    }));
  }

 private:
  std::shared_ptr<Generation> generation_;
  const std::size_t index_;
};

Generation::Generation(std::shared_ptr<engine::Backend> backend, TaskQueue& delivery, std::shared_ptr<TextSink> sink)
    : backend_(std::move(backend)), delivery_(delivery), sink_(std::move(sink)) {}

base::Result<std::shared_ptr<Generation>> Generation::Start(std::shared_ptr<engine::Backend> backend,
                                                            TaskQueue& delivery, std::vector<ChoiceRequest> choices,
                                                            std::shared_ptr<TextSink> sink) {
  if (choices.empty()) return base::Internal("a generation needs at least one choice");
  // The constructor is private, so make_shared cannot reach it.
  const std::shared_ptr<Generation> generation(new Generation(std::move(backend), delivery, std::move(sink)));
  base::Status status = generation->Submit(std::move(choices));
  if (!status.ok()) return status;
  if (!delivery.Post([generation] { generation->Guard([&] { generation->EnsureStarted(); }); })) {
    generation->Cancel();
    return base::Unavailable("the server is stopping");
  }
  return generation;
}

base::Status Generation::Submit(std::vector<ChoiceRequest> choices) {
  for (ChoiceRequest& choice : choices) {
    choices_.push_back(std::make_unique<Choice>(backend_->tokenizer(), choice));
  }
  {
    // Until all are accepted, nothing may reach the sink; deliveries wait for this lock.
    const std::lock_guard lock(mutex_);
    for (std::size_t i = 0; i < choices.size(); ++i) {
      base::Result<engine::RequestId> id =
          backend_->Submit(std::move(choices[i].request), std::make_shared<Listener>(shared_from_this(), i));
      if (id.ok()) {
        choices_[i]->id = *id;
        choices_[i]->submitted = true;
        continue;
      }
      abandoned_ = true;
      for (std::size_t k = 0; k < i; ++k) backend_->Cancel(choices_[k]->id);
      return id.status();
    }
  }
  return base::OkStatus();
}

void Generation::Cancel() {
  for (const std::unique_ptr<Choice>& choice : choices_) CancelChoice(*choice);
}

void Generation::CancelChoice(Choice& choice) {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(choice.stop, true) && choice.submitted) backend_->Cancel(choice.id);
}

void Generation::Guard(const std::function<void()>& deliver) {
  try {
    deliver();
  } catch (const std::exception&) {
    // Out of memory, most likely. An answer with a hole in it must not look complete, so nothing more is sent: the
    // connection ends with an error once the sink lets go of it.
    Cancel();
    {
      const std::lock_guard lock(mutex_);
      abandoned_ = true;
    }
    sink_.reset();
  }
}

void Generation::EnsureStarted() {
  if (!std::exchange(started_, true) && sink_ != nullptr) sink_->OnStart();
}

void Generation::Deliver(std::size_t index, const engine::GeneratedToken& token, Clock::time_point when) {
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) return;
  }
  EnsureStarted();
  Choice& choice = *choices_[index];
  if (choice.stream.stopped()) return;
  if (choice.stream.num_tokens() == 0) choice.first = when;
  choice.last = when;
  TextPiece piece = choice.stream.Add(token);
  if (choice.stream.stopped()) CancelChoice(choice);
  if (!piece.empty()) sink_->OnText(static_cast<int>(index), std::move(piece));
}

void Generation::DeliverEnd(std::size_t index, const engine::FinishInfo& info) {
  {
    const std::lock_guard lock(mutex_);
    if (abandoned_) {
      sink_.reset();
      return;
    }
  }
  EnsureStarted();
  Choice& choice = *choices_[index];
  TextPiece rest = choice.stream.Finish();
  if (!rest.empty()) sink_->OnText(static_cast<int>(index), std::move(rest));

  const bool stopped = choice.stream.stopped();
  ChoiceResult result;
  result.reason = stopped ? engine::FinishReason::kStop : info.reason;
  if (!stopped) result.status = info.status;
  result.stop = choice.stream.stop();
  result.prompt_tokens = info.prompt_tokens;
  result.cached_tokens = info.cached_tokens;
  result.completion_tokens = stopped ? choice.stream.num_tokens() : info.completion_tokens;
  if (choice.stream.num_tokens() > 0) {
    result.first_token_seconds = std::chrono::duration<double>(choice.first - begin_).count();
    result.decode_seconds = std::chrono::duration<double>(choice.last - choice.first).count();
  }
  sink_->OnChoiceDone(static_cast<int>(index), result);
  if (++done_ == choices_.size()) {
    sink_->OnEnd();
    sink_.reset();  // it may hold the connection
  }
}

std::vector<ChoiceRequest> FanOut(const ChoiceRequest& request, int n) {
  std::vector<ChoiceRequest> choices;
  choices.reserve(static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) {
    choices.push_back(request);
    choices.back().request.sampling.seed += static_cast<std::uint64_t>(i);
  }
  return choices;
}

}  // namespace bowhead::serving
