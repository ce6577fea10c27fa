#include "net/sse_reader.h"

#include <utility>

namespace bowhead::net {

base::Result<std::vector<ReceivedEvent>> SseReader::Add(std::string_view piece) {
  std::vector<ReceivedEvent> events;
  while (!piece.empty()) {
    if (std::exchange(after_cr_, false) && piece.front() == '\n') {
      piece.remove_prefix(1);
      continue;
    }
    const std::size_t end = piece.find_first_of("\r\n");
    line_.append(piece.substr(0, end));
    if (line_.size() + data_.size() > max_event_bytes_) {
      return base::ResourceExhausted("an event is larger than " + std::to_string(max_event_bytes_) + " bytes");
    }
    if (end == std::string_view::npos) break;
    after_cr_ = piece[end] == '\r';
    piece.remove_prefix(end + 1);
    EndLine(events);
  }
  return events;
}

void SseReader::EndLine(std::vector<ReceivedEvent>& events) {
  std::string_view line = line_;
  if (std::exchange(first_line_, false) && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  if (line.empty()) {
    if (has_data_) {
      if (!data_.empty()) data_.pop_back();  // the last line's break
      events.push_back({name_.empty() ? "message" : std::move(name_), std::move(data_), id_});
    }
    name_.clear();
    data_.clear();
    has_data_ = false;
  } else if (line.front() != ':') {
    const std::size_t colon = line.find(':');
    const std::string_view field = line.substr(0, colon);
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
      data_.append(value).push_back('\n');
      has_data_ = true;
    } else if (field == "event") {
      name_ = value;
    } else if (field == "id" && value.find('\0') == std::string_view::npos) {
      id_ = value;
    }
  }
  line_.clear();
}

}  // namespace bowhead::net
