#include "net/sse_reader.h"

#include <gtest/gtest.h>

namespace bowhead::net {
namespace {

std::string Read(std::string_view stream, std::size_t cut) {
  SseReader reader(1000);
  std::string seen;
  for (std::size_t at = 0; at < stream.size(); at += cut) {
    const auto events = reader.Add(stream.substr(at, cut));
    EXPECT_TRUE(events.ok());
    for (const ReceivedEvent& event : *events) seen += event.name + "[" + event.data + "]" + event.id + ";";
  }
  return seen;
}

TEST(SseReader, EventsAreTheSameForEveryCut) {
  const std::string stream =
      "\xEF\xBB\xBF: hello\n\ndata: one\r\n\r\nevent: two\rdata:x\rdata: y\rid: 7\r\rretry: 5\n\ndata\n\ndata: cut";
  const std::string expected = "message[one];two[x\ny]7;message[]7;";
  for (std::size_t cut = 1; cut <= stream.size(); ++cut) EXPECT_EQ(Read(stream, cut), expected) << cut;
}

TEST(SseReader, LargeEventsEndInAnError) {
  SseReader one_line(100);
  EXPECT_EQ(one_line.Add(std::string(200, 'x')).status().code(), base::StatusCode::kResourceExhausted);
  SseReader lines(100);
  base::Status status;
  for (int i = 0; i < 50 && status.ok(); ++i) status = lines.Add("data: 12345\n").status();
  EXPECT_EQ(status.code(), base::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace bowhead::net
