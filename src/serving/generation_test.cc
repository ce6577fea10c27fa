#include "serving/generation.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "model/tokenizer/tokenizer.h"
#include "serving/model_service.h"
#include "serving/task_queue.h"

namespace bowhead::serving {
namespace {

/// Tokens 0 to 9 are the digits.
class DigitTokenizer final : public model::Tokenizer {
 public:
  std::vector<model::TokenId> Encode(std::string_view, const model::EncodeOptions&) const override { return {}; }
  std::string_view TokenBytes(model::TokenId id) const override {
    return std::string_view("0123456789").substr(static_cast<std::size_t>(id), 1);
  }
  std::string Decode(std::span<const model::TokenId> ids, bool) const override {
    std::string text;
    for (const model::TokenId id : ids) text += TokenBytes(id);
    return text;
  }
  std::size_t vocab_size() const override { return 10; }
  std::optional<model::TokenId> bos() const override { return {}; }
  std::optional<model::TokenId> eos() const override { return {}; }
  bool add_bos() const override { return false; }
  bool IsEndOfGeneration(model::TokenId) const override { return false; }
  bool IsSpecial(model::TokenId) const override { return false; }
  std::optional<model::TokenId> FindToken(std::string_view) const override { return {}; }
  std::string_view kind() const override { return "digits"; }
};

/// Keeps the listeners; the test plays the engine.
class ManualBackend final : public engine::Backend {
 public:
  base::Result<engine::RequestId> Submit(engine::GenerateRequest request,
                                         std::shared_ptr<engine::RequestListener> listener) override {
    if (listeners.size() == capacity) return base::ResourceExhausted("full");
    seeds.push_back(request.sampling.seed);
    listeners.push_back(std::move(listener));
    return static_cast<engine::RequestId>(listeners.size());
  }
  void Cancel(engine::RequestId id) override { cancelled.push_back(id); }
  base::Status Embed(std::vector<model::TokenId>, std::shared_ptr<EmbeddingListener>) override {
    return base::Unimplemented("no");
  }
  void Drain() override { drained = true; }
  engine::BackendStats Stats() const override { return {}; }
  const engine::ModelInfo& info() const override { return info_; }
  const model::Tokenizer& tokenizer() const override { return tokenizer_; }

  void Play(std::size_t request, const std::vector<int>& tokens) {
    for (const int token : tokens) {
      engine::GeneratedToken generated;
      generated.token = token;
      listeners[request]->OnToken(generated);
    }
  }
  void End(std::size_t request, engine::FinishReason reason, int tokens) {
    engine::FinishInfo info;
    info.reason = reason;
    info.prompt_tokens = 3;
    info.completion_tokens = tokens;
    listeners[request]->OnFinish(info);
    listeners[request].reset();
  }

  std::size_t capacity = 10;
  std::vector<std::shared_ptr<engine::RequestListener>> listeners;
  std::vector<engine::RequestId> cancelled;
  std::vector<std::uint64_t> seeds;
  bool drained = false;
  engine::ModelInfo info_;

 private:
  DigitTokenizer tokenizer_;
};

struct Log {
  std::vector<std::string> lines;
  bool throws = false;
};

class LogSink final : public TextSink {
 public:
  explicit LogSink(Log& log) : log_(log) {}
  ~LogSink() override { log_.lines.emplace_back("gone"); }
  void OnStart() override { log_.lines.emplace_back("start"); }
  void OnText(int choice, TextPiece piece) override {
    if (log_.throws) throw std::bad_alloc();
    log_.lines.push_back(std::to_string(choice) + ":" + piece.text);
  }
  void OnChoiceDone(int choice, const ChoiceResult& result) override {
    log_.lines.push_back(std::to_string(choice) + " done " + std::to_string(result.completion_tokens) +
                         (result.reason == engine::FinishReason::kStop        ? " stop"
                          : result.reason == engine::FinishReason::kCancelled ? " cancelled"
                                                                              : " other"));
  }
  void OnEnd() override { log_.lines.emplace_back("end"); }

 private:
  Log& log_;
};

using Lines = std::vector<std::string>;

ChoiceRequest Request(std::vector<std::string> stops = {}) {
  ChoiceRequest request;
  request.request.prompt = {1, 2, 3};
  request.request.max_tokens = 10;
  request.stops = std::move(stops);
  return request;
}

TEST(GenerationTest, ChoicesAreDeliveredInOrderAndTheSinkIsLetGo) {
  const auto backend = std::make_shared<ManualBackend>();
  TaskQueue delivery(1);
  Log log;
  auto generation = Generation::Start(backend, delivery, FanOut(Request(), 2), std::make_shared<LogSink>(log));
  ASSERT_TRUE(generation.ok());
  EXPECT_EQ(backend->seeds, (std::vector<std::uint64_t>{0, 1}));
  backend->Play(0, {1, 2});
  backend->Play(1, {7});
  backend->End(0, engine::FinishReason::kStop, 2);
  backend->End(1, engine::FinishReason::kCancelled, 1);
  delivery.Stop();
  EXPECT_EQ(log.lines, (Lines{"start", "0:1", "0:2", "1:7", "0 done 2 stop", "1 done 1 cancelled", "end", "gone"}));
}

TEST(GenerationTest, AStopStringCancelsOnceAndCountsToItself) {
  const auto backend = std::make_shared<ManualBackend>();
  TaskQueue delivery(1);
  Log log;
  auto generation = Generation::Start(backend, delivery, {Request({"23"})}, std::make_shared<LogSink>(log));
  ASSERT_TRUE(generation.ok());
  backend->Play(0, {1, 2, 3, 4, 5});  // the engine runs ahead of the delivery
  backend->End(0, engine::FinishReason::kCancelled, 5);
  delivery.Stop();
  EXPECT_EQ(backend->cancelled, (std::vector<engine::RequestId>{1}));
  EXPECT_EQ(log.lines, (Lines{"start", "0:1", "0 done 3 stop", "end", "gone"}));
}

TEST(GenerationTest, IfOneChoiceIsRefusedNothingIsHeardAndTheOthersAreCancelled) {
  const auto backend = std::make_shared<ManualBackend>();
  backend->capacity = 2;
  TaskQueue delivery(1);
  Log log;
  auto generation = Generation::Start(backend, delivery, FanOut(Request(), 3), std::make_shared<LogSink>(log));
  ASSERT_FALSE(generation.ok());
  EXPECT_EQ(generation.status().code(), base::StatusCode::kResourceExhausted);
  EXPECT_EQ(backend->cancelled, (std::vector<engine::RequestId>{1, 2}));
  backend->Play(0, {1});
  backend->End(0, engine::FinishReason::kCancelled, 1);
  backend->End(1, engine::FinishReason::kCancelled, 0);
  delivery.Stop();
  EXPECT_EQ(log.lines, (Lines{"gone"}));
}

TEST(GenerationTest, ASinkThatThrowsGivesTheAnswerUp) {
  const auto backend = std::make_shared<ManualBackend>();
  TaskQueue delivery(1);
  Log log;
  log.throws = true;
  auto generation = Generation::Start(backend, delivery, {Request()}, std::make_shared<LogSink>(log));
  ASSERT_TRUE(generation.ok());
  backend->Play(0, {1, 2});
  backend->End(0, engine::FinishReason::kCancelled, 2);
  delivery.Stop();
  EXPECT_EQ(backend->cancelled, (std::vector<engine::RequestId>{1}));
  EXPECT_EQ(log.lines, (Lines{"start", "gone"}));
}

TEST(ModelServiceTest, NamesStatesAndBudgets) {
  const auto backend = std::make_shared<ManualBackend>();
  backend->info_.context_length = 100;
  ModelService service;
  EXPECT_EQ(service.Find("default").status().code(), base::StatusCode::kUnavailable);
  ServedModel model;
  model.backend = backend;
  model.id = "a";
  model.names = {"a", "b"};
  model.max_tokens_cap = 50;
  service.SetReady(model);
  for (const char* name : {"", "default", "a", "b"}) EXPECT_TRUE(service.Find(name).ok()) << name;
  EXPECT_EQ(service.Find("c").status().code(), base::StatusCode::kNotFound);
  EXPECT_EQ(*AnswerBudget(model, 10, 0), 50);
  EXPECT_EQ(*AnswerBudget(model, 90, 0), 10);
  EXPECT_EQ(*AnswerBudget(model, 90, 10), 10);
  EXPECT_EQ(AnswerBudget(model, 90, 11).status().code(), base::StatusCode::kOutOfRange);
  EXPECT_EQ(AnswerBudget(model, 100, 1).status().code(), base::StatusCode::kOutOfRange);
  EXPECT_EQ(AnswerBudget(model, 10, 51).status().code(), base::StatusCode::kOutOfRange);
  service.Drain();
  EXPECT_TRUE(backend->drained);
  EXPECT_EQ(service.Find("a").status().code(), base::StatusCode::kUnavailable);
  EXPECT_NE(service.model(), nullptr);
}

}  // namespace
}  // namespace bowhead::serving
