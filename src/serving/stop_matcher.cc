#include "serving/stop_matcher.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace bowhead::serving {

namespace {

/// The length of the longest suffix of `text` that is a proper prefix of `stop`.
std::size_t HeldLength(std::string_view text, std::string_view stop) {
  for (std::size_t length = std::min(text.size(), stop.size() - 1); length > 0; --length) {
    if (text.substr(text.size() - length) == stop.substr(0, length)) return length;
  }
  return 0;
}

}  // namespace

StopMatcher::StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
}

std::string StopMatcher::Add(std::string_view piece) {
  if (stopped_) return {};
  if (stops_.empty()) return std::string(piece);
  held_.append(piece);

  std::size_t first_end = std::string::npos;
  std::size_t first_begin = 0;
  for (const std::string& stop : stops_) {
    const std::size_t begin = held_.find(stop);
    if (begin == std::string::npos) continue;
    const std::size_t end = begin + stop.size();
    if (end < first_end || (end == first_end && begin < first_begin)) {
      found_ = stop;
      first_end = end;
      first_begin = begin;
    }
  }
  if (first_end != std::string::npos) {
    stopped_ = true;
    held_.resize(first_begin);
    return std::exchange(held_, {});
  }

  std::size_t held = 0;
  for (const std::string& stop : stops_) held = std::max(held, HeldLength(held_, stop));
  std::string certain = held_.substr(0, held_.size() - held);
  held_.erase(0, held_.size() - held);
  return certain;
}

std::string StopMatcher::Finish() {
  return stopped_ ? std::string() : std::exchange(held_, {});
}

}  // namespace bowhead::serving
