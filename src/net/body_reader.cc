#include "net/body_reader.h"

#include <algorithm>
#include <charconv>

namespace bowhead::net {
namespace {

constexpr std::size_t kMaxLine = 4 << 10;       // of a chunk's size line, and of one trailer
constexpr std::size_t kMaxOverhead = 16 << 10;  // of all extensions and trailers of a body
constexpr std::size_t kMaxReserve = 1 << 20;    // before the bytes are there

bool HasControl(std::string_view line) {
  return std::any_of(line.begin(), line.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return (byte < 0x20 && c != '\t') || byte == 0x7F;
  });
}

}  // namespace

BodyReader::BodyReader(std::optional<std::size_t> content_length, std::size_t max_bytes)
    : chunked_(!content_length.has_value()),
      max_bytes_(max_bytes),
      part_(chunked_ ? Part::kSizeLine : Part::kData),
      left_(content_length.value_or(0)) {
  if (chunked_) return;
  if (left_ > max_bytes_) {
    state_ = State::kTooLarge;
  } else if (left_ == 0) {
    state_ = State::kDone;
  } else {
    body_.reserve(std::min(left_, kMaxReserve));
  }
}

std::size_t BodyReader::Fail(State state) {
  state_ = state;
  return 0;
}

std::size_t BodyReader::Read(std::string_view input) {
  if (state_ != State::kMore || input.empty()) return 0;
  switch (part_) {
    case Part::kData:
      return ReadData(input);
    case Part::kDataEnd:
      if (input[0] != '\r' || (input.size() > 1 && input[1] != '\n')) return Fail(State::kMalformed);
      if (input.size() < 2) return 0;
      part_ = Part::kSizeLine;
      return 2;
    case Part::kSizeLine:
    case Part::kTrailers:
      return ReadLine(input);
  }
  return 0;
}

std::size_t BodyReader::ReadData(std::string_view input) {
  const std::size_t size = std::min(left_, input.size());
  body_.append(input.substr(0, size));
  left_ -= size;
  if (left_ == 0) {
    if (chunked_) {
      part_ = Part::kDataEnd;
    } else {
      state_ = State::kDone;
    }
  }
  return size;
}

std::size_t BodyReader::ReadLine(std::string_view input) {
  const std::size_t newline = input.substr(0, kMaxLine).find('\n');
  if (newline == std::string_view::npos) return input.size() >= kMaxLine ? Fail(State::kMalformed) : 0;
  if (newline == 0 || input[newline - 1] != '\r') return Fail(State::kMalformed);
  const std::string_view line = input.substr(0, newline - 1);
  if (HasControl(line)) return Fail(State::kMalformed);
  if (part_ == Part::kSizeLine) {
    if (!ParseSizeLine(line)) return 0;
  } else if (line.empty()) {
    state_ = State::kDone;
  } else {
    overhead_ += line.size();  // trailers are read and dropped: nothing here needs one, and merging them is a risk
  }
  if (overhead_ > kMaxOverhead) return Fail(State::kMalformed);
  return newline + 1;
}

bool BodyReader::ParseSizeLine(std::string_view line) {
  std::size_t size = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  if (error != std::errc()) {
    Fail(State::kMalformed);
    return false;
  }
  std::string_view extension = line.substr(static_cast<std::size_t>(end - line.data()));
  overhead_ += extension.size();
  while (extension.starts_with(' ') || extension.starts_with('\t')) extension.remove_prefix(1);
  if (!extension.empty() && !extension.starts_with(';')) {
    Fail(State::kMalformed);
    return false;
  }
  if (size > max_bytes_ - body_.size()) {
    Fail(State::kTooLarge);
    return false;
  }
  left_ = size;
  part_ = size == 0 ? Part::kTrailers : Part::kData;
  return true;
}

}  // namespace bowhead::net
