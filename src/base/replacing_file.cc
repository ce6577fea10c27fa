#include "base/replacing_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace bowhead::base {
namespace {

Status WriteError(const std::string& path, int error) {
  const std::string reason = std::strerror(error);
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ResourceExhausted("there is no space left to write " + path);
    case EACCES:
    case EPERM:
    case EROFS:
      return PermissionDenied(path + " may not be written: " + reason);
    case ENOENT:
    case ENOTDIR:
      return NotFound("there is no folder for " + path);
    default:
      return Unavailable(path + " cannot be written: " + reason);
  }
}

// The process that held the lock may have renamed the file that was just opened.
bool StillNamed(int fd, const std::string& path) {
  struct stat opened = {};
  struct stat named = {};
  return fstat(fd, &opened) == 0 && stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

Result<ReplacingFile> ReplacingFile::Create(const std::string& path, std::uint64_t bytes) {
  const std::string temporary = path + ".tmp";
  const int fd = open(temporary.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (fd < 0) return WriteError(temporary, errno);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0 || !StillNamed(fd, temporary)) {
    close(fd);
    return Unavailable("another process is writing " + path);
  }
  ReplacingFile file(path, fd);
  if (ftruncate(fd, 0) != 0) return WriteError(temporary, errno);
  const auto size = static_cast<off_t>(bytes);
  // Not every file system can reserve; then a full disk shows when it is written.
  if (fallocate(fd, 0, 0, size) != 0 && errno != EOPNOTSUPP && errno != ENOSYS) return WriteError(temporary, errno);
  if (ftruncate(fd, size) != 0) return WriteError(temporary, errno);
  return file;
}

ReplacingFile::~ReplacingFile() {
  if (fd_ < 0) return;
  if (!committed_) unlink(TemporaryPath().c_str());
  close(fd_);
}

Status ReplacingFile::WriteAt(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return WriteError(TemporaryPath(), written == 0 ? EIO : errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return OkStatus();
}

Result<MappedFile> ReplacingFile::Map() const {
  return MappedFile::FromDescriptor(fd_, TemporaryPath());
}

Status ReplacingFile::Commit() {
  if (std::rename(TemporaryPath().c_str(), path_.c_str()) != 0) return WriteError(path_, errno);
  committed_ = true;
  return OkStatus();
}

}  // namespace bowhead::base
