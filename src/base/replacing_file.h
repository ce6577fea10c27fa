// A file that appears under its name whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/mapped_file.h"
#include "base/status.h"

namespace bowhead::base {

/// Writes NAME.tmp and renames it to NAME at the end. One process at a time writes a name; others are refused at once.
/// What a process that died has left is taken over. Nothing is flushed to the disk: whoever reads the file checks its
/// content, since a power cut may leave zeros in it. Move-only.
class ReplacingFile {
 public:
  /// Reserves `bytes` on the disk. Errors: kResourceExhausted (the disk is full, or so is the quota), kUnavailable
  /// (another process is writing it), kPermissionDenied, kNotFound (no such folder).
  static Result<ReplacingFile> Create(const std::string& path, std::uint64_t bytes);

  ReplacingFile(ReplacingFile&& other) noexcept
      : path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)), committed_(other.committed_) {}
  ReplacingFile& operator=(ReplacingFile&&) = delete;
  ReplacingFile(const ReplacingFile&) = delete;
  ReplacingFile& operator=(const ReplacingFile&) = delete;
  /// Removes what was not committed.
  ~ReplacingFile();

  /// Thread-safe. Errors: kResourceExhausted, kUnavailable (the disk failed).
  Status WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) const;
  /// The file as it is now; stays valid after Commit, and when the name is replaced again.
  [[nodiscard]] Result<MappedFile> Map() const;
  /// Gives the file its name, in place of what had it.
  Status Commit();

 private:
  ReplacingFile(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  [[nodiscard]] std::string TemporaryPath() const { return path_ + ".tmp"; }

  std::string path_;
  int fd_ = -1;
  bool committed_ = false;
};

}  // namespace bowhead::base
