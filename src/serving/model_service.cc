#include "serving/model_service.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace bowhead::serving {

std::string_view ServiceStateName(ServiceState state) {
  switch (state) {
    case ServiceState::kLoading:
      return "loading";
    case ServiceState::kReady:
      return "ready";
    case ServiceState::kDraining:
      return "draining";
    case ServiceState::kFailed:
      return "failed";
  }
  return "unknown";
}

ModelService::ModelService() = default;

ModelService::~ModelService() {
  Stop();
}

void ModelService::Stop() {
  Drain();
  std::vector<std::weak_ptr<Generation>> generations;
  {
    const std::lock_guard lock(mutex_);
    generations = generations_;
  }
  for (const std::weak_ptr<Generation>& weak : generations) {
    if (const std::shared_ptr<Generation> running = weak.lock()) running->Cancel();
  }
  // The engine must not go before its last callback: that one may hold the last reference to it, on its own thread.
  constexpr std::chrono::milliseconds kPoll(2);
  constexpr int kPolls = 5000;
  const std::shared_ptr<const ServedModel> served = model();
  for (int i = 0; served != nullptr && i < kPolls; ++i) {
    const engine::BackendStats stats = served->backend->Stats();
    const bool idle = stats.running == 0 && stats.waiting == 0;
    if (idle && std::all_of(generations.begin(), generations.end(), [](const auto& g) { return g.expired(); })) break;
    std::this_thread::sleep_for(kPoll);
  }
  delivery_.Stop();
  const std::lock_guard lock(mutex_);
  model_.reset();
}

void ModelService::SetReady(ServedModel model) {
  if (model.constraints == nullptr) model.constraints = std::make_shared<Constraints>(model.backend);
  const std::lock_guard lock(mutex_);
  model_ = std::make_shared<const ServedModel>(std::move(model));
  if (state_ == ServiceState::kLoading) state_ = ServiceState::kReady;
}

void ModelService::SetFailed(base::Status why) {
  const std::lock_guard lock(mutex_);
  state_ = ServiceState::kFailed;
  failure_ = std::move(why);
}

void ModelService::Drain() {
  std::shared_ptr<const ServedModel> model;
  {
    const std::lock_guard lock(mutex_);
    state_ = ServiceState::kDraining;
    model = model_;
  }
  if (model != nullptr) model->backend->Drain();
}

ServiceState ModelService::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

std::shared_ptr<const ServedModel> ModelService::model() const {
  const std::lock_guard lock(mutex_);
  return model_;
}

base::Result<std::shared_ptr<const ServedModel>> ModelService::Find(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  switch (state_) {
    case ServiceState::kLoading:
      return base::Unavailable("the model is being loaded (" + std::to_string(static_cast<int>(progress() * 100.0)) +
                               " %); /ready says when it is done");
    case ServiceState::kDraining:
      return base::Unavailable("the server is shutting down and takes no new requests");
    case ServiceState::kFailed:
      return base::Unavailable("the model could not be loaded: " + failure_.message());
    case ServiceState::kReady:
      break;
  }
  const std::vector<std::string>& names = model_->names;
  if (name.empty() || name == "default" || std::find(names.begin(), names.end(), name) != names.end()) return model_;
  return base::NotFound("the model '" + std::string(name.substr(0, 200)) + "' is not served here; use '" + model_->id +
                        "' or 'default'");
}

base::Result<std::shared_ptr<Generation>> ModelService::Generate(const ServedModel& model,
                                                                 std::vector<ChoiceRequest> choices,
                                                                 std::shared_ptr<TextSink> sink) {
  auto generation = Generation::Start(model.backend, delivery_, std::move(choices), std::move(sink));
  if (!generation.ok()) return generation;
  const std::lock_guard lock(mutex_);
  std::erase_if(generations_, [](const std::weak_ptr<Generation>& g) { return g.expired(); });
  generations_.push_back(*generation);
  return generation;
}

base::Result<int> AnswerBudget(const ServedModel& model, std::size_t prompt_tokens, int requested) {
  const int context = model.backend->info().context_length;
  const std::string limit = "the context of this model is " + std::to_string(context) + " tokens";
  if (prompt_tokens >= static_cast<std::size_t>(context)) {
    return base::OutOfRange(limit + ", but the prompt alone has " + std::to_string(prompt_tokens) +
                            "; shorten it, or start the server with a larger --ctx if the model allows it");
  }
  const int room = context - static_cast<int>(prompt_tokens);
  const int cap = model.max_tokens_cap > 0 ? model.max_tokens_cap : context;
  if (requested <= 0) return std::min(room, cap);
  if (requested > cap && model.max_tokens_cap > 0) {
    return base::OutOfRange("this server makes at most " + std::to_string(cap) + " tokens per answer, but " +
                            std::to_string(requested) + " were asked for");
  }
  if (requested > room) {
    return base::OutOfRange(limit + ", but " + std::to_string(prompt_tokens + static_cast<std::size_t>(requested)) +
                            " were asked for (" + std::to_string(prompt_tokens) + " in the prompt, " +
                            std::to_string(requested) + " to generate); shorten the prompt or ask for at most " +
                            std::to_string(room));
  }
  return requested;
}

}  // namespace bowhead::serving
