#include "telemetry/log.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <thread>
#include <vector>

namespace bowhead::telemetry {
namespace {

struct Lines {
  std::vector<std::string> lines;
  Logger::Sink sink() {
    return [this](std::string_view line) { lines.emplace_back(line); };
  }
  /// The last line from its level on (the time differs from run to run).
  [[nodiscard]] std::string Last() const {
    const std::size_t level = lines.back().find("level");
    return lines.back().substr(level);
  }
};

TEST(LogTest, Logfmt) {
  Lines lines;
  Logger logger(LogLevel::kInfo, LogFormat::kLogfmt, lines.sink());
  logger.Info("listening", {{"host", "::1"}, {"port", 8080}, {"ready", true}, {"load", 0.25}, {"empty", ""}});
  EXPECT_EQ(lines.Last(), "level=info msg=listening host=::1 port=8080 ready=true load=0.25 empty=\"\"\n");
  EXPECT_EQ(lines.lines[0].substr(0, 5), "ts=20");
  EXPECT_EQ(lines.lines[0][26], 'Z');
}

TEST(LogTest, ValuesCannotForgeALine) {
  Lines lines;
  Logger logger(LogLevel::kInfo, LogFormat::kLogfmt, lines.sink());
  logger.Warning("bad path", {{"path", "/x\nlevel=error msg=\"forged\"\x1b[2J\xff \xc3\xa9"}});
  EXPECT_EQ(lines.Last(),
            "level=warning msg=\"bad path\" "
            "path=\"/x\\nlevel=error msg=\\\"forged\\\"\\u001b[2J\xEF\xBF\xBD \xc3\xa9\"\n");
}

TEST(LogTest, Json) {
  Lines lines;
  Logger logger(LogLevel::kDebug, LogFormat::kJson, lines.sink());
  logger.Debug("a \"b\"", {{"n", -3}, {"big", ~0ULL}, {"nan", std::nan("")}, {"bad", std::string("\xed\xa0\x80")}});
  EXPECT_EQ(lines.lines[0].substr(0, 8), "{\"ts\":\"2");
  EXPECT_EQ(lines.Last(),
            "level\":\"debug\",\"msg\":\"a \\\"b\\\"\",\"n\":-3,\"big\":18446744073709551615,\"nan\":null,"
            "\"bad\":\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"}\n");
}

TEST(LogTest, LevelsBelowAreDropped) {
  Lines lines;
  Logger logger(LogLevel::kWarning, LogFormat::kLogfmt, lines.sink());
  logger.Info("no");
  logger.Error("yes");
  EXPECT_EQ(lines.lines.size(), 1U);
  Logger off(LogLevel::kOff, LogFormat::kLogfmt, lines.sink());
  off.Error("no");
  off.Log(LogLevel::kOff, "no");
  EXPECT_EQ(lines.lines.size(), 1U);
}

TEST(LogTest, Names) {
  EXPECT_EQ(ParseLogLevel("warning"), LogLevel::kWarning);
  EXPECT_EQ(ParseLogLevel("loud"), std::nullopt);
  EXPECT_EQ(ParseLogFormat("json"), LogFormat::kJson);
  EXPECT_EQ(ParseLogFormat("xml"), std::nullopt);
}

TEST(LogTest, ManyThreadsWriteWholeLines) {
  Lines lines;
  Logger logger(LogLevel::kInfo, LogFormat::kLogfmt, lines.sink());
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) logger.Info("hello", {{"i", i}});
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(lines.lines.size(), 800U);
}

}  // namespace
}  // namespace bowhead::telemetry
