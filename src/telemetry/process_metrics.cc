#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <system_error>

#include "telemetry/serving_metrics.h"

namespace bowhead::telemetry {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// One number of /proc/self/stat, counted from 1 as proc(5) does; from the third on.
double StatField(int number) {
  std::ifstream file("/proc/self/stat");
  std::string text;
  if (!std::getline(file, text)) return kUnknown;
  const std::size_t name_end = text.rfind(')');  // the name may hold anything
  if (name_end == std::string::npos) return kUnknown;
  std::istringstream rest(text.substr(name_end + 1));
  std::string field;
  for (int i = 3; i <= number; ++i) {
    if (!(rest >> field)) return kUnknown;
  }
  return std::strtod(field.c_str(), nullptr);
}

double BootTimeSeconds() {
  std::ifstream file("/proc/stat");
  std::string word;
  while (file >> word) {
    double value = 0;
    if (word == "btime" && file >> value) return value;
    file.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  return kUnknown;
}

double StartTimeSeconds() {
  return BootTimeSeconds() + StatField(22) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double CpuSeconds() {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) != 0) return kUnknown;
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double OpenFds() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator it("/proc/self/fd", error), end; !error && it != end; it.increment(error)) {
    ++count;
  }
  return error ? kUnknown : count - 1;  // one is the directory itself
}

double MaxFds() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? static_cast<double>(limit.rlim_cur) : kUnknown;
}

}  // namespace

void RegisterProcessMetrics(Registry& registry) {
  using Kind = Registry::FunctionKind;
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  const double start = StartTimeSeconds();
  registry.AddFunction(Kind::kGauge, "process_start_time_seconds", "Start of the process since the Unix epoch.",
                       [start] { return start; });
  registry.AddFunction(Kind::kCounter, "process_cpu_seconds_total", "User and system CPU time.", CpuSeconds);
  registry.AddFunction(Kind::kGauge, "process_resident_memory_bytes", "Resident memory.",
                       [page] { return StatField(24) * page; });
  registry.AddFunction(Kind::kGauge, "process_virtual_memory_bytes", "Virtual memory.", [] { return StatField(23); });
  registry.AddFunction(Kind::kGauge, "process_open_fds", "Open file descriptors.", OpenFds);
  registry.AddFunction(Kind::kGauge, "process_max_fds", "Most file descriptors that may be open.", MaxFds);
  registry.AddFunction(Kind::kGauge, "process_threads", "Threads.", [] { return StatField(20); });
}

}  // namespace bowhead::telemetry
