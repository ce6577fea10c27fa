// Stop strings in a stream of text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bowhead::serving {

/// Finds the first stop string in text that arrives in pieces, whatever the pieces are: the stop string that ends first
/// wins, and of those that end together the longest. Text that might be the start of one is held back. Not thread-safe.
class StopMatcher {
 public:
  /// Empty strings in `stops` are ignored.
  explicit StopMatcher(std::vector<std::string> stops);

  /// Takes the next piece and returns the text that is now certain; nothing of a stop string, nor after it, comes out.
  std::string Add(std::string_view piece);
  /// What was held back, once no more text comes.
  std::string Finish();

  [[nodiscard]] bool stopped() const { return stopped_; }
  /// The stop string that was found; "" before.
  [[nodiscard]] const std::string& found() const { return found_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  std::string found_;
  bool stopped_ = false;
};

}  // namespace bowhead::serving
