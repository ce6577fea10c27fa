// Answers of a model, taken apart: no crash, and the same parts however the text is cut.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "assistant/answer_parser.h"

namespace {

using bowhead::assistant::AnswerParser;
using bowhead::assistant::AnswerPart;
using Kind = AnswerPart::Kind;

constexpr std::string_view kTemplates[] = {"<tool_call> \"arguments\" </think>", "<|start_header_id|> \"parameters\"",
                                           "<｜tool▁calls▁begin｜> ```json </think>", "<｜tool▁calls▁begin｜> </think>",
                                           ""};

std::vector<AnswerPart> Parse(AnswerParser parser, std::string_view text, std::size_t piece) {
  std::vector<AnswerPart> all;
  const auto take = [&all](std::vector<AnswerPart> parts) {
    for (AnswerPart& part : parts) {
      const bool joins = !all.empty() && all.back().kind == part.kind && all.back().call == part.call;
      if (joins && part.kind != Kind::kCallBegin) {
        all.back().text += part.text;
      } else {
        all.push_back(std::move(part));
      }
    }
  };
  for (std::size_t i = 0; i < text.size(); i += piece) take(parser.Add(text.substr(i, piece)));
  take(parser.Finish());
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 2), size - 2);
  const AnswerParser parser(bowhead::model::DetectDialect(kTemplates[data[0] % 5]), (data[0] & 64) != 0,
                            (data[0] & 128) != 0);
  const std::size_t piece = data[1] % 16 + 1U;
  if (Parse(parser, text, piece) != Parse(parser, text, size)) std::abort();
  return 0;
}
