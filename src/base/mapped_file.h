// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

#include "base/status.h"

namespace bowhead::base {

/// What tells one state of a file from another without reading it. Every write changes `changed_ns`, and nothing can
/// set it back; so does renaming the file, and a copy has another inode.
struct FileIdentity {
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
  std::int64_t modified_ns = 0;
  std::int64_t changed_ns = 0;  // st_ctime
};

/// A whole file, mapped read-only and shared with the page cache. Move-only; unmapped when destroyed. Reading is
/// thread-safe. The file must not shrink while it is mapped: the kernel answers reads past its new end with SIGBUS, so
/// replace model files by renaming a new one over them instead of writing into them.
class MappedFile {
 public:
  /// Maps a regular file. Errors: kNotFound, kPermissionDenied, kInvalidArgument (a directory, a device, an empty
  /// file), kResourceExhausted (no address space), kUnavailable (the disk failed).
  static Result<MappedFile> Open(const std::string& path);

  /// The same of an open descriptor, which stays the caller's; `name` is for messages.
  static Result<MappedFile> FromDescriptor(int fd, const std::string& name);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})), identity_(other.identity_) {}
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  [[nodiscard]] std::span<const std::byte> bytes() const { return bytes_; }
  [[nodiscard]] const FileIdentity& identity() const { return identity_; }

  /// Asks the system to read the pages of `range` ahead. A hint: ranges outside of the mapping are left alone.
  void WillNeed(std::span<const std::byte> range) const;
  /// Asks for huge pages where the file system has them: fewer faults, and reads at the speed of large memory. A hint.
  void PreferHugePages() const;
  /// Takes the pages that lie wholly in `range` out of this process's memory; a later read brings them back from the
  /// file. A hint: ranges outside of the mapping are left alone.
  void DontNeed(std::span<const std::byte> range) const;

 private:
  MappedFile(std::span<const std::byte> bytes, FileIdentity identity) : bytes_(bytes), identity_(identity) {}
  void Unmap();

  std::span<const std::byte> bytes_;
  FileIdentity identity_;
};

}  // namespace bowhead::base
