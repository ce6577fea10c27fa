// The request reader: any bytes, cut in any way. However they are cut, the same requests must come out.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "net/request_reader.h"

namespace {

using bowhead::net::RequestReader;

constexpr RequestReader::Limits kLimits = {
    .max_target_bytes = 256, .max_header_bytes = 1024, .max_fields = 8, .max_body_bytes = 2048};

void Check(bool condition) {
  if (!condition) std::abort();
}

/// A text of all requests in the input, which comes in pieces of the given sizes.
std::string ReadAll(std::string_view input, std::string_view cuts) {
  RequestReader reader(kLimits);
  std::string log;
  std::string pending;
  std::size_t cut = 0;
  while (!input.empty()) {
    const std::size_t piece =
        cuts.empty() ? input.size() : 1 + static_cast<unsigned char>(cuts[cut++ % cuts.size()]) % 16;
    pending += input.substr(0, piece);
    input.remove_prefix(std::min(piece, input.size()));
    for (;;) {
      const std::size_t used = reader.Read(pending);
      Check(used <= pending.size());
      pending.erase(0, used);
      if (reader.state() == RequestReader::State::kFailed) {
        Check(reader.error_status() >= 400 && !reader.error_message().empty());
        return log + std::to_string(reader.error_status());
      }
      if (reader.state() == RequestReader::State::kDone) {
        const auto request = reader.Take();
        Check(request.body.size() <= kLimits.max_body_bytes && request.headers.size() <= kLimits.max_fields);
        log += request.method + " " + request.path + "?" + request.query + "\n";
        for (const auto& [name, value] : request.headers) {
          Check(value.find_first_of("\r\n") == std::string::npos);
          log.append(name).append(":").append(value).append("\n");
        }
        log.append(request.body).append("\n");
      } else if (used == 0) {
        break;
      }
    }
    Check(pending.size() <= 20'000);
  }
  return log;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  if (input.size() < 5) return 0;
  const std::string_view cuts = input.substr(0, 4);
  input.remove_prefix(4);
  Check(ReadAll(input, {}) == ReadAll(input, cuts));
  return 0;
}
