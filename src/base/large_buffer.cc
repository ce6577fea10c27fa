#include "base/large_buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace bowhead::base {
namespace {

std::optional<std::uint64_t> ReadNumber(const char* path) {
  std::ifstream file(path);
  std::uint64_t value = 0;
  if (file >> value) return value;
  return std::nullopt;
}

std::optional<std::uint64_t> MachineAvailable() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  std::uint64_t kib = 0;
  std::string unit;
  while (file >> key >> kib) {
    std::getline(file, unit);
    if (key == "MemAvailable:") return kib * 1024;
  }
  return std::nullopt;
}

/// All but the first huge page's worth: a buffer of which only the beginning is used then takes little memory.
void AskForHugePages(std::byte* memory, std::size_t bytes) {
  constexpr std::size_t kHugePage = std::size_t{2} << 20U;
  const std::size_t to_boundary = -reinterpret_cast<std::uintptr_t>(memory) % kHugePage;
  const std::size_t small = to_boundary + kHugePage;
  if (bytes > small) madvise(memory + small, bytes - small, MADV_HUGEPAGE);
}

}  // namespace

LargeBuffer::~LargeBuffer() {
  if (data_ != nullptr) munmap(data_, size_);
}

Result<LargeBuffer> LargeBuffer::Allocate(std::size_t bytes) {
  LargeBuffer buffer;
  if (bytes == 0) return buffer;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return ResourceExhausted("the system refused " + std::to_string(bytes) +
                             " bytes of memory; use a smaller model or context, or raise the memory limit");
  }
  AskForHugePages(static_cast<std::byte*>(memory), bytes);
  buffer.data_ = static_cast<std::byte*>(memory);
  buffer.size_ = bytes;
  return buffer;
}

std::optional<std::uint64_t> AvailableMemory() {
  std::optional<std::uint64_t> available = MachineAvailable();
  const std::optional<std::uint64_t> limit = ReadNumber("/sys/fs/cgroup/memory.max");
  const std::optional<std::uint64_t> used = ReadNumber("/sys/fs/cgroup/memory.current");
  if (limit && used) {
    const std::uint64_t rest = *limit > *used ? *limit - *used : 0;
    available = available ? std::min(*available, rest) : rest;
  }
  return available;
}

}  // namespace bowhead::base
