// How many members of a team should work when other programs want the processor too.
#pragma once

namespace bowhead::base {

/// Barriers make a team as slow as its most delayed member: two threads that share their cores with two busy neighbours
/// are slower together than one of them alone. So a team that is kept waiting for the processor, and gets less done
/// than with a member less, gives that member up, and tries from time to time whether it can take it back. A try that
/// fails makes the next one come later. Not thread-safe.
class ElasticSize {
 public:
  /// From 1 to `most` members, `most` of them at first.
  explicit ElasticSize(int most) : most_(most), size_(most) {}

  [[nodiscard]] int size() const { return size_; }

  /// During `elapsed` seconds of work at this size the members ran for `ran` and were ready but not running for
  /// `waited` seconds, all of them together. True if the size is another one from now on.
  bool Note(double elapsed, double ran, double waited);

 private:
  const int most_;
  int size_;
  double since_change_ = 0;  // seconds of work at this size
  double patience_ = 0;      // seconds before the next try to grow; 0: none has failed lately
};

}  // namespace bowhead::base
