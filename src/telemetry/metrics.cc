#include "telemetry/metrics.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <variant>

namespace bowhead::telemetry {
namespace {

constexpr std::string_view kOther = "other";
const std::vector<std::string> kNoLabels;

bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool IsMetricName(std::string_view name) {
  if (name.empty() || !(IsNameStart(name[0]) || name[0] == ':')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return IsNameStart(c) || IsDigit(c) || c == ':'; });
}

bool IsLabelName(std::string_view name) {
  if (name.empty() || !IsNameStart(name[0]) || name.starts_with("__") || name == "le") return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return IsNameStart(c) || IsDigit(c); });
}

void AppendNumber(std::string& out, double value) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "+Inf" : "-Inf";
  } else {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
    out.append(buffer, end.ptr);
  }
}

void AppendNumber(std::string& out, std::uint64_t value) {
  char buffer[24];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), value);
  out.append(buffer, end.ptr);
}

void AppendEscaped(std::string& out, std::string_view text, bool in_quotes) {
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && in_quotes) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
}

/// Names, fixed labels and label names of one exposed block: of the metric itself or of an alias.
struct View {
  std::string_view name;
  const std::vector<std::string>& labels;
  std::span<const std::pair<std::string, std::string>> constants;
};

class Writer {
 public:
  explicit Writer(std::string& out) : out_(out) {}

  void Header(std::string_view name, std::string_view help, std::string_view type) {
    out_.append("# HELP ").append(name).append(" ");
    AppendEscaped(out_, help, false);
    out_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
  }

  template <class Number>
  void Line(const View& view, std::string_view suffix, const std::vector<std::string>& values, Number number,
            std::string_view le = {}) {
    out_.append(view.name).append(suffix);
    char open = '{';
    const auto label = [&](std::string_view name, std::string_view value) {
      out_ += open;
      open = ',';
      out_.append(name).append("=\"");
      AppendEscaped(out_, value, true);
      out_ += '"';
    };
    for (const auto& [name, value] : view.constants) label(name, value);
    for (std::size_t i = 0; i < values.size(); ++i) label(view.labels[i], values[i]);
    if (!le.empty()) label("le", le);
    if (open == ',') out_ += '}';
    out_ += ' ';
    AppendNumber(out_, number);
    out_ += '\n';
  }

  void Series(const View& view, const std::vector<std::string>& values, const Counter& counter) {
    Line(view, "", values, counter.value());
  }
  void Series(const View& view, const std::vector<std::string>& values, const Gauge& gauge) {
    Line(view, "", values, gauge.value());
  }
  void Series(const View& view, const std::vector<std::string>& values, const Histogram& histogram) {
    const Histogram::Snapshot snapshot = histogram.Read();
    const std::span<const double> bounds = histogram.bounds();
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      std::string le;
      AppendNumber(le, bounds[i]);
      Line(view, "_bucket", values, snapshot.cumulative[i], le);
    }
    Line(view, "_bucket", values, snapshot.cumulative.back(), "+Inf");
    Line(view, "_sum", values, snapshot.sum);
    Line(view, "_count", values, snapshot.cumulative.back());
  }

 private:
  std::string& out_;
};

std::string_view TypeName(const Family<Counter>&) {
  return "counter";
}
std::string_view TypeName(const Family<Gauge>&) {
  return "gauge";
}
std::string_view TypeName(const Family<Histogram>&) {
  return "histogram";
}

template <class Metric>
void WriteFamily(Writer& writer, const Family<Metric>& family, const View& view) {
  writer.Header(view.name, family.info().help, TypeName(family));
  family.ForEach(
      [&](const std::vector<std::string>& values, const Metric& metric) { writer.Series(view, values, metric); });
}

template <class Metric>
std::unique_ptr<Metric> MakeMetric(const MetricInfo& info) {
  if constexpr (std::is_same_v<Metric, Histogram>) {
    return std::make_unique<Histogram>(info.buckets);
  } else {
    return std::make_unique<Metric>();
  }
}

}  // namespace

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds.begin(), bounds.end()), buckets_(bounds.size() + 1) {}

void Histogram::Observe(double value, std::uint64_t times) {
  if (std::isnan(value)) return;
  const auto bucket =
      static_cast<std::size_t>(std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin());
  buckets_[bucket].fetch_add(times, std::memory_order_relaxed);
  sum_.fetch_add(value * static_cast<double>(times), std::memory_order_relaxed);
}

Histogram::Snapshot Histogram::Read() const {
  Snapshot snapshot;
  snapshot.cumulative.reserve(buckets_.size());
  std::uint64_t total = 0;
  for (const auto& bucket : buckets_) snapshot.cumulative.push_back(total += bucket.load(std::memory_order_relaxed));
  snapshot.sum = sum_.load(std::memory_order_relaxed);
  return snapshot;
}

template <class Metric>
Metric& Family<Metric>::With(std::span<const std::string_view> values) {
  std::vector<std::string> key(values.begin(), values.end());
  const std::lock_guard lock(mutex_);
  auto found = key.size() == info_.labels.size() ? series_.find(key) : series_.end();
  if (found == series_.end()) {
    if (key.size() != info_.labels.size() || series_.size() >= info_.max_series) {
      key.assign(info_.labels.size(), std::string(kOther));
    }
    found = series_.try_emplace(std::move(key)).first;
    if (found->second == nullptr) found->second = MakeMetric<Metric>(info_);
  }
  return *found->second;
}

template <class Metric>
void Family<Metric>::ForEach(const std::function<void(const std::vector<std::string>&, const Metric&)>& visit) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [values, metric] : series_) visit(values, *metric);
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Histogram>;

struct Registry::State {
  struct Function {
    FunctionKind kind;
    std::string help;
    std::function<double()> read;
  };
  template <class Metric>
  using Owned = std::unique_ptr<Family<Metric>>;
  using Entry = std::variant<Owned<Counter>, Owned<Gauge>, Owned<Histogram>, Function>;

  mutable std::mutex mutex;
  std::map<std::string, Entry, std::less<>> metrics;  // all under mutex
  std::vector<MetricAlias> aliases;
  std::vector<std::string> problems;
  std::vector<Entry> detached;  // families of wrong declarations

  /// Whether a declaration is sound; else notes why.
  bool Check(const MetricInfo& info, bool histogram) {
    std::string why;
    if (!IsMetricName(info.name)) why = "bad name";
    if (!std::all_of(info.labels.begin(), info.labels.end(), [](const std::string& l) { return IsLabelName(l); })) {
      why = "bad label name";
    }
    const auto out_of_order = std::adjacent_find(info.buckets.begin(), info.buckets.end(), std::greater_equal<>());
    const bool finite =
        std::all_of(info.buckets.begin(), info.buckets.end(), [](double b) { return std::isfinite(b); });
    if (histogram == info.buckets.empty() || out_of_order != info.buckets.end() || !finite) {
      why = "bad buckets";
    }
    if (!why.empty()) problems.push_back(info.name + ": " + why);
    return why.empty();
  }

  template <class Metric>
  Family<Metric>& Add(MetricInfo info) {
    const std::lock_guard lock(mutex);
    const bool sound = Check(info, std::is_same_v<Metric, Histogram>);
    if (const auto found = metrics.find(info.name); sound && found != metrics.end()) {
      const auto* same = std::get_if<Owned<Metric>>(&found->second);
      if (same != nullptr && (*same)->info().labels == info.labels && (*same)->info().buckets == info.buckets) {
        return **same;
      }
      problems.push_back(info.name + ": declared twice in different ways");
    } else if (sound) {
      const std::string name = info.name;
      auto& entry = metrics.try_emplace(name, std::make_unique<Family<Metric>>(std::move(info))).first->second;
      Family<Metric>& family = *std::get<Owned<Metric>>(entry);
      if (family.info().labels.empty()) family.With({});
      return family;
    }
    detached.emplace_back(std::make_unique<Family<Metric>>(std::move(info)));
    return *std::get<Owned<Metric>>(detached.back());
  }
};

Registry::Registry() : state_(std::make_unique<State>()) {}
Registry::~Registry() = default;

Family<Counter>& Registry::AddCounters(MetricInfo info) {
  return state_->Add<Counter>(std::move(info));
}
Family<Gauge>& Registry::AddGauges(MetricInfo info) {
  return state_->Add<Gauge>(std::move(info));
}
Family<Histogram>& Registry::AddHistograms(MetricInfo info) {
  return state_->Add<Histogram>(std::move(info));
}

Counter& Registry::AddCounter(std::string name, std::string help) {
  return AddCounters({.name = std::move(name), .help = std::move(help), .labels = {}, .buckets = {}}).With({});
}
Gauge& Registry::AddGauge(std::string name, std::string help) {
  return AddGauges({.name = std::move(name), .help = std::move(help), .labels = {}, .buckets = {}}).With({});
}
Histogram& Registry::AddHistogram(std::string name, std::string help, std::vector<double> buckets) {
  return AddHistograms({.name = std::move(name), .help = std::move(help), .labels = {}, .buckets = std::move(buckets)})
      .With({});
}

void Registry::AddFunction(FunctionKind kind, std::string name, std::string help, std::function<double()> read) {
  const std::lock_guard lock(state_->mutex);
  if (!IsMetricName(name) || state_->metrics.contains(name)) {
    state_->problems.push_back(name + ": bad name or declared twice");
    return;
  }
  state_->metrics.emplace(std::move(name), State::Function{kind, std::move(help), std::move(read)});
}

void Registry::AddAlias(MetricAlias alias) {
  const std::lock_guard lock(state_->mutex);
  const auto same = [&](const MetricAlias& other) { return other.name == alias.name; };
  const auto known = std::find_if(state_->aliases.begin(), state_->aliases.end(), same);
  if (known != state_->aliases.end() && known->of == alias.of && known->labels == alias.labels) return;
  const auto found = state_->metrics.find(alias.of);
  std::size_t labels = 0;
  const bool is_family = found != state_->metrics.end() &&
                         std::visit(
                             [&](const auto& entry) {
                               if constexpr (std::is_same_v<std::decay_t<decltype(entry)>, State::Function>) {
                                 return false;
                               } else {
                                 labels = entry->info().labels.size();
                                 return true;
                               }
                             },
                             found->second);
  const auto is_label = [](const auto& pair) { return IsLabelName(pair.first); };
  const bool labels_sound = labels == alias.labels.size() &&
                            std::all_of(alias.labels.begin(), alias.labels.end(),
                                        [](const std::string& label) { return IsLabelName(label); }) &&
                            std::all_of(alias.constant_labels.begin(), alias.constant_labels.end(), is_label);
  if (!is_family || !labels_sound || !IsMetricName(alias.name) || state_->metrics.contains(alias.name) ||
      known != state_->aliases.end()) {
    state_->problems.push_back(alias.name + ": not a usable alias of " + alias.of);
    return;
  }
  state_->aliases.push_back(std::move(alias));
}

std::string Registry::Expose() const {
  std::string out;
  Writer writer(out);
  const std::lock_guard lock(state_->mutex);
  for (const auto& [name, entry] : state_->metrics) {
    std::visit(
        [&](const auto& metric) {
          if constexpr (std::is_same_v<std::decay_t<decltype(metric)>, State::Function>) {
            const double value = metric.read();
            if (std::isnan(value)) return;
            writer.Header(name, metric.help, metric.kind == FunctionKind::kCounter ? "counter" : "gauge");
            writer.Line({name, kNoLabels, {}}, "", kNoLabels, value);
          } else {
            WriteFamily(writer, *metric, {name, metric->info().labels, {}});
          }
        },
        entry);
  }
  for (const MetricAlias& alias : state_->aliases) {
    std::visit(
        [&](const auto& metric) {
          if constexpr (!std::is_same_v<std::decay_t<decltype(metric)>, State::Function>) {
            WriteFamily(writer, *metric, {alias.name, alias.labels, alias.constant_labels});
          }
        },
        state_->metrics.find(alias.of)->second);
  }
  return out;
}

std::vector<std::string> Registry::problems() const {
  const std::lock_guard lock(state_->mutex);
  return state_->problems;
}

}  // namespace bowhead::telemetry
