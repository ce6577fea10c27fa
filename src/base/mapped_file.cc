#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>

namespace bowhead::base {
namespace {

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

Status SystemError(const std::string& path, int error) {
  const std::string reason = std::strerror(error);
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return NotFound(path + " does not exist; check the path");
    case EACCES:
    case EPERM:
      return PermissionDenied(path + " may not be read by this user; change its permissions");
    case ENAMETOOLONG:
    case ELOOP:
      return InvalidArgument(path + " is no usable path: " + reason);
    case ENOMEM:
      return ResourceExhausted("there is no address space left to map " + path);
    case EMFILE:
    case ENFILE:
      return ResourceExhausted("too many files are open to open " + path + "; raise the limit (ulimit -n)");
    default:
      return Unavailable(path + " cannot be read: " + reason);
  }
}

bool Contains(std::span<const std::byte> outer, std::span<const std::byte> inner) {
  const std::less_equal<const std::byte*> le;
  return !inner.empty() && le(outer.data(), inner.data()) &&
         le(inner.data() + inner.size(), outer.data() + outer.size());
}

std::size_t PageSize() {
  return static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

std::int64_t Nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(time.tv_sec) * 1'000'000'000 + time.tv_nsec;
}

// The system's interface takes pages by a mutable pointer although advice changes none of their bytes.
void Advise(const std::byte* begin, std::size_t size, int advice) {
  (void)madvise(const_cast<std::byte*>(begin), size, advice);
}

}  // namespace

Result<MappedFile> MappedFile::Open(const std::string& path) {
  if (path.empty()) return InvalidArgument("the path of the file is empty");
  if (path.find('\0') != std::string::npos) return InvalidArgument("the path holds a NUL character");
  // O_NONBLOCK: a named pipe must be refused, not waited for.
  const FileDescriptor fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (fd.get() < 0) return SystemError(path, errno);
  return FromDescriptor(fd.get(), path);
}

Result<MappedFile> MappedFile::FromDescriptor(int fd, const std::string& path) {
  struct stat info = {};
  if (fstat(fd, &info) != 0) return SystemError(path, errno);
  if (S_ISDIR(info.st_mode)) return InvalidArgument(path + " is a directory; name a file in it");
  if (!S_ISREG(info.st_mode)) return InvalidArgument(path + " is no regular file");
  if (info.st_size <= 0) return InvalidArgument(path + " is empty (0 bytes); fetch it again");
  const auto size = static_cast<std::size_t>(info.st_size);
  void* address = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  if (address == MAP_FAILED) return SystemError(path, errno);
  const FileIdentity identity{size, info.st_ino, Nanoseconds(info.st_mtim), Nanoseconds(info.st_ctim)};
  return MappedFile(std::span(static_cast<const std::byte*>(address), size), identity);
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    Unmap();
    bytes_ = std::exchange(other.bytes_, {});
    identity_ = other.identity_;
  }
  return *this;
}

MappedFile::~MappedFile() {
  Unmap();
}

void MappedFile::Unmap() {
  if (!bytes_.empty()) munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  bytes_ = {};
}

void MappedFile::WillNeed(std::span<const std::byte> range) const {
  if (!Contains(bytes_, range)) return;
  const auto offset = static_cast<std::size_t>(range.data() - bytes_.data());
  const std::size_t begin = offset / PageSize() * PageSize();
  Advise(bytes_.data() + begin, offset + range.size() - begin, MADV_WILLNEED);
}

void MappedFile::PreferHugePages() const {
  if (!bytes_.empty()) Advise(bytes_.data(), bytes_.size(), MADV_HUGEPAGE);
}

void MappedFile::DontNeed(std::span<const std::byte> range) const {
  if (!Contains(bytes_, range)) return;
  const std::size_t page = PageSize();
  const auto offset = static_cast<std::size_t>(range.data() - bytes_.data());
  const std::size_t begin = (offset + page - 1) / page * page;
  const std::size_t end = (offset + range.size()) / page * page;
  if (begin < end) Advise(bytes_.data() + begin, end - begin, MADV_DONTNEED);
}

}  // namespace bowhead::base
