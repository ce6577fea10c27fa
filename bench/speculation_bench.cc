// What speculation changes, as JSON: one stream through the whole engine with and without it, interleaved. Prompts that
// the answer copies, and prompts that it has nothing to do with; greedy and sampled. Answers have to be the same.
//   speculation_bench MODEL [--draft-model FILE] [--threads N] [--reps N] [--tokens N] [--streams N]
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace {

using bowhead::engine::Engine;
using bowhead::engine::EngineOptions;
using bowhead::engine::GenerateRequest;
using bowhead::model::TokenId;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string model;
  std::string draft_model;
  int threads = 0;
  int reps = 3;
  int tokens = 256;
  int streams = 1;
};

bool Check(const bowhead::base::Status& status) {
  if (!status.ok()) std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return status.ok();
}

/// Keeps an answer and when its first and last token came.
class Answer : public bowhead::engine::RequestListener {
 public:
  void OnToken(const bowhead::engine::GeneratedToken& token) override {
    const std::lock_guard lock(mutex_);
    last_ = Clock::now();
    if (tokens_.empty()) first_ = last_;
    tokens_.push_back(token.token);
  }
  void OnFinish(const bowhead::engine::FinishInfo&) override {
    const std::lock_guard lock(mutex_);
    done_ = true;
    changed_.notify_all();
  }
  std::vector<TokenId> Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_; });
    return tokens_;
  }
  [[nodiscard]] Clock::time_point first() const { return first_; }
  [[nodiscard]] Clock::time_point last() const { return last_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<TokenId> tokens_;
  bool done_ = false;
  Clock::time_point first_;
  Clock::time_point last_;
};

struct Case {
  std::string name;
  std::string text;
  float temperature = 0;
};

constexpr std::string_view kCode = R"(class Account:
    def __init__(self, owner, balance=0):
        self.owner = owner
        self.balance = balance
        self.history = []

    def deposit(self, amount):
        if amount <= 0:
            raise ValueError("the amount must be positive")
        self.balance += amount
        self.history.append(("deposit", amount))
        return self.balance

    def withdraw(self, amount):
        if amount > self.balance:
            raise ValueError("not enough money on the account")
        self.balance -= amount
        self.history.append(("withdraw", amount))
        return self.balance

    def transfer(self, other, amount):
        self.withdraw(amount)
        other.deposit(amount)
        self.history.append(("transfer", other.owner, amount))

    def statement(self):
        lines = [f"Account of {self.owner}"]
        for kind, *rest in self.history:
            lines.append(f"  {kind}: {rest}")
        lines.append(f"Balance: {self.balance}")
        return "\n".join(lines)
)";

std::string Chat(std::string_view question) {
  return "<|im_start|>system\nYou are a helpful AI assistant.<|im_end|>\n<|im_start|>user\n" + std::string(question) +
         "<|im_end|>\n<|im_start|>assistant\n";
}

/// The first lines of the file, as if the answer had begun already: what follows is copying, for a small model too.
std::string Beginning() {
  return std::string(kCode.substr(0, kCode.find("    def withdraw")));
}

std::vector<Case> Cases() {
  const std::string file = "\n```python\n" + std::string(kCode) + "```";
  const std::string copy = Chat("Repeat this file exactly as it is:" + file) + "```python\n" + Beginning();
  std::string edited = Beginning();
  edited.replace(edited.find("Account"), 7, "Wallet");
  const std::string edit =
      Chat("Rename the class Account to Wallet and show the whole file again:" + file) + "```python\n" + edited;
  const std::string story = Chat("Write a short story about a lighthouse keeper and the sea.");
  return {
      {"copy, greedy", copy, 0.0F},
      {"copy, temperature 0.7", copy, 0.7F},
      {"edit, greedy", edit, 0.0F},
      {"unrelated, greedy", story, 0.0F},
      {"unrelated, temperature 1", story, 1.0F},
      {"unrelated, temperature 2", story, 2.0F},
  };
}

struct Run {
  std::vector<std::vector<TokenId>> answers;
  double rate = 0;  // tokens per second of all streams, from the first token to the last
};

bool Ask(Engine& engine, const Options& options, const Case& item, Run* run) {
  std::vector<std::shared_ptr<Answer>> listeners;
  for (int s = 0; s < options.streams; ++s) {
    GenerateRequest request;
    bowhead::model::EncodeOptions encode;
    encode.parse_special = true;
    request.prompt = engine.tokenizer().Encode(item.text, encode);
    request.max_tokens = options.tokens;
    request.ignore_eos = true;
    request.sampling.temperature = item.temperature;
    request.sampling.seed = static_cast<std::uint64_t>(s + 1);
    listeners.push_back(std::make_shared<Answer>());
    if (!Check(engine.Submit(std::move(request), listeners.back()).status())) return false;
  }
  std::size_t tokens = 0;
  run->answers.clear();
  for (const auto& listener : listeners) {
    run->answers.push_back(listener->Wait());
    tokens += run->answers.back().size() - 1;
  }
  const auto by_first = [](const auto& a, const auto& b) { return a->first() < b->first(); };
  const auto by_last = [](const auto& a, const auto& b) { return a->last() < b->last(); };
  const auto first = (*std::min_element(listeners.begin(), listeners.end(), by_first))->first();
  const auto last = (*std::max_element(listeners.begin(), listeners.end(), by_last))->last();
  run->rate = static_cast<double>(tokens) / std::chrono::duration<double>(last - first).count();
  return true;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

bool Bench(const Options& options) {
  EngineOptions base;
  base.threads = options.threads;
  base.context_length = 2048;
  EngineOptions off = base;
  off.speculation.most_draft = 0;
  EngineOptions on = base;
  on.speculation.draft_model = options.draft_model;
  auto plain = bowhead::engine::LoadEngine(options.model, off);
  auto speculating = bowhead::engine::LoadEngine(options.model, on);
  if (!Check(plain.status()) || !Check(speculating.status())) return false;
  std::printf("{\n  \"model\": \"%s\", \"draft_model\": \"%s\", \"threads\": %d, \"streams\": %d, \"cases\": [",
              (*plain)->info().name.c_str(), options.draft_model.c_str(), (*plain)->info().threads, options.streams);
  bool same = true;
  const char* comma = "";
  for (const Case& item : Cases()) {
    std::vector<double> without;
    std::vector<double> with;
    std::vector<double> ratios;
    Run a;
    Run b;
    bowhead::engine::BackendStats before;
    for (int rep = -1; rep < options.reps; ++rep) {  // the first one warms up
      if (rep == 0) before = (*speculating)->Stats();
      if (!Ask(**plain, options, item, &a) || !Ask(**speculating, options, item, &b)) return false;
      same = same && a.answers == b.answers;
      if (rep < 0) continue;
      without.push_back(a.rate);
      with.push_back(b.rate);
      ratios.push_back(b.rate / a.rate);
    }
    const bowhead::engine::BackendStats after = (*speculating)->Stats();
    std::printf(
        "%s\n    {\"case\": \"%s\", \"without\": %.1f, \"with\": %.1f, \"ratio\": %.3f, \"guessed\": %llu, "
        "\"accepted\": %llu}",
        comma, item.name.c_str(), Median(without), Median(with), Median(ratios),
        static_cast<unsigned long long>(after.guessed_tokens - before.guessed_tokens),
        static_cast<unsigned long long>(after.accepted_tokens - before.accepted_tokens));
    std::fflush(stdout);
    comma = ",";
  }
  std::printf("\n  ],\n  \"same_answers\": %s\n}\n", same ? "true" : "false");
  return same;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  bool valid = true;
  for (int i = 1; i < argc && valid; ++i) {
    const std::string_view flag = argv[i];
    if (!flag.starts_with("--")) {
      options.model = flag;
      continue;
    }
    valid = ++i < argc;
    if (!valid) break;
    if (flag == "--draft-model") {
      options.draft_model = argv[i];
      continue;
    }
    const int value = std::atoi(argv[i]);
    valid = value > 0;
    if (flag == "--threads") {
      options.threads = value;
    } else if (flag == "--reps") {
      options.reps = value;
    } else if (flag == "--tokens") {
      options.tokens = value;
    } else if (flag == "--streams") {
      options.streams = value;
    } else {
      valid = false;
    }
  }
  if (!valid || options.model.empty()) {
    std::fprintf(stderr,
                 "usage: speculation_bench MODEL [--draft-model FILE] [--threads N] [--reps N] [--tokens N] "
                 "[--streams N]\n");
    return 2;
  }
  return Bench(options) ? 0 : 1;
}
