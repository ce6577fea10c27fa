// The served model: its names, its limits, its state from loading to draining.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "engine/backend.h"
#include "model/template/chat_template.h"
#include "serving/constraints.h"
#include "serving/generation.h"
#include "serving/task_queue.h"

namespace bowhead::serving {

/// A loaded model and what goes with it. Immutable.
struct ServedModel {
  std::shared_ptr<engine::Backend> backend;
  std::shared_ptr<const model::ChatTemplate> chat_template;
  std::shared_ptr<Constraints> constraints;  // SetReady makes them where there are none
  std::string id;                            // the name that answers carry: the first alias, else the model's own name
  std::vector<std::string> names;            // all that it answers to besides "default"; id first
  std::size_t num_listed = 1;                // how many of them a list of models shows
  std::int64_t created = 0;                  // seconds since 1970
  int max_tokens_cap = 0;                    // most tokens that one answer may have; 0: the context is the only bound
};

/// "loading", "ready", "draining" or "failed".
enum class ServiceState : std::uint8_t { kLoading, kReady, kDraining, kFailed };
std::string_view ServiceStateName(ServiceState state);

/// Owns the model and the threads that turn its tokens into text. Thread-safe.
class ModelService {
 public:
  ModelService();
  ~ModelService();  // Stop()
  ModelService(const ModelService&) = delete;
  ModelService& operator=(const ModelService&) = delete;

  /// The load's progress, 0 to 1.
  void SetProgress(double fraction) { progress_.store(fraction, std::memory_order_relaxed); }
  [[nodiscard]] double progress() const { return progress_.load(std::memory_order_relaxed); }
  void SetReady(ServedModel model);
  void SetFailed(base::Status why);
  /// The engine takes no new requests from here on; running ones go on.
  void Drain();

  /// Drains, cancels what still runs, waits until the engine has let go of it (10 s at most) and gives up the model.
  /// The sinks have been told everything then, and nothing calls them any more.
  void Stop();

  [[nodiscard]] ServiceState state() const;
  /// The model, if it is loaded; nullptr otherwise.
  [[nodiscard]] std::shared_ptr<const ServedModel> model() const;

  /// The model of that name; "" and "default" are the served one. Errors: kUnavailable (loading, with the progress;
  /// draining; failed), kNotFound (names what is served).
  [[nodiscard]] base::Result<std::shared_ptr<const ServedModel>> Find(std::string_view name) const;

  /// See Generation::Start.
  base::Result<std::shared_ptr<Generation>> Generate(const ServedModel& model, std::vector<ChoiceRequest> choices,
                                                     std::shared_ptr<TextSink> sink);

 private:
  std::atomic<double> progress_{0.0};
  mutable std::mutex mutex_;
  ServiceState state_ = ServiceState::kLoading;         // guarded by mutex_
  base::Status failure_;                                // guarded by mutex_
  std::shared_ptr<const ServedModel> model_;            // guarded by mutex_
  std::vector<std::weak_ptr<Generation>> generations_;  // guarded by mutex_: those that may still run
  TaskQueue delivery_{1};
};

/// How many tokens an answer to a prompt may have. `requested` 0: as many as fit (and the cap allows). Errors:
/// kOutOfRange if the prompt, or the prompt with what was asked for, does not fit the context (with the numbers), or if
/// what was asked for is over the cap.
base::Result<int> AnswerBudget(const ServedModel& model, std::size_t prompt_tokens, int requested);

}  // namespace bowhead::serving
