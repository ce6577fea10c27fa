#include "security/api_keys.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/text.h"

namespace bowhead::security {
namespace {

constexpr std::string_view kBlanks = " \t\r";

constexpr std::size_t kMaxFileBytes = 8 << 20;
constexpr std::size_t kMaxNameLength = 64;

std::array<std::uint8_t, 32> Sha256(std::string_view text) {
  std::array<std::uint8_t, 32> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  return digest;
}

/// Printable ASCII without space: what an HTTP header carries unchanged.
bool IsKey(std::string_view key) {
  return std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

bool IsName(std::string_view name) {
  return name.size() <= kMaxNameLength && std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
                  c == '@' || c == '-';
         });
}

/// Closes a file and wipes what was read from it.
class SecretFile {
 public:
  explicit SecretFile(const std::string& path) : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~SecretFile() {
    OPENSSL_cleanse(text_.data(), text_.size());
    if (fd_ >= 0) ::close(fd_);
  }
  SecretFile(const SecretFile&) = delete;
  SecretFile& operator=(const SecretFile&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::string_view text() const { return text_; }

  bool Read(std::size_t size) {
    text_.resize(size);
    std::size_t done = 0;
    while (done < size) {
      const ssize_t count = ::read(fd_, text_.data() + done, size - done);
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return false;
      if (count == 0) break;
      done += static_cast<std::size_t>(count);
    }
    text_.resize(done);
    return true;
  }

 private:
  int fd_;
  std::string text_;
};

base::Status OpenError(const std::string& path, int error) {
  const std::string message = "cannot read the API key file \"" + path + "\": " + std::strerror(error);
  if (error == ENOENT || error == ENOTDIR) return base::NotFound(message + "; create it with one key a line");
  if (error == EACCES || error == EPERM) {
    return base::PermissionDenied(message + "; let the server's user read it");
  }
  return base::Unavailable(message);
}

}  // namespace

base::Result<ApiKeys> ApiKeys::Load(const std::string& path, std::vector<std::string>* warnings) {
  SecretFile file(path);
  if (file.fd() < 0) return OpenError(path, errno);
  struct stat info {};
  if (::fstat(file.fd(), &info) != 0) return OpenError(path, errno);
  if (!S_ISREG(info.st_mode)) return base::InvalidArgument("the API key file \"" + path + "\" is not a regular file");
  if (static_cast<std::size_t>(info.st_size) > kMaxFileBytes) {
    return base::InvalidArgument("the API key file \"" + path + "\" is larger than 8 MiB; is it the right one?");
  }
  if (!file.Read(static_cast<std::size_t>(info.st_size))) return OpenError(path, errno);
  if (warnings != nullptr && (info.st_mode & (S_IRGRP | S_IROTH | S_IWGRP | S_IWOTH)) != 0) {
    warnings->push_back("other users can read or change the API key file \"" + path + "\"; run: chmod 600 " + path);
  }
  return Parse(file.text(), path);
}

base::Result<ApiKeys> ApiKeys::Parse(std::string_view text, std::string_view source) {
  ApiKeys keys;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = base::Trim(text.substr(0, end), kBlanks);
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    const auto error = [&](std::string_view what) {
      return base::InvalidArgument("API key file \"" + std::string(source) + "\", line " + std::to_string(number) +
                                   ": " + std::string(what));
    };
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t space = std::min(line.find_first_of(" \t"), line.size());
    const std::string_view key = line.substr(0, space);
    const std::string_view name = base::Trim(line.substr(space), kBlanks);
    if (!IsKey(key)) return error("a key may only have printable ASCII characters");
    if (key.size() < kMinKeyLength) {
      return error("the key is shorter than 16 characters and could be guessed; make one with: openssl rand -hex 32");
    }
    if (key.size() > kMaxKeyLength) return error("the key is longer than 512 characters");
    if (!IsName(name)) return error("a name may have at most 64 letters, digits and \"._@-\", without spaces");
    if (keys.keys_.size() == kMaxKeys) return error("more than 10000 keys");
    Entry entry{.digest = Sha256(key), .name = std::string(name)};
    if (entry.name.empty()) entry.name = "key-" + std::to_string(keys.keys_.size() + 1);
    keys.keys_.push_back(std::move(entry));
  }
  if (keys.empty()) {
    return base::InvalidArgument("API key file \"" + std::string(source) + "\" has no key; put one on a line");
  }
  std::vector<Digest> digests;
  digests.reserve(keys.size());
  for (const Entry& entry : keys.keys_) digests.push_back(entry.digest);
  std::sort(digests.begin(), digests.end());
  if (std::adjacent_find(digests.begin(), digests.end()) != digests.end()) {
    return base::InvalidArgument("API key file \"" + std::string(source) + "\" has the same key twice");
  }
  return keys;
}

std::optional<std::string> ApiKeys::Check(std::string_view key) const {
  if (key.size() > kMaxKeyLength) return std::nullopt;
  const Digest digest = Sha256(key);
  const Entry* found = nullptr;
  for (const Entry& entry : keys_) {
    const bool same = CRYPTO_memcmp(entry.digest.data(), digest.data(), digest.size()) == 0;
    found = same ? &entry : found;
  }
  if (found == nullptr) return std::nullopt;
  return found->name;
}

std::optional<std::string_view> ApiKeys::FromAuthorization(std::string_view header) {
  constexpr std::string_view kScheme = "bearer ";
  header = base::Trim(header, kBlanks);
  if (header.size() <= kScheme.size()) return std::nullopt;
  if (!base::EqualsIgnoringCase(header.substr(0, kScheme.size()), kScheme)) return std::nullopt;
  return base::Trim(header.substr(kScheme.size()), kBlanks);
}

}  // namespace bowhead::security
