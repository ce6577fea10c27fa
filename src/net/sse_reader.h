// Reading server-sent events (WHATWG HTML, "Server-sent events") of a server that is not trusted.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace bowhead::net {

struct ReceivedEvent {
  std::string name = "message";
  std::string data = {};
  std::string id = {};  // as last set
};

/// Takes a stream in pieces of any cut and gives its events. Comments and unknown fields are dropped.
class SseReader {
 public:
  explicit SseReader(std::size_t max_event_bytes) : max_event_bytes_(max_event_bytes) {}

  /// The events that `piece` completes, in order. kResourceExhausted: one is larger than the limit; the reader is done
  /// for then.
  base::Result<std::vector<ReceivedEvent>> Add(std::string_view piece);

 private:
  void EndLine(std::vector<ReceivedEvent>& events);

  const std::size_t max_event_bytes_;
  std::string line_;
  std::string name_;
  std::string data_;
  std::string id_;
  bool has_data_ = false;
  bool after_cr_ = false;   // a LF that follows belongs to the same line break
  bool first_line_ = true;  // may begin with a byte order mark
};

}  // namespace bowhead::net
