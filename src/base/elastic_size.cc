#include "base/elastic_size.h"

#include <algorithm>

namespace bowhead::base {
namespace {

// Seconds. A try costs some 15 ms at a worse speed: every 2 seconds that is below one percent.
constexpr double kLeastPatience = 0.05;
constexpr double kMostPatience = 2.0;
/// A size that lasted this long was right: the next crowd is a new one.
constexpr double kProven = 0.5;
/// Members that wait all the time. What one's own server needs besides the team stays below it.
constexpr double kCrowd = 0.1;
/// Running members to each one that a smaller team would have. Above 1, since members also run while they spin, and
/// compete for memory.
constexpr double kLeastGain = 1.2;

}  // namespace

bool ElasticSize::Note(double elapsed, double ran, double waited) {
  if (elapsed <= 0) return false;
  since_change_ += elapsed;
  const double waiting = waited / elapsed;
  const double working = ran / elapsed;
  if (size_ > 1 && waiting > kCrowd && working < kLeastGain * (size_ - 1)) {
    patience_ = since_change_ < kProven ? std::clamp(2 * patience_, kLeastPatience, kMostPatience) : kLeastPatience;
    size_ = std::max(size_ - std::max(static_cast<int>(waiting), 1), 1);
    since_change_ = 0;
    return true;
  }
  if (size_ < most_ && since_change_ >= patience_) {
    ++size_;
    since_change_ = 0;
    return true;
  }
  return false;
}

}  // namespace bowhead::base
