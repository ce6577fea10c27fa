// Counters, gauges and histograms, and their Prometheus text. Declared once, then used through handles without locks.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bowhead::telemetry {

/// The Content-Type of Registry::Expose() (Prometheus text format 0.0.4).
inline constexpr std::string_view kExpositionContentType = "text/plain; version=0.0.4; charset=utf-8";

/// Only grows. Thread-safe, lock-free.
class Counter {
 public:
  void Add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Goes up and down. Thread-safe, lock-free.
class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  void Add(double amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  [[nodiscard]] double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0.0};
};

/// Counts observations in fixed buckets. Thread-safe, lock-free.
class Histogram {
 public:
  /// `bounds`: upper bounds (inclusive), ascending, without infinity.
  explicit Histogram(std::span<const double> bounds);

  /// NaN is dropped.
  void Observe(double value) { Observe(value, 1); }
  /// `times` equal observations at once.
  void Observe(double value, std::uint64_t times);

  struct Snapshot {
    std::vector<std::uint64_t> cumulative;  // [bounds.size() + 1]; the last one counts everything
    double sum = 0.0;
  };
  [[nodiscard]] Snapshot Read() const;
  [[nodiscard]] std::uint64_t count() const { return Read().cumulative.back(); }
  [[nodiscard]] std::span<const double> bounds() const { return bounds_; }

 private:
  std::vector<double> bounds_;
  std::vector<std::atomic<std::uint64_t>> buckets_;  // [bounds.size() + 1]
  std::atomic<double> sum_{0.0};
};

/// How a metric is declared.
struct MetricInfo {
  std::string name;  // [a-zA-Z_:][a-zA-Z0-9_:]*; counters end in "_total"
  std::string help;
  std::vector<std::string> labels;  // names; none: exactly one series
  std::vector<double> buckets;      // histograms only
  std::size_t max_series = 200;     // more label sets than this share one series whose values are all "other"
};

/// All series of one metric. With() takes a lock: keep the reference, which lives as long as the registry.
template <class Metric>
class Family {
 public:
  explicit Family(MetricInfo info) : info_(std::move(info)) {}

  /// The series with these label values, in the order of MetricInfo::labels; made on first use. A wrong number of
  /// values gives the "other" series.
  Metric& With(std::span<const std::string_view> values);
  Metric& With(std::initializer_list<std::string_view> values) {
    return With(std::span<const std::string_view>(values.begin(), values.size()));
  }

  [[nodiscard]] const MetricInfo& info() const { return info_; }

  /// Calls visit(label values, series) for each series, ordered by label values.
  void ForEach(const std::function<void(const std::vector<std::string>&, const Metric&)>& visit) const;

 private:
  const MetricInfo info_;
  mutable std::mutex mutex_;
  std::map<std::vector<std::string>, std::unique_ptr<Metric>> series_;  // under mutex_
};

/// The same series under a second name, for dashboards that know that one.
struct MetricAlias {
  std::string of;                                                    // name of the declared metric
  std::string name;                                                  // the second name
  std::vector<std::string> labels;                                   // names for the same values, in the same order
  std::vector<std::pair<std::string, std::string>> constant_labels;  // added to each series
};

/// Owns all metrics of a process (or of a test). Thread-safe. Declaring a metric again with the same kind, labels and
/// buckets gives the same family. A wrong declaration (bad name, other kind) is noted in problems() and gives a family
/// that counts but is not exposed, since a metric must never stop a server.
class Registry {
 public:
  Registry();
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  Family<Counter>& AddCounters(MetricInfo info);
  Family<Gauge>& AddGauges(MetricInfo info);
  Family<Histogram>& AddHistograms(MetricInfo info);

  /// The one series of a metric without labels.
  Counter& AddCounter(std::string name, std::string help);
  Gauge& AddGauge(std::string name, std::string help);
  Histogram& AddHistogram(std::string name, std::string help, std::vector<double> buckets);

  /// A metric without labels that is read when it is asked for; `read` must be thread-safe. NaN: left out this time.
  enum class FunctionKind : std::uint8_t { kCounter, kGauge };
  void AddFunction(FunctionKind kind, std::string name, std::string help, std::function<double()> read);

  void AddAlias(MetricAlias alias);

  /// Everything in Prometheus' text format, ordered by name, aliases after the metrics.
  [[nodiscard]] std::string Expose() const;

  /// Wrong declarations so far; empty in a correct program.
  [[nodiscard]] std::vector<std::string> problems() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace bowhead::telemetry
