// What a decoding step of so many tokens costs on this machine now: the other half of the decision to speculate.
#pragma once

#include <array>
#include <cstddef>

namespace bowhead::engine {

/// Measured times of steps without prompt pieces, by number of sequences (roughly) and of tokens. All times of a row
/// move together when the newest ones say that contexts have grown or that the machine has become slower; sizes that
/// were not seen for long are forgotten, so that one bad measurement does not rule a size out for good. Not
/// thread-safe.
class StepTimes {
 public:
  /// Steps with more tokens are not looked at.
  static constexpr int kMostTokens = 96;

  void Add(int sequences, int tokens, double ms);
  /// The expected time of a step, 0 if nothing is known of so many sequences. What was not measured is guessed low from
  /// the next smaller size, so that it gets tried.
  [[nodiscard]] double Ms(int sequences, int tokens) const;
  /// Steps of so many sequences since one had this size; 0 if none ever had.
  [[nodiscard]] int Age(int sequences, int tokens) const;

 private:
  static constexpr std::size_t kRows = 6;
  static constexpr int kExact = 16;  // sizes up to this one are told apart, larger ones in fours
  static constexpr std::size_t kSizes = kExact + (kMostTokens - kExact) / 4 + 1;

  struct Entry {
    double relative = 0;  // to the row's level
    int samples = 0;      // 0: never measured
    int last = 0;         // the row's `steps` then
  };
  struct Row {
    double level = 0;  // ms
    int steps = 0;
    std::array<Entry, kSizes> entries;
  };
  static std::size_t SizeOf(int tokens);
  static std::size_t RowOf(int sequences);
  /// Drops entries of the row that are old, but for the one of the smallest size.
  static void ForgetOld(Row* row);

  std::array<Row, kRows> rows_;
};

}  // namespace bowhead::engine
