// Who may use the server: keys from a file, kept as hashes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace bowhead::security {

/// A set of API keys. Only their SHA-256 stays in memory. Immutable after loading, so thread-safe.
class ApiKeys {
 public:
  /// Shorter keys can be guessed; a line with one is an error.
  static constexpr std::size_t kMinKeyLength = 16;
  static constexpr std::size_t kMaxKeyLength = 512;
  static constexpr std::size_t kMaxKeys = 10'000;

  /// No keys: Check() knows nobody.
  ApiKeys() = default;

  /// Reads a file with one key a line: "KEY" or "KEY NAME" (the name goes to logs and metrics; letters, digits, and any
  /// of "._@-", at most 64); blank lines and lines that start with '#' are skipped. Errors name the file and the line
  /// but never show a key: kNotFound, kPermissionDenied, kInvalidArgument (no key, too short, doubled, bad characters).
  /// `warnings`, if given, gets text for the log, such as that other users can read the file.
  static base::Result<ApiKeys> Load(const std::string& path, std::vector<std::string>* warnings = nullptr);

  /// The same from text; `source` names it in errors.
  static base::Result<ApiKeys> Parse(std::string_view text, std::string_view source);

  [[nodiscard]] bool empty() const { return keys_.empty(); }
  [[nodiscard]] std::size_t size() const { return keys_.size(); }

  /// The name of a key ("key-1" after its place if the file gives none), or nothing if it is not in the set. Compares
  /// hashes with every key in constant time.
  [[nodiscard]] std::optional<std::string> Check(std::string_view key) const;

  /// Takes the key out of an Authorization header: "Bearer KEY" (the scheme in any case). Nothing if it has another
  /// form.
  static std::optional<std::string_view> FromAuthorization(std::string_view header);

 private:
  using Digest = std::array<std::uint8_t, 32>;
  struct Entry {
    Digest digest{};
    std::string name;
  };
  std::vector<Entry> keys_;
};

}  // namespace bowhead::security
