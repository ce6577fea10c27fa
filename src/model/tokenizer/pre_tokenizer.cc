#include "model/tokenizer/pre_tokenizer.h"

#include <algorithm>
#include <array>

#include "model/tokenizer/split_stages.h"

namespace bowhead::model {
namespace {

using namespace split;  // NOLINT(google-build-using-namespace): the table below is about nothing else

const std::vector<PreTokenizer>& Table() {
  static const std::vector<SplitStage> gpt2 = {Gpt2};
  static const std::vector<SplitStage> digits_gpt2 = {Digit, Gpt2};
  static const std::vector<SplitStage> deepseek_v3 = {Numbers3, DeepSeekV3Cjk, DeepSeekV3};
  static const std::vector<PreTokenizer> table = {
      {"bloom", {Bloom}},
      {"chatglm-bpe", {Llama3}},
      {"codeshell", digits_gpt2},
      {"command-r", digits_gpt2},
      {"dbrx", {Llama3}},
      {"deepseek-coder", {Newline, Letters, Punctuation, DeepSeekCjk, Number}},
      {"deepseek-llm", {Newline, DeepSeekLetters, DeepSeekPunctuation, TrailingSpace, DeepSeekCjk, Numbers}},
      {"deepseek-r1-qwen", {Qwen2}},
      {"deepseek-v3", deepseek_v3},
      {"default", {DefaultPunctuation, Gpt2, Numbers, ThreeDigits}},
      {"exaone", digits_gpt2},
      {"exaone4", gpt2},
      {"falcon", {FalconPunctuation, Gpt2, ThreeDigits}},
      {"falcon-h1", {Llama3}, true, true},
      {"falcon3", {Llama3}, true, true},
      {"glm4", {Llama3}, true},
      {"gpt-2", gpt2},
      {"gpt-4o", {O200k}},
      {"gpt3-finnish", {Bloom}},
      {"granite-docling", gpt2},
      {"hunyuan-dense", deepseek_v3},
      {"jais", gpt2},
      {"lfm2", {Llama3}, true, true},
      {"llama-bpe", {Llama3}, true, true},
      {"llama-v3", {Llama3}, true, true},
      {"llama3", {Llama3}, true, true},
      {"llama4", {O200k}},
      {"megrez", {Qwen2}},
      {"mellum", gpt2},
      {"minerva-7b", digits_gpt2},
      {"mpt", gpt2},
      {"olmo", gpt2},
      {"phi-2", gpt2},
      {"pixtral", {Llama3}, true, true},
      {"poro-chat", {Bloom}},
      {"qwen2", {Qwen2}},
      {"qwen35", {Qwen35}},
      {"refact", digits_gpt2},
      {"smaug-bpe", {Llama3}},
      {"smollm", digits_gpt2},
      {"stablelm2", {Qwen2}},
      {"starcoder", digits_gpt2},
      {"tekken", {Tekken}, true, true},
      {"trillion", gpt2},
      {"viking", {Bloom, Number}},
  };
  return table;
}

}  // namespace

const PreTokenizer* FindPreTokenizer(std::string_view name) {
  const auto it =
      std::find_if(Table().begin(), Table().end(), [name](const PreTokenizer& entry) { return entry.name == name; });
  return it == Table().end() ? nullptr : &*it;
}

std::string PreTokenizerNames() {
  std::string names;
  for (const PreTokenizer& entry : Table()) {
    if (!names.empty()) names += ", ";
    names += entry.name;
  }
  return names;
}

}  // namespace bowhead::model
