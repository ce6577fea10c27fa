#include "assistant/answer_parser.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace bowhead::assistant {
namespace {

using Kind = AnswerPart::Kind;

constexpr std::string_view kHermes = R"(<tool_call>\n{"name": <function-name>, "arguments": ... </tool_call> </think>)";
constexpr std::string_view kLlama = R"(<|start_header_id|> Respond in the format {"name": f, "parameters": d})";
constexpr std::string_view kR1 = "<｜tool▁calls▁begin｜>```json </think>";
constexpr std::string_view kV31 = "<｜tool▁calls▁begin｜> </think>";

void Append(std::vector<AnswerPart> parts, std::vector<AnswerPart>* all) {
  for (AnswerPart& part : parts) {
    if (!all->empty() && all->back().kind == part.kind && all->back().call == part.call &&
        part.kind != Kind::kCallBegin) {
      all->back().text += part.text;
    } else {
      all->push_back(std::move(part));
    }
  }
}

std::vector<AnswerPart> Parse(std::string_view dialect, std::string_view text, std::size_t piece, bool tools = true,
                              bool in_reasoning = false) {
  AnswerParser parser(model::DetectDialect(dialect), tools, in_reasoning);
  std::vector<AnswerPart> all;
  for (std::size_t i = 0; i < text.size(); i += piece) Append(parser.Add(text.substr(i, piece)), &all);
  Append(parser.Finish(), &all);
  return all;
}

/// The parts, and that they are the same however the text is cut.
std::vector<AnswerPart> ParseAll(std::string_view dialect, std::string_view text, bool tools = true,
                                 bool in_reasoning = false) {
  const std::vector<AnswerPart> whole = Parse(dialect, text, text.size() + 1, tools, in_reasoning);
  for (std::size_t piece = 1; piece < 12; ++piece) {
    EXPECT_EQ(Parse(dialect, text, piece, tools, in_reasoning), whole) << "in pieces of " << piece;
  }
  return whole;
}

using Parts = std::vector<AnswerPart>;

TEST(AnswerParser, PlainTextStaysAsItIs) {
  EXPECT_EQ(ParseAll("", "  hello <think> and <tool_call> \n", false),
            (Parts{{Kind::kContent, "  hello <think> and <tool_call> \n"}}));
  EXPECT_TRUE(ParseAll("", "").empty());
}

TEST(AnswerParser, ReasoningIsSeparatedAndTrimmed) {
  EXPECT_EQ(ParseAll(kHermes, "\n<think>\nLet me\n\nsee. \n</think>\n\nFour.\n"),
            (Parts{{Kind::kReasoning, "Let me\n\nsee."}, {Kind::kContent, "Four.\n"}}));
  EXPECT_EQ(ParseAll(kR1, "I see.\n</think>\n\n4", true, true),
            (Parts{{Kind::kReasoning, "I see."}, {Kind::kContent, "4"}}));
  EXPECT_EQ(ParseAll(kR1, "never ends <", true, true), (Parts{{Kind::kReasoning, "never ends <"}}));
  EXPECT_EQ(ParseAll(kHermes, "<think>\n\n</think>\n\nHi"), (Parts{{Kind::kContent, "Hi"}}));
}

TEST(AnswerParser, AMarkInsideContentIsContent) {
  EXPECT_EQ(ParseAll(kHermes, "The tag <think> opens"), (Parts{{Kind::kContent, "The tag <think> opens"}}));
  EXPECT_EQ(ParseAll(kHermes, "<thin air"), (Parts{{Kind::kContent, "<thin air"}}));
}

TEST(AnswerParser, HermesCalls) {
  EXPECT_EQ(
      ParseAll(kHermes,
               "Let me look.\n<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"P}a\\\"ris\", \"n\": "
               "[1, {}]}}\n</tool_call>\n<tool_call>\n{\"arguments\": {}, \"name\": \"now\"}\n</tool_call>"),
      (Parts{{Kind::kContent, "Let me look."},
             {Kind::kCallBegin, "weather", 0},
             {Kind::kCallArguments, "{\"city\": \"P}a\\\"ris\", \"n\": [1, {}]}", 0},
             {Kind::kCallBegin, "now", 1},
             {Kind::kCallArguments, "{}", 1}}));
}

TEST(AnswerParser, ACallWithoutArgumentsHasAnEmptyObject) {
  EXPECT_EQ(ParseAll(kHermes, "<tool_call>{\"name\": \"now\"}</tool_call>"),
            (Parts{{Kind::kCallBegin, "now", 0}, {Kind::kCallArguments, "{}", 0}}));
}

TEST(AnswerParser, CallsAfterReasoning) {
  EXPECT_EQ(
      ParseAll(kHermes,
               "<think>\nhm\n</think>\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n</tool_call>"),
      (Parts{{Kind::kReasoning, "hm"}, {Kind::kCallBegin, "f", 0}, {Kind::kCallArguments, "{\"a\": 1}", 0}}));
}

TEST(AnswerParser, MarksAreContentWithoutTools) {
  EXPECT_EQ(ParseAll(kHermes, "<tool_call>\n{\"name\": \"f\"}\n</tool_call>", false),
            (Parts{{Kind::kContent, "<tool_call>\n{\"name\": \"f\"}\n</tool_call>"}}));
}

TEST(AnswerParser, WhatIsNoCallComesOutAsText) {
  for (const std::string_view text :
       {"<tool_call>\nnot json</tool_call>", "<tool_call>{\"nam\": 1}</tool_call>", "<tool_call>{\"name\": 7}",
        "<tool_call>{\"name\": \"f\", \"arguments\": 3}", "<tool_call>{\"na", "a <tool_call>"}) {
    std::string content;
    for (const AnswerPart& part : ParseAll(kHermes, text)) {
      EXPECT_EQ(part.kind, Kind::kContent) << text;
      content += part.text;
    }
    EXPECT_EQ(content, text);
  }
}

TEST(AnswerParser, ACallThatIsCutKeepsWhatCame) {
  EXPECT_EQ(ParseAll(kHermes, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"b"),
            (Parts{{Kind::kCallBegin, "f", 0}, {Kind::kCallArguments, "{\"a\": \"b", 0}}));
}

TEST(AnswerParser, LlamaAnswersWithABareObject) {
  EXPECT_EQ(ParseAll(kLlama, "{\"name\": \"sum\", \"parameters\": {\"x\": 1}}"),
            (Parts{{Kind::kCallBegin, "sum", 0}, {Kind::kCallArguments, "{\"x\": 1}", 0}}));
  EXPECT_EQ(ParseAll(kLlama, "{\"answer\": 42}"), (Parts{{Kind::kContent, "{\"answer\": 42}"}}));
  EXPECT_EQ(ParseAll(kLlama, "So {\"name\": \"sum\"}"), (Parts{{Kind::kContent, "So {\"name\": \"sum\"}"}}));
}

TEST(AnswerParser, DeepSeekCalls) {
  EXPECT_EQ(
      ParseAll(kR1,
               "ok\n</think>\n\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"a\": "
               "1}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```"
               "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
               true, true),
      (Parts{{Kind::kReasoning, "ok"},
             {Kind::kCallBegin, "f", 0},
             {Kind::kCallArguments, "{\"a\": 1}", 0},
             {Kind::kCallBegin, "g", 1},
             {Kind::kCallArguments, "{}", 1}}));
  EXPECT_EQ(ParseAll(kV31,
                     "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": 1}<｜tool▁call▁end｜>"
                     "<｜tool▁calls▁end｜>"),
            (Parts{{Kind::kCallBegin, "f", 0}, {Kind::kCallArguments, "{\"a\": 1}", 0}}));
}

}  // namespace
}  // namespace bowhead::assistant
