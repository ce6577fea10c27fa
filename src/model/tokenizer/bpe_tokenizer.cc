#include "model/tokenizer/bpe_tokenizer.h"

#include <algorithm>

#include "model/tokenizer/spelling.h"
#include "model/tokenizer/split_stages.h"
#include "model/tokenizer/unicode.h"

namespace bowhead::model {
namespace {

constexpr std::size_t kMaxWordBytes = std::size_t{1} << 28U;  // node indexes are 32 bits wide

const PreTokenizer& Gemma4Lines() {
  static const PreTokenizer pre_tokenizer = {"gemma4", {split::Lines}, false, true};
  return pre_tokenizer;
}

}  // namespace

base::Result<std::unique_ptr<const Tokenizer>> BpeTokenizer::Create(const Metadata& metadata) {
  const std::string* model = metadata.GetString("tokenizer.ggml.model");
  const bool gemma4 = model != nullptr && *model == "gemma4";
  const std::string* pre = metadata.GetString("tokenizer.ggml.pre");
  const std::string_view name = pre == nullptr ? std::string_view("default") : std::string_view(*pre);
  const PreTokenizer* pre_tokenizer = gemma4 ? &Gemma4Lines() : FindPreTokenizer(name);
  if (pre_tokenizer == nullptr) {
    return base::Unimplemented("pre-tokenizer '" + std::string(name) +
                               "' (tokenizer.ggml.pre) is not known; known are: " + PreTokenizerNames());
  }
  const StringArray* rules = metadata.GetStrings("tokenizer.ggml.merges");
  if (rules == nullptr) {
    return base::InvalidArgument(
        "the byte-pair vocabulary has no merge rules (tokenizer.ggml.merges); convert the model again");
  }
  VocabularyDefaults defaults;
  defaults.spelling = gemma4 ? Spelling::kPieces : Spelling::kByteSymbols;
  defaults.add_bos = pre_tokenizer->add_bos;
  base::Result<Vocabulary> vocabulary = Vocabulary::Create(metadata, defaults);
  if (!vocabulary.ok()) return vocabulary.status();
  base::Result<BpeMerges> merges = BpeMerges::Create(*rules, *vocabulary);
  if (!merges.ok()) return merges.status();
  return std::unique_ptr<const Tokenizer>(
      new BpeTokenizer(std::move(vocabulary).value(), std::move(merges).value(), *pre_tokenizer, defaults.spelling));
}

BpeTokenizer::BpeTokenizer(Vocabulary vocab, BpeMerges merges, const PreTokenizer& pre_tokenizer, Spelling spelling)
    : VocabularyTokenizer(std::move(vocab), "bpe/" + std::string(pre_tokenizer.name), false),
      merges_(std::move(merges)),
      pre_tokenizer_(&pre_tokenizer),
      spelling_(spelling),
      whole_words_(std::make_unique<std::atomic<Memo>[]>(vocabulary().size())) {
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(static_cast<unsigned char>(byte));
    byte_symbols_[byte] = vocabulary().FindText({&c, 1});
  }
}

void BpeTokenizer::EncodeText(std::string_view text, bool /*after_special*/, std::vector<TokenId>& out) const {
  std::string pieces;
  if (spelling_ == Spelling::kPieces) {
    AppendPiece(text, pieces);
    text = pieces;
  }
  Scratch scratch;
  const auto encode = [&](std::string_view part) {
    ForEachWord(part, pre_tokenizer_->stages, [&](std::string_view word) {
      for (; word.size() > kMaxWordBytes; word.remove_prefix(kMaxWordBytes)) {
        EncodeWord(word.substr(0, kMaxWordBytes), scratch, out);
      }
      EncodeWord(word, scratch, out);
    });
  };
  const TokenTrie& plain = vocabulary().plain_tokens();
  std::size_t from = 0;
  while (!plain.empty()) {
    const TokenTrie::Match match = plain.FindNext(text, from, text.size());
    if (match.length == 0) break;
    encode(text.substr(from, match.begin - from));
    out.push_back(match.id);
    from = match.begin + match.length;
  }
  encode(text.substr(from));
}

void BpeTokenizer::EncodeWord(std::string_view word, Scratch& scratch, std::vector<TokenId>& out) const {
  if (word.size() <= vocabulary().max_length()) {
    const TokenId id = vocabulary().FindText(word);
    if (id >= 0 && IsWholeWord(id, word, scratch)) return out.push_back(id);
  }
  scratch.symbols.clear();
  AppendSymbols(word, scratch.symbols);
  ApplyMerges(scratch, [this](TokenId left, TokenId right) { return merges_.Find(left, right); });
  out.insert(out.end(), scratch.symbols.begin(), scratch.symbols.end());
}

bool BpeTokenizer::IsWholeWord(TokenId id, std::string_view word, Scratch& scratch) const {
  if (pre_tokenizer_->ignore_merges) return true;
  std::atomic<Memo>& memo = whole_words_[static_cast<std::size_t>(id)];
  Memo answer = memo.load(std::memory_order_relaxed);
  if (answer == Memo::kUnasked) {
    scratch.symbols.clear();
    AppendSymbols(word, scratch.symbols);
    ApplyMerges(scratch, [this](TokenId left, TokenId right) { return merges_.Find(left, right); });
    answer = scratch.symbols.size() == 1 && scratch.symbols[0] == id ? Memo::kYes : Memo::kNo;
    memo.store(answer, std::memory_order_relaxed);
  }
  return answer == Memo::kYes;
}

void BpeTokenizer::AppendSymbols(std::string_view word, std::vector<TokenId>& symbols) const {
  if (spelling_ == Spelling::kPieces) return AppendCharacters(word, symbols);
  for (const char c : word) {
    const TokenId id = byte_symbols_[static_cast<unsigned char>(c)];
    if (id >= 0) symbols.push_back(id);
  }
}

void BpeTokenizer::AppendCharacters(std::string_view word, std::vector<TokenId>& symbols) const {
  const char* const end = word.data() + word.size();
  for (const char* p = word.data(); p < end;) {
    const std::string_view character(p, DecodeUtf8(p, end).length);
    p += character.size();
    const TokenId id = vocabulary().FindText(character);
    if (id >= 0) {
      symbols.push_back(id);
      continue;
    }
    for (const char c : character) {
      const TokenId byte = vocabulary().byte_token(static_cast<unsigned char>(c));
      if (byte >= 0) symbols.push_back(byte);
    }
  }
}

}  // namespace bowhead::model
