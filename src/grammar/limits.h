// What a grammar may cost. Grammars come from strangers: everything that grows has an end.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/status.h"

namespace bowhead::grammar {

struct Limits {
  std::size_t max_source_bytes = 1 << 20;  // of a schema, an expression or a grammar
  int max_nesting = 64;                    // of a schema, or of groups in an expression
  std::size_t max_dfa_states = 8192;       // of one pattern with its lengths
  std::size_t max_states = 200'000;        // of the compiled program
  std::int64_t max_work = 3'000'000;       // steps of compiling, some tens of nanoseconds each
  int max_depth = 128;                     // calls inside of calls while matching; two for one level of JSON
};

/// Counts the steps of one compilation. Not thread-safe.
class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits), left_(limits.max_work) {}
  /// False once the budget is used up.
  bool Spend(std::int64_t steps = 1) {
    left_ -= steps;
    return left_ >= 0;
  }
  [[nodiscard]] bool exhausted() const { return left_ < 0; }
  [[nodiscard]] const Limits& limits() const { return limits_; }

  static base::Status Exhausted() {
    return base::ResourceExhausted("the constraint takes too much work to compile; make it smaller or simpler");
  }

 private:
  Limits limits_;
  std::int64_t left_;
};

}  // namespace bowhead::grammar
