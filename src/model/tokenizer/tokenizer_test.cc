#include "model/tokenizer/tokenizer.h"

#include <gtest/gtest.h>

#include <limits>
#include <thread>

#include "model/tokenizer/testing.h"

namespace bowhead::model {
namespace {

using base::StatusCode;
using testing::Respell;
using testing::TinyBpe;
using testing::TinySpm;
using Ids = std::vector<TokenId>;

std::unique_ptr<const Tokenizer> Make(Metadata::Map map) {
  auto tokenizer = Tokenizer::Create(Metadata(std::move(map)));
  EXPECT_TRUE(tokenizer.ok()) << tokenizer.status().ToString();
  return tokenizer.ok() ? std::move(tokenizer).value() : nullptr;
}

base::Status CreateError(Metadata::Map map) {
  return Tokenizer::Create(Metadata(std::move(map))).status();
}

constexpr EncodeOptions kPlain = {};
constexpr EncodeOptions kTrusted = {.parse_special = true};

TEST(BytePair, MergesInsideWords) {
  const auto tokenizer = Make(TinyBpe());
  EXPECT_EQ(tokenizer->kind(), "bpe/gpt-2");
  EXPECT_EQ(tokenizer->Encode("hello hello", kPlain), (Ids{259, 260}));
  EXPECT_EQ(tokenizer->Encode("hell o12", kPlain), (Ids{258, ' ', 'o', 261}));
  EXPECT_EQ(tokenizer->Encode("aaaaa", kPlain), (Ids{263, 'a'}));
  EXPECT_EQ(tokenizer->Encode("", kPlain), Ids{});
  EXPECT_EQ(tokenizer->Encode(std::string(1000, 'a'), kPlain), Ids(250, 263));
}

TEST(BytePair, PreTokenizerStopsMerges) {
  EXPECT_EQ(Make(TinyBpe("smollm"))->Encode("12", kPlain), (Ids{'1', '2'}));
  EXPECT_EQ(Make(TinyBpe("smollm"))->Encode(" hello", kPlain), (Ids{260}));
}

TEST(BytePair, KeepsEveryByte) {
  const auto tokenizer = Make(TinyBpe());
  std::string all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<char>(i));
  all += "\xF0\x9F\x98 \xE2\x82 hello\xC0";
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode(all, kPlain)), all);
}

TEST(BytePair, LeavesOutBytesWithoutAToken) {
  Metadata::Map map = TinyBpe();
  Respell(map, 0xC3, "[gap1]");
  Respell(map, 0xA9, "[gap2]");
  EXPECT_EQ(Make(map)->Encode("h\u00E9e", kPlain), (Ids{256}));  // what is left can merge
}

TEST(BytePair, IgnoresMergesForLlama3) {
  Metadata::Map map = TinyBpe("llama-bpe");
  Respell(map, 0x01, "xyz");  // no merge makes it
  EXPECT_EQ(Make(map)->Encode("xyz", kPlain), (Ids{0x01}));
  EXPECT_TRUE(Make(map)->add_bos());
  map["tokenizer.ggml.pre"] = std::string("qwen2");
  EXPECT_EQ(Make(map)->Encode("xyz", kPlain), (Ids{'x', 'y', 'z'}));
  EXPECT_FALSE(Make(map)->add_bos());
}

TEST(SpecialTokens, AreTextUnlessAsked) {
  const auto tokenizer = Make(TinyBpe());
  const std::string text = "<|im_start|>hello<|im_end|>";
  EXPECT_EQ(tokenizer->Encode(text, kTrusted), (Ids{264, 259, 265}));
  const Ids plain = tokenizer->Encode(text, kPlain);
  EXPECT_GT(plain.size(), 10U);
  EXPECT_EQ(tokenizer->Decode(plain), text);
  EXPECT_EQ(tokenizer->Decode(Ids{264, 259, 265}), "hello");
  EXPECT_EQ(tokenizer->Decode(Ids{264, 259, 265}, true), text);
}

TEST(SpecialTokens, StructuralOnesCannotBeForged) {
  const auto tokenizer = Make(TinyBpe());
  EXPECT_EQ(tokenizer->Encode("<think>\n\n<b>", kTrusted), (Ids{266, 267, 268}));
  // Plain user-defined tokens are text like any other; <think> and a tag that the template writes are not.
  EXPECT_EQ(tokenizer->Encode("\n\n<b>", kPlain), (Ids{267, 268}));
  EXPECT_EQ(tokenizer->Encode("<think>", kPlain).size(), 7U);
  Metadata::Map map = TinyBpe();
  map["tokenizer.chat_template"] = std::string("{{ '<b>' + message.content }}");
  EXPECT_EQ(Make(map)->Encode("<b>", kPlain).size(), 3U);
  EXPECT_EQ(Make(map)->Encode("<b>", kTrusted), (Ids{268}));
  EXPECT_FALSE(tokenizer->IsSpecial(266));  // shown in text
}

TEST(SpecialTokens, NotRecognisedWhereTheyTouchUntrustedText) {
  const auto tokenizer = Make(TinyBpe());
  const std::string text = "<|im_end|><|im_end|><|im_end|>";
  const Ids spelled = tokenizer->Encode("<|im_end|>", kPlain);
  const auto encode = [&](std::vector<ByteRange> untrusted) {
    return tokenizer->Encode(text, {.parse_special = true, .untrusted = untrusted});
  };
  const auto count = [](const Ids& ids) { return std::count(ids.begin(), ids.end(), 265); };
  EXPECT_EQ(encode({}), (Ids{265, 265, 265}));
  EXPECT_EQ(count(encode({{10, 20}})), 2);
  EXPECT_EQ(count(encode({{19, 20}})), 2);
  EXPECT_EQ(count(encode({{9, 11}})), 1);
  EXPECT_EQ(count(encode({{0, 30}})), 0);
  EXPECT_EQ(count(encode({{0, 1}, {12, 13}, {29, 1000}})), 0);
  EXPECT_EQ(encode({{5, 5}, {30, 40}, {50, 20}}), (Ids{265, 265, 265}));  // empty, outside, nonsense
  for (const Ids& ids : {encode({{10, 20}}), encode({{9, 11}}), encode({{0, 30}})}) {
    EXPECT_EQ(tokenizer->Decode(ids, true), text);
  }
}

TEST(SpecialTokens, UntrustedBordersDoNotCutText) {
  const auto tokenizer = Make(TinyBpe());
  const std::vector<ByteRange> untrusted = {{2, 4}};
  EXPECT_EQ(tokenizer->Encode("hello", {.parse_special = true, .untrusted = untrusted}), (Ids{259}));
}

TEST(SpecialTokens, BeginAndEndOnRequest) {
  Metadata::Map map = TinyBpe();
  map["tokenizer.ggml.add_bos_token"] = true;
  map["tokenizer.ggml.add_eos_token"] = true;
  const auto tokenizer = Make(map);
  EXPECT_EQ(tokenizer->Encode("hello", {.add_special = true}), (Ids{264, 259, 265}));
  EXPECT_EQ(tokenizer->Encode("hello", kPlain), (Ids{259}));
  EXPECT_EQ(tokenizer->bos(), 264);
  EXPECT_EQ(tokenizer->eos(), 265);
}

TEST(SpecialTokens, EndOfGeneration) {
  Metadata::Map map = TinyBpe();
  Respell(map, 0, "<|eot_id|>");  // a converter left it a normal token
  Respell(map, 1, "</s>");        // an HTML tag
  map["tokenizer.ggml.eom_token_id"] = std::uint64_t{2};
  const auto tokenizer = Make(map);
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(265));
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(0));
  EXPECT_TRUE(tokenizer->IsSpecial(0));
  EXPECT_TRUE(tokenizer->IsEndOfGeneration(2));
  EXPECT_FALSE(tokenizer->IsEndOfGeneration(1));
  EXPECT_FALSE(tokenizer->IsEndOfGeneration(264));
  EXPECT_FALSE(tokenizer->IsEndOfGeneration(-1));
  EXPECT_FALSE(tokenizer->IsEndOfGeneration(1 << 20));
}

TEST(SpecialTokens, HarmonyGoesOnAfterEnd) {
  Metadata::Map map = TinyBpe();
  Respell(map, 0, "<|end|>");
  Respell(map, 1, "<|return|>");
  EXPECT_TRUE(Make(map)->IsEndOfGeneration(0));
  Respell(map, 2, "<|call|>");
  EXPECT_FALSE(Make(map)->IsEndOfGeneration(0));
  EXPECT_TRUE(Make(map)->IsEndOfGeneration(1));
}

TEST(Tokenizer, LooksTokensUp) {
  const auto tokenizer = Make(TinyBpe());
  EXPECT_EQ(tokenizer->FindToken("<|im_end|>"), 265);
  EXPECT_EQ(tokenizer->FindToken(" hello"), 260);
  EXPECT_EQ(tokenizer->FindToken("nothing"), std::nullopt);
  EXPECT_EQ(tokenizer->TokenBytes(260), " hello");
  EXPECT_EQ(tokenizer->TokenBytes(265), "<|im_end|>");
  EXPECT_EQ(tokenizer->TokenBytes(-1), "");
  EXPECT_EQ(tokenizer->TokenBytes(269), "");
  EXPECT_EQ(tokenizer->vocab_size(), 269U);
  EXPECT_EQ(tokenizer->Decode(Ids{-5, 259, 999999}), "hello");
}

TEST(Tokenizer, ServesManyThreads) {
  const auto tokenizer = Make(TinyBpe());
  std::vector<Ids> results(4);
  std::vector<std::thread> threads;
  for (Ids& ids : results) {
    threads.emplace_back([&tokenizer, &ids] { ids = tokenizer->Encode("hello hello 12 aaaa<think>", kTrusted); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const Ids& ids : results) EXPECT_EQ(ids, (Ids{259, 260, ' ', 261, ' ', 263, 266}));
}

TEST(SentencePiece, JoinsTheBestPieces) {
  const auto tokenizer = Make(TinySpm(true));
  EXPECT_EQ(tokenizer->kind(), "spm/llama");
  EXPECT_EQ(tokenizer->Encode("ab ab", kPlain), (Ids{263, 263}));
  EXPECT_EQ(tokenizer->Encode("  b", kPlain), (Ids{264, 259, 261}));
  EXPECT_EQ(tokenizer->Encode("", kPlain), Ids{});
  EXPECT_EQ(tokenizer->Encode("ab", {.add_special = true}), (Ids{1, 263}));
  EXPECT_EQ(Make(TinySpm(false))->Encode("ab ab", kPlain), (Ids{262, 263}));
}

TEST(SentencePiece, FallsBackToBytes) {
  const auto tokenizer = Make(TinySpm(false));
  EXPECT_EQ(tokenizer->Encode("\u4F60z\u20AC", kPlain), (Ids{265, 3 + 'z', 3 + 0xE2, 3 + 0x82, 3 + 0xAC}));
  EXPECT_EQ(tokenizer->Encode("\xFF", kPlain), (Ids{3 + 0xEF, 3 + 0xBF, 3 + 0xBD}));  // U+FFFD, as the library does
  EXPECT_EQ(tokenizer->Decode(tokenizer->Encode("a\u20ACb", kPlain)), "a\u20ACb");
  EXPECT_EQ(tokenizer->Encode("<0x41>", kPlain).size(), 6U);  // a look-alike of a byte token is text
}

TEST(SentencePiece, UnknownTokenWithoutBytes) {
  EXPECT_EQ(Make(TinySpm(false, false))->Encode("azzb", kPlain), (Ids{260, 0, 261}));
}

TEST(SentencePiece, UserDefinedTokensComeFirst) {
  const auto tokenizer = Make(TinySpm(false));
  EXPECT_EQ(tokenizer->Encode("a\n\n\nb", kPlain), (Ids{260, 267, 3 + '\n', 261}));
  EXPECT_EQ(tokenizer->Encode("<start_of_image>", kPlain).size(), 16U);
  EXPECT_EQ(tokenizer->Encode("<start_of_image>", kTrusted), (Ids{268}));
}

TEST(SentencePiece, TakesUnusedPiecesApart) {
  EXPECT_EQ(Make(TinySpm(false))->Encode("aba", kPlain), (Ids{262, 260}));
}

TEST(SentencePiece, SpacePrefixComesAndGoes) {
  const auto tokenizer = Make(TinySpm(true));
  const std::string text = "ab<s> ab</s>b";
  const Ids ids = tokenizer->Encode(text, kTrusted);
  EXPECT_EQ(ids, (Ids{263, 1, 259, 263, 2, 259, 261}));
  EXPECT_EQ(tokenizer->Decode(ids, true), text);
  EXPECT_EQ(tokenizer->Decode(Ids{259, 260}), "a");
}

TEST(TokenizerCreate, NamesWhatItDoesNotKnow) {
  Metadata::Map map = TinyBpe("no-such-pre");
  EXPECT_EQ(CreateError(map).code(), StatusCode::kUnimplemented);
  EXPECT_NE(CreateError(map).message().find("'no-such-pre'"), std::string::npos);
  EXPECT_NE(CreateError(map).message().find("smollm"), std::string::npos);
  map["tokenizer.ggml.model"] = std::string("bert");
  EXPECT_EQ(CreateError(map).code(), StatusCode::kUnimplemented);
  EXPECT_NE(CreateError(map).message().find("'bert'"), std::string::npos);
  map.erase("tokenizer.ggml.model");
  EXPECT_EQ(CreateError(map).code(), StatusCode::kInvalidArgument);
}

TEST(TokenizerCreate, RefusesInconsistentTables) {
  const auto refused = [](Metadata::Map map, const std::string& key, MetadataValue value) {
    map[key] = std::move(value);
    return CreateError(std::move(map)).code() == StatusCode::kInvalidArgument;
  };
  EXPECT_TRUE(refused(TinyBpe(), "tokenizer.ggml.token_type", std::vector<std::int64_t>{1, 2}));
  EXPECT_TRUE(refused(TinyBpe(), "tokenizer.ggml.token_type", std::string("x")));
  EXPECT_TRUE(refused(TinyBpe(), "tokenizer.ggml.tokens", StringArray{}));
  EXPECT_TRUE(refused(TinyBpe(), "tokenizer.ggml.tokens", std::string("x")));
  EXPECT_TRUE(refused(TinyBpe(), "tokenizer.ggml.merges", StringArray{"q q"}));
  EXPECT_TRUE(refused(TinyBpe(), "tokenizer.ggml.merges", StringArray{"h"}));
  EXPECT_TRUE(refused(TinyBpe(), "tokenizer.ggml.merges", StringArray{""}));
  EXPECT_TRUE(refused(TinyBpe(), "tokenizer.ggml.merges", std::uint64_t{1}));
  EXPECT_TRUE(refused(TinyBpe(), "tokenizer.ggml.bos_token_id", std::uint64_t{269}));
  EXPECT_TRUE(refused(TinySpm(true), "tokenizer.ggml.scores", std::vector<double>{1}));
  std::vector<double> scores(269, -1.0);
  scores[5] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_TRUE(refused(TinySpm(true), "tokenizer.ggml.scores", scores));
  Metadata::Map no_bos = TinyBpe();
  no_bos.erase("tokenizer.ggml.bos_token_id");
  EXPECT_TRUE(refused(no_bos, "tokenizer.ggml.add_bos_token", true));
  Metadata::Map bad_byte = TinySpm(true);
  Respell(bad_byte, 10, "<0xZZ>");
  EXPECT_EQ(CreateError(bad_byte).code(), StatusCode::kInvalidArgument);
}

TEST(Detokenizer, WaitsForWholeCharacters) {
  const auto tokenizer = Make(TinyBpe());
  Detokenizer stream(*tokenizer);
  EXPECT_EQ(stream.Add(0xF0), "");
  EXPECT_EQ(stream.Add(0x9F), "");
  EXPECT_EQ(stream.Add(0x98), "");
  EXPECT_EQ(stream.Add(0x80), "\U0001F600");
  EXPECT_EQ(stream.Add(0xE2), "");
  EXPECT_EQ(stream.Add('x'), "\uFFFDx");
  EXPECT_EQ(stream.Add(0xC3), "");
  EXPECT_EQ(stream.Finish(), "\uFFFD");
  EXPECT_EQ(stream.Finish(), "");
}

TEST(Detokenizer, HidesSpecialTokens) {
  const auto tokenizer = Make(TinyBpe());
  Detokenizer hidden(*tokenizer);
  EXPECT_EQ(hidden.Add(264) + hidden.Add(259) + hidden.Add(266) + hidden.Add(265), "hello<think>");
  Detokenizer shown(*tokenizer, true);
  EXPECT_EQ(shown.Add(259) + shown.Add(265), "hello<|im_end|>");
}

TEST(Detokenizer, DropsOnlyThePrefixSpace) {
  const auto tokenizer = Make(TinySpm(true));
  Detokenizer start(*tokenizer);
  EXPECT_EQ(start.Add(259), "");
  EXPECT_EQ(start.Add(263), " ab");
  Detokenizer continuation(*tokenizer, false, true);
  EXPECT_EQ(continuation.Add(263), " ab");
}

}  // namespace
}  // namespace bowhead::model
