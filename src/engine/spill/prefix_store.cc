#include "engine/spill/prefix_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <random>
#include <system_error>
#include <utility>

namespace bowhead::engine {
namespace fs = std::filesystem;
namespace {

constexpr std::string_view kSuffix = ".kv";
constexpr std::string_view kUnfinished = ".tmp";
constexpr std::string_view kSaltFile = "salt";
constexpr std::size_t kHexDigits = 32;

class File {
 public:
  File(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] bool ok() const { return fd_ >= 0; }

  [[nodiscard]] bool WriteAll(std::span<const std::byte> bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }
  /// Fills the buffer; false if the file is shorter, longer or cannot be read.
  [[nodiscard]] bool ReadAll(std::span<std::byte> bytes) const {
    struct stat info = {};
    if (::fstat(fd_, &info) != 0 || !S_ISREG(info.st_mode) || info.st_size < 0) return false;
    if (static_cast<std::uint64_t>(info.st_size) != bytes.size()) return false;
    while (!bytes.empty()) {
      const ssize_t count = ::read(fd_, bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) return false;
      bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
    return true;
  }

 private:
  int fd_;
};

std::optional<base::ContentHash> FromHex(std::string_view text) {
  if (text.size() != kHexDigits) return std::nullopt;
  base::ContentHash hash;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    std::uint64_t digit = 0;
    if (c >= '0' && c <= '9') {
      digit = static_cast<std::uint64_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<std::uint64_t>(c - 'a' + 10);
    } else {
      return std::nullopt;
    }
    std::uint64_t& half = i < kHexDigits / 2 ? hash.high : hash.low;
    half = half << 4 | digit;
  }
  return hash;
}

std::string Why() {
  return std::generic_category().message(errno);
}

}  // namespace

PrefixStore::PrefixStore(PrefixStoreOptions options) : options_(std::move(options)) {}

base::Result<std::unique_ptr<PrefixStore>> PrefixStore::Open(PrefixStoreOptions options) {
  std::unique_ptr<PrefixStore> store(new PrefixStore(std::move(options)));  // the constructor is private
  if (base::Status status = store->Prepare(); !status.ok()) return status;
  store->thread_ = std::thread([raw = store.get()] { raw->Run(); });
  return store;
}

PrefixStore::~PrefixStore() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

base::Status PrefixStore::Prepare() {
  folder_ = fs::path(options_.dir) / base::ToHex(options_.maker);
  const std::string hint = "; choose another --prefix-cache-dir, or none";
  std::error_code error;
  const bool fresh = fs::create_directories(options_.dir, error);
  if (!error && fresh) fs::permissions(options_.dir, fs::perms::owner_all, error);
  if (!error) fs::create_directories(folder_, error);
  if (error) {
    return base::PermissionDenied("the prefix cache's folder '" + options_.dir +
                                  "' cannot be made: " + error.message() + hint);
  }
  if (base::Status status = ReadSalt(); !status.ok()) {
    return base::Status(status.code(), status.message() + hint);
  }
  Scan();
  const std::lock_guard lock(mutex_);
  MakeRoom(0);
  PublishBytes();
  return base::OkStatus();
}

base::Status PrefixStore::ReadSalt() {
  const fs::path path = fs::path(options_.dir) / kSaltFile;
  {
    std::random_device device;
    const std::uint64_t fresh = (std::uint64_t{device()} << 32) | device();
    const File file(path, O_WRONLY | O_CREAT | O_EXCL);
    if (file.ok() && !file.WriteAll(std::as_bytes(std::span(&fresh, 1)))) {
      return base::PermissionDenied("'" + path.string() + "' cannot be written: " + Why());
    }
  }
  const File file(path, O_RDONLY);
  if (!file.ok() || !file.ReadAll(std::as_writable_bytes(std::span(&salt_, 1)))) {
    return base::PermissionDenied("'" + path.string() + "' cannot be read, or is no salt file");
  }
  return base::OkStatus();
}

void PrefixStore::Scan() {
  std::vector<std::pair<fs::file_time_type, Entry>> found;
  std::error_code error;
  for (fs::recursive_directory_iterator it(options_.dir, error), end; !error && it != end; it.increment(error)) {
    if (it.depth() > 1) it.disable_recursion_pending();
    std::error_code ignored;
    const fs::path& path = it->path();
    if (it->is_symlink(ignored) || !it->is_regular_file(ignored)) continue;
    if (path.extension() == kUnfinished) fs::remove(path, ignored);
    const auto chain = FromHex(path.stem().string());
    if (path.extension() != kSuffix || !chain) continue;
    Entry entry{path, it->file_size(ignored), *chain, path.parent_path() == folder_};
    found.emplace_back(it->last_write_time(ignored), std::move(entry));
  }
  std::ranges::sort(found, {}, [](const auto& item) { return std::pair(item.second.own, item.first); });
  for (auto& [time, entry] : found) {
    bytes_ += entry.bytes;
    entries_.push_back(std::move(entry));
    if (entries_.back().own) index_[entries_.back().chain] = std::prev(entries_.end());
  }
}

bool PrefixStore::Contains(const base::ContentHash& chain) const {
  const std::lock_guard lock(mutex_);
  return index_.contains(chain);
}

void PrefixStore::Put(const base::ContentHash& chain, const BlockTokens& tokens,
                      const std::function<void(std::span<std::byte>)>& read, bool wait) {
  const std::uint64_t bytes = options_.block_bytes;
  {
    std::unique_lock lock(mutex_);
    if (wait) changed_.wait(lock, [&] { return !writing_ || queued_bytes_ + bytes <= options_.queue_bytes; });
    if (!writing_ || queued_bytes_ + bytes > options_.queue_bytes || index_.contains(chain)) return;
    queued_bytes_ += bytes;
  }
  WriteJob job{chain, tokens, std::vector<std::byte>(options_.block_bytes)};
  read(job.payload);
  const std::lock_guard lock(mutex_);
  writes_.push_back(std::move(job));
  changed_.notify_all();
}

void PrefixStore::Get(std::vector<Wanted> wanted, std::function<void(std::vector<Loaded>)> done) {
  const std::lock_guard lock(mutex_);
  reads_.push_back({std::move(wanted), std::move(done)});
  changed_.notify_all();
}

void PrefixStore::Flush() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return writes_.empty() && reads_.empty() && !busy_; });
}

std::uint64_t PrefixStore::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

bool PrefixStore::writing() const {
  const std::lock_guard lock(mutex_);
  return writing_;
}

void PrefixStore::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closing_ || !writes_.empty() || !reads_.empty(); });
    if (reads_.empty() && writes_.empty()) return;
    busy_ = true;
    if (!reads_.empty()) {  // somebody waits for these
      ReadJob job = std::move(reads_.front());
      reads_.pop_front();
      lock.unlock();
      Read(std::move(job));
      lock.lock();
    } else {
      const WriteJob job = std::move(writes_.front());
      writes_.pop_front();
      lock.unlock();
      Write(job);
      lock.lock();
      queued_bytes_ -= options_.block_bytes;
    }
    busy_ = false;
    changed_.notify_all();
  }
}

void PrefixStore::Write(const WriteJob& job) {
  const std::vector<std::byte> record = WriteRecord({options_.maker, job.chain, job.tokens, job.payload});
  {
    const std::lock_guard lock(mutex_);
    if (!writing_ || index_.contains(job.chain) || record.size() > options_.max_bytes) return;
    MakeRoom(record.size());
  }
  const fs::path path = folder_ / (base::ToHex(job.chain) + std::string(kSuffix));
  fs::path unfinished = path;
  unfinished.replace_extension(std::to_string(::getpid()) + std::string(kUnfinished));
  // Without fsync: a record that a power cut leaves damaged is found by its hash.
  bool written = false;
  {
    const File file(unfinished, O_WRONLY | O_CREAT | O_TRUNC);
    written = file.ok() && file.WriteAll(record);
  }
  if (!written || ::rename(unfinished.c_str(), path.c_str()) != 0) {
    const std::string why = Why();
    ::unlink(unfinished.c_str());
    StopWriting(why);
    return;
  }
  const std::lock_guard lock(mutex_);
  entries_.push_back({path, record.size(), job.chain, true});
  index_[job.chain] = std::prev(entries_.end());
  bytes_ += record.size();
  if (options_.metrics != nullptr) options_.metrics->prefix_disk_written_bytes.Add(record.size());
  PublishBytes();
}

void PrefixStore::Read(ReadJob job) {
  std::vector<Loaded> all;
  bool whole = true;
  for (const Wanted& wanted : job.wanted) {
    // Those behind a damaged one are of no use now, but they are looked at: what hit one file may have hit others.
    std::vector<Loaded> one = Load(wanted);
    whole = whole && !one.empty();
    if (whole) all.push_back(std::move(one.front()));
  }
  job.done(std::move(all));
}

std::vector<PrefixStore::Loaded> PrefixStore::Load(const Wanted& wanted) {
  fs::path path;
  {
    const std::lock_guard lock(mutex_);
    const auto found = index_.find(wanted.chain);
    if (found == index_.end()) return {};
    path = found->second->path;
    entries_.splice(entries_.end(), entries_, found->second);  // the youngest now
  }
  std::vector<Loaded> result(1);
  Loaded& loaded = result.front();
  loaded.file.resize(kRecordOverhead + options_.block_bytes);
  const File file(path, O_RDONLY);
  if (file.ok() && file.ReadAll(loaded.file)) {
    const auto record = ParseRecord(loaded.file);
    if (record.ok() && record->maker == options_.maker && record->chain == wanted.chain &&
        record->tokens == wanted.tokens) {
      loaded.payload = record->payload;
      std::error_code ignored;
      fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
      return result;
    }
  }
  const std::lock_guard lock(mutex_);
  if (options_.metrics != nullptr) options_.metrics->prefix_disk_dropped.Add();
  Forget(wanted.chain);
  return {};
}

void PrefixStore::MakeRoom(std::uint64_t bytes) {
  while (!entries_.empty() && bytes_ + bytes > options_.max_bytes) {
    Entry& oldest = entries_.front();
    std::error_code ignored;
    fs::remove(oldest.path, ignored);
    bytes_ -= oldest.bytes;
    if (oldest.own) index_.erase(oldest.chain);
    entries_.pop_front();
  }
}

void PrefixStore::Forget(const base::ContentHash& chain) {
  const auto found = index_.find(chain);
  if (found == index_.end()) return;
  std::error_code ignored;
  fs::remove(found->second->path, ignored);
  bytes_ -= found->second->bytes;
  entries_.erase(found->second);
  index_.erase(found);
  PublishBytes();
}

void PrefixStore::StopWriting(const std::string& why) {
  {
    const std::lock_guard lock(mutex_);
    writing_ = false;
  }
  if (options_.metrics != nullptr) options_.metrics->prefix_disk_failures.Add();
  if (options_.warn) {
    options_.warn("the prefix cache is not written to '" + options_.dir + "' any more: " + why +
                  ". Requests are served as before; restart to try again");
  }
}

void PrefixStore::PublishBytes() const {
  if (options_.metrics != nullptr) options_.metrics->prefix_disk_bytes.Set(static_cast<double>(bytes_));
}

}  // namespace bowhead::engine
