#include "base/content_hash.h"

#define XXH_INLINE_ALL  // no library to link: libbowhead.so needs only the C library
#include <xxhash.h>

#include <array>
#include <new>

namespace bowhead::base {
namespace {

ContentHash FromXxh(const XXH128_hash_t& hash) {
  return {hash.low64, hash.high64};
}

}  // namespace

struct ContentHasher::State {
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  std::unique_ptr<XXH3_state_t, Free> xxh{XXH3_createState()};
};

ContentHash HashContent(std::span<const std::byte> bytes) {
  return FromXxh(XXH3_128bits(bytes.data(), bytes.size()));
}

std::string ToHex(const ContentHash& hash) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint64_t half : {hash.high, hash.low}) {
    for (int shift = 60; shift >= 0; shift -= 4) text.push_back(kDigits[(half >> shift) & 0xF]);
  }
  return text;
}

ContentHasher::ContentHasher() : state_(std::make_unique<State>()) {
  if (state_->xxh == nullptr) throw std::bad_alloc();
  XXH3_128bits_reset(state_->xxh.get());
}
ContentHasher::~ContentHasher() = default;
ContentHasher::ContentHasher(ContentHasher&&) noexcept = default;
ContentHasher& ContentHasher::operator=(ContentHasher&&) noexcept = default;

void ContentHasher::Add(std::span<const std::byte> bytes) {
  XXH3_128bits_update(state_->xxh.get(), bytes.data(), bytes.size());
}

void ContentHasher::Add(std::uint64_t number) {
  std::array<std::byte, 8> bytes;
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>((number >> (8 * i)) & 0xFF);
  Add(std::span<const std::byte>(bytes));
}

void ContentHasher::Add(std::string_view text) {
  Add(static_cast<std::uint64_t>(text.size()));
  Add(std::as_bytes(std::span(text)));
}

ContentHash ContentHasher::Finish() const {
  return FromXxh(XXH3_128bits_digest(state_->xxh.get()));
}

}  // namespace bowhead::base
