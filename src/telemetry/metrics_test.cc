#include "telemetry/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "telemetry/serving_metrics.h"

namespace bowhead::telemetry {
namespace {

bool Contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

TEST(MetricsTest, TextOfEachKind) {
  Registry registry;
  registry.AddCounter("a_total", "How many.\nTwo lines, a \\.").Add(3);
  registry.AddGauges({.name = "b", .help = "Level.", .labels = {"who"}, .buckets = {}}).With({"x\"\\\n"}).Set(-0.5);
  Histogram& histogram = registry.AddHistogram("c_seconds", "Time.", {0.1, 1});
  histogram.Observe(0.1);  // bounds are inclusive
  histogram.Observe(0.5, 2);
  histogram.Observe(7);
  histogram.Observe(std::nan(""));
  EXPECT_EQ(registry.Expose(),
            "# HELP a_total How many.\\nTwo lines, a \\\\.\n"
            "# TYPE a_total counter\n"
            "a_total 3\n"
            "# HELP b Level.\n"
            "# TYPE b gauge\n"
            "b{who=\"x\\\"\\\\\\n\"} -0.5\n"
            "# HELP c_seconds Time.\n"
            "# TYPE c_seconds histogram\n"
            "c_seconds_bucket{le=\"0.1\"} 1\n"
            "c_seconds_bucket{le=\"1\"} 3\n"
            "c_seconds_bucket{le=\"+Inf\"} 4\n"
            "c_seconds_sum 8.1\n"
            "c_seconds_count 4\n");
  EXPECT_TRUE(registry.problems().empty());
}

TEST(MetricsTest, DeclaringAgainGivesTheSameSeries) {
  Registry registry;
  Counter& first = registry.AddCounter("a_total", "A.");
  EXPECT_EQ(&first, &registry.AddCounter("a_total", "A."));
  EXPECT_TRUE(registry.problems().empty());
}

TEST(MetricsTest, WrongDeclarationsCountButAreNotExposed) {
  Registry registry;
  registry.AddCounter("good_total", "Good.");
  registry.AddGauge("good_total", "Other kind.").Set(5);
  registry.AddCounter("9bad", "Bad name.").Add();
  registry.AddCounters({.name = "x_total", .help = "", .labels = {"le"}, .buckets = {}}).With({"1"}).Add();
  registry.AddHistogram("h", "Buckets out of order.", {2, 1}).Observe(1);
  registry.AddAlias({.of = "none", .name = "alias", .labels = {}, .constant_labels = {}});
  EXPECT_EQ(registry.problems().size(), 5U);
  EXPECT_EQ(registry.Expose(), "# HELP good_total Good.\n# TYPE good_total counter\ngood_total 0\n");
}

TEST(MetricsTest, LabelSetsOverTheBoundShareOneSeries) {
  Registry registry;
  auto& family =
      registry.AddCounters({.name = "a_total", .help = "A.", .labels = {"k"}, .buckets = {}, .max_series = 2});
  family.With({"1"}).Add();
  family.With({"2"}).Add();
  for (int i = 3; i < 1000; ++i) family.With({std::to_string(i)}).Add();
  family.With({"1"}).Add();
  EXPECT_EQ(family.With({"1"}).value(), 2U);
  EXPECT_EQ(family.With({"other"}).value(), 997U);
  EXPECT_EQ(&family.With({"wrong", "number"}), &family.With({"other"}));
}

TEST(MetricsTest, AnAliasShowsTheSameData) {
  Registry registry;
  registry.AddCounters({.name = "a_total", .help = "A.", .labels = {"model"}, .buckets = {}}).With({"m"}).Add(2);
  registry.AddAlias({.of = "a_total", .name = "b:a_total", .labels = {"model_name"}, .constant_labels = {{"n", "0"}}});
  EXPECT_TRUE(Contains(registry.Expose(),
                       "# HELP b:a_total A.\n# TYPE b:a_total counter\n"
                       "b:a_total{n=\"0\",model_name=\"m\"} 2\n"));
}

TEST(MetricsTest, UpdatesFromManyThreadsAddUp) {
  Registry registry;
  Counter& counter = registry.AddCounter("a_total", "A.");
  Gauge& gauge = registry.AddGauge("b", "B.");
  auto& histograms = registry.AddHistograms({.name = "c", .help = "C.", .labels = {"k"}, .buckets = {1}});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 5000; ++i) {
        counter.Add();
        gauge.Add(1);
        histograms.With({i % 2 == 0 ? "x" : "y"}).Observe(2);
        if (i % 1000 == 0) {
          EXPECT_FALSE(registry.Expose().empty());
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counter.value(), 20000U);
  EXPECT_EQ(gauge.value(), 20000.0);
  EXPECT_EQ(histograms.With({"x"}).count() + histograms.With({"y"}).count(), 20000U);
}

TEST(ServingMetricsTest, DeclaresEverythingSoundly) {
  Registry registry;
  ServingMetrics metrics(registry, "smol \"quoted\"");
  const ServingMetrics again(registry, "smol \"quoted\"");
  const ServingMetrics other(registry, "other");
  HttpMetrics http(registry);
  RegisterProcessMetrics(registry);
  metrics.time_to_first_token_seconds.Observe(0.02);
  metrics.finished_cancelled.Add();
  metrics.guessed_by_lookup.Add(5);
  http.Observe("/v1/models", "GET", 200, 0.001);
  EXPECT_EQ(registry.problems(), std::vector<std::string>{});
  EXPECT_EQ(&metrics.running, &again.running);
  EXPECT_NE(&metrics.running, &other.running);
  const std::string text = registry.Expose();
  for (const char* part :
       {"bowhead_http_requests_total{route=\"/v1/models\",method=\"GET\",status=\"200\"} 1\n",
        "vllm:num_requests_running{engine=\"0\",model_name=\"other\"} 0\n",
        "vllm:request_success_total{engine=\"0\",model_name=\"smol \\\"quoted\\\"\",finished_reason=\"cancelled\"} 1\n",
        "vllm:time_to_first_token_seconds_count{engine=\"0\",model_name=\"smol \\\"quoted\\\"\"} 1\n",
        "bowhead_guessed_tokens_total{model=\"smol \\\"quoted\\\"\",drafter=\"lookup\"} 5\n",
        "process_resident_memory_bytes ", "process_open_fds ", "process_start_time_seconds "}) {
    EXPECT_TRUE(Contains(text, part)) << part;
  }
}

TEST(ServingMetricsTest, ProcessNumbersArePlausible) {
  Registry registry;
  RegisterProcessMetrics(registry);
  const std::string text = registry.Expose();
  const auto value = [&](const std::string& name) {
    const std::size_t at = text.find("\n" + name + " ");
    return at == std::string::npos ? std::nan("") : std::strtod(text.c_str() + at + name.size() + 2, nullptr);
  };
  const double now = static_cast<double>(std::time(nullptr));
  EXPECT_NEAR(value("process_start_time_seconds"), now, 600);
  EXPECT_GT(value("process_resident_memory_bytes"), 1e6);
  EXPECT_GE(value("process_virtual_memory_bytes"), value("process_resident_memory_bytes"));
  EXPECT_GE(value("process_open_fds"), 3);
  EXPECT_GE(value("process_max_fds"), value("process_open_fds"));
  EXPECT_GE(value("process_threads"), 1);
  EXPECT_GE(value("process_cpu_seconds_total"), 0);
}

// promtool (Debian's package prometheus) parses and lints the text as a Prometheus server would.
int Promtool(const std::string& exposition, std::string* said) {
  const std::string base = ::testing::TempDir() + "/bowhead_metrics";
  std::ofstream(base + ".txt") << exposition;
  const std::string command = "promtool check metrics < " + base + ".txt > " + base + ".out 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream out(base + ".out");
  said->assign(std::istreambuf_iterator<char>(out), {});
  return WEXITSTATUS(status);
}

TEST(ServingMetricsTest, PromtoolAcceptsTheText) {
  if (std::system("promtool --version > /dev/null 2>&1") != 0) {
    if (std::getenv("CI") != nullptr) FAIL() << "promtool is missing: apt-get install prometheus";
    GTEST_SKIP() << "promtool is not installed (Debian package prometheus)";
  }
  Registry registry;
  ServingMetrics metrics(registry, "m\"\\\n");
  HttpMetrics http(registry);
  RegisterProcessMetrics(registry);
  metrics.inter_token_seconds.Observe(0.004, 9);
  http.Observe("/", "GET", 404, 1e-7);
  std::string said;
  const std::string text = registry.Expose();
  const std::string ours = text.substr(0, text.find("# HELP vllm:"));
  EXPECT_EQ(Promtool(ours, &said), 0) << said;
  EXPECT_EQ(said, "");
  // vLLM's names break the naming rules that promtool lints (exit 3), but must parse (1 if they do not).
  EXPECT_EQ(Promtool(text, &said), 3) << said;
}

}  // namespace
}  // namespace bowhead::telemetry
