// bowhead generate: one prompt, one completion, on the terminal.
#include <CLI/CLI.hpp>
#include <chrono>
#include <condition_variable>
#include <iostream>
#include <iterator>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "api/json.h"
#include "cli/command.h"
#include "cli/load_model.h"
#include "cli/signals.h"
#include "serving/model_service.h"

namespace bowhead::cli {

namespace {

struct GenerateOptions {
  ModelOptions model;
  std::string prompt;
  int max_tokens = 128;
  engine::SamplingParams sampling;
  std::optional<std::uint64_t> seed;
  std::vector<std::string> stops;
  bool ignore_eos = false;
  bool json = false;
  bool quiet = false;
};

void AddOptions(CLI::App& app, GenerateOptions& options) {
  app.add_option("--model,-m", options.model.path,
                 "A GGUF file, or the name of one in the cache folder; default: the one of `make run`")
      ->required()
      ->type_name("FILE");
  app.add_option("--prompt,-p", options.prompt, "What to continue; '-' reads standard input")
      ->required()
      ->type_name("TEXT");
  app.add_option("-n,--max-tokens", options.max_tokens, "Most tokens to generate")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  app.add_option("--temp,--temperature", options.sampling.temperature, "0 always takes the likeliest token")
      ->check(CLI::Range(0.0, 2.0))
      ->capture_default_str();
  app.add_option("--top-k", options.sampling.top_k, "0: off")->check(CLI::Range(0, 1 << 24))->capture_default_str();
  app.add_option("--top-p", options.sampling.top_p, "1: off")->check(CLI::Range(0.001, 1.0))->capture_default_str();
  app.add_option("--min-p", options.sampling.min_p, "0: off")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  app.add_option("--repeat-penalty", options.sampling.repeat_penalty, "1: off")
      ->check(CLI::Range(0.01, 10.0))
      ->capture_default_str();
  app.add_option("--seed", options.seed, "The same seed gives the same text")->type_name("N");
  app.add_option("--stop", options.stops, "End at this text (can be repeated)")->type_name("TEXT")->take_all();
  app.add_flag("--ignore-eos", options.ignore_eos, "Go on after the model's end token");
  app.add_flag("--json", options.json, "Print one JSON object at the end instead of text as it comes");
  app.add_flag("--quiet,-q", options.quiet, "No progress and no timings");
  AddModelOptions(app, options.model);
}

/// Prints or keeps the text, and wakes the waiting main thread at the end.
class PrintSink final : public serving::TextSink {
 public:
  explicit PrintSink(bool print) : print_(print) {}
  void OnStart() override {}
  void OnText(int /*choice*/, serving::TextPiece piece) override {
    if (print_) {
      std::cout << piece.text << std::flush;
    } else {
      text_ += piece.text;
    }
  }
  void OnChoiceDone(int /*choice*/, const serving::ChoiceResult& result) override { result_ = result; }
  void OnEnd() override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  bool WaitFor(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, time, [this] { return done_; });
  }
  // After the end.
  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const serving::ChoiceResult& result() const { return result_; }

 private:
  const bool print_;
  std::string text_;
  serving::ChoiceResult result_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

std::string_view ReasonName(engine::FinishReason reason) {
  switch (reason) {
    case engine::FinishReason::kStop:
      return "stop";
    case engine::FinishReason::kLength:
      return "length";
    case engine::FinishReason::kCancelled:
      return "cancelled";
    case engine::FinishReason::kError:
      return "error";
  }
  return "unknown";
}

void Report(const GenerateOptions& options, const PrintSink& sink) {
  const serving::ChoiceResult& result = sink.result();
  const double rate =
      result.decode_seconds > 0.0 ? static_cast<double>(result.completion_tokens - 1) / result.decode_seconds : 0.0;
  const double prompt_rate =
      result.first_token_seconds > 0.0 ? static_cast<double>(result.prompt_tokens) / result.first_token_seconds : 0.0;
  if (options.json) {
    api::JsonWriter json;
    json.BeginObject().Field("text", sink.text()).Field("finish_reason", ReasonName(result.reason));
    json.Field("prompt_tokens", result.prompt_tokens).Field("completion_tokens", result.completion_tokens);
    json.Field("time_to_first_token_ms", result.first_token_seconds * 1e3);
    json.Field("prompt_tokens_per_second", prompt_rate).Field("completion_tokens_per_second", rate).EndObject();
    std::cout << json.Take() << std::endl;
    return;
  }
  std::cout << std::endl;
  if (options.quiet) return;
  std::cerr << "[" << result.prompt_tokens << " prompt tokens, first token after "
            << static_cast<int>(result.first_token_seconds * 1e3) << " ms; " << result.completion_tokens
            << " generated, " << static_cast<int>(rate) << " tokens/s; " << ReasonName(result.reason) << "]\n";
}

int Fail(const base::Status& status) {
  std::cerr << "bowhead generate: " << status.message() << '\n';
  return kExitFailure;
}

int Generate(GenerateOptions& options) {
  const Signals signals;
  if (options.prompt == "-") {
    options.prompt.assign(std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>());
  }
  std::unique_ptr<telemetry::ServingMetrics> no_metrics;
  const auto progress = [&signals](double /*fraction*/) { return signals.Wait(std::chrono::milliseconds(0)) == 0; };
  const auto warn = [](const std::string& warning) { std::cerr << "bowhead generate: " << warning << '\n'; };
  base::Result<serving::ServedModel> model = LoadServedModel(options.model, nullptr, no_metrics, progress, warn);
  if (!model.ok()) return Fail(model.status());
  serving::ModelService service;
  service.SetReady(std::move(*model));
  const std::shared_ptr<const serving::ServedModel> served = service.model();

  serving::ChoiceRequest choice;
  choice.continuation = true;
  choice.request.prompt =
      served->backend->tokenizer().Encode(options.prompt, {.add_special = true, .parse_special = true});
  if (choice.request.prompt.empty()) return Fail(base::InvalidArgument("the prompt is empty"));
  const base::Result<int> budget = serving::AnswerBudget(*served, choice.request.prompt.size(), options.max_tokens);
  if (!budget.ok()) return Fail(budget.status());
  choice.request.max_tokens = *budget;
  choice.request.sampling = options.sampling;
  choice.request.sampling.seed = options.seed ? *options.seed : std::random_device()();
  choice.request.ignore_eos = options.ignore_eos;
  choice.stops = options.stops;

  if (!options.json && !options.quiet) std::cout << options.prompt << std::flush;
  const auto sink = std::make_shared<PrintSink>(!options.json);
  const auto generation = service.Generate(*served, serving::FanOut(choice, 1), sink);
  if (!generation.ok()) return Fail(generation.status());
  while (!sink->WaitFor(std::chrono::milliseconds(50))) {
    if (signals.Wait(std::chrono::milliseconds(0)) != 0) (*generation)->Cancel();
  }
  Report(options, *sink);
  if (sink->result().reason == engine::FinishReason::kError) return Fail(sink->result().status);
  return kExitOk;
}

}  // namespace

int RunGenerate(int argc, char** argv) {
  GenerateOptions options;
  options.model.uses_template = false;
  CLI::App app("Continue a text with a model, without a server", "bowhead generate");
  AddOptions(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return Generate(options);
}

}  // namespace bowhead::cli
