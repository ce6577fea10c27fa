#include "model/tokenizer/spm_tokenizer.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "model/tokenizer/unicode.h"

namespace bowhead::model {
namespace {

constexpr std::size_t kMaxChunkBytes = std::size_t{1} << 28U;  // node indexes are 32 bits wide
constexpr char32_t kSpaceSymbol = 0x2581;

/// `text` with U+2581 as spaces and invalid bytes as U+FFFD, after an optional space.
std::string Normalize(std::string_view text, bool space_prefix) {
  std::string out;
  out.reserve(text.size() + 1);
  if (space_prefix) out.push_back(' ');
  const char* const end = text.data() + text.size();
  for (const char* p = text.data(); p < end;) {
    const char* const start = p;
    while (p < end && static_cast<unsigned char>(*p) < 0x80) ++p;
    out.append(start, p);
    if (p == end) break;
    const DecodedChar c = DecodeUtf8(p, end);
    if (c.value == kSpaceSymbol) {
      out.push_back(' ');
    } else if (c.valid) {
      out.append(p, c.length);
    } else {
      AppendUtf8(kReplacement, out);
    }
    p += c.length;
  }
  return out;
}

/// The scores as ranks. Errors: a table of the wrong size, or scores that are no numbers.
base::Result<std::vector<std::uint32_t>> ReadRanks(const Metadata& metadata, std::size_t size) {
  const auto scores = metadata.GetFloats("tokenizer.ggml.scores");
  if (!scores || scores->size() != size) {
    return base::InvalidArgument("the SentencePiece vocabulary has " + std::to_string(scores ? scores->size() : 0) +
                                 " scores (tokenizer.ggml.scores) for " + std::to_string(size) +
                                 " tokens; convert the model again");
  }
  if (std::any_of(scores->begin(), scores->end(), [](double score) { return std::isnan(score); })) {
    return base::InvalidArgument("tokenizer.ggml.scores holds values that are not numbers; convert the model again");
  }
  std::vector<double> order = *scores;
  std::sort(order.begin(), order.end(), std::greater<>());
  order.erase(std::unique(order.begin(), order.end()), order.end());
  std::vector<std::uint32_t> ranks;
  ranks.reserve(size);
  for (const double score : *scores) {
    const auto it = std::lower_bound(order.begin(), order.end(), score, std::greater<>());
    ranks.push_back(static_cast<std::uint32_t>(it - order.begin()));
  }
  return ranks;
}

}  // namespace

base::Result<std::unique_ptr<const Tokenizer>> SpmTokenizer::Create(const Metadata& metadata) {
  const VocabularyDefaults defaults = {
      .spelling = Spelling::kPieces, .add_bos = true, .bos = 1, .eos = 2, .unknown = 0};
  base::Result<Vocabulary> vocabulary = Vocabulary::Create(metadata, defaults);
  if (!vocabulary.ok()) return vocabulary.status();
  base::Result<std::vector<std::uint32_t>> ranks = ReadRanks(metadata, vocabulary->size());
  if (!ranks.ok()) return ranks.status();
  const std::string* architecture = metadata.GetString("general.architecture");
  const bool gemma = architecture != nullptr && architecture->starts_with("gemma");
  const bool add_space_prefix = metadata.GetBool("tokenizer.ggml.add_space_prefix").value_or(true);
  return std::unique_ptr<const Tokenizer>(new SpmTokenizer(
      std::move(vocabulary).value(), gemma ? "spm/gemma" : "spm/llama", add_space_prefix, std::move(ranks).value()));
}

SpmTokenizer::SpmTokenizer(Vocabulary vocab, std::string kind, bool space_prefix, std::vector<std::uint32_t> ranks)
    : VocabularyTokenizer(std::move(vocab), std::move(kind), space_prefix), ranks_(std::move(ranks)) {
  byte_fallback_ = vocabulary().has_all_byte_tokens();
  for (TokenId id = 0; vocabulary().Contains(id); ++id) {
    const std::string_view piece = vocabulary().bytes(id);
    if (vocabulary().FindText(piece) != id) continue;
    const char* const end = piece.data() + piece.size();
    char32_t left = 0;
    for (const char* p = piece.data(); p < end;) {
      const DecodedChar c = DecodeUtf8(p, end);
      if (p > piece.data()) neighbours_.Add(left, c.value);
      left = c.value;
      p += c.length;
    }
  }
}

void SpmTokenizer::EncodeText(std::string_view text, bool after_special, std::vector<TokenId>& out) const {
  const std::string normalized = Normalize(text, after_special && add_space_prefix());
  const std::string_view view = normalized;
  const TokenTrie& plain = vocabulary().plain_tokens();
  Scratch scratch;
  std::size_t from = 0;
  while (!plain.empty()) {
    const TokenTrie::Match match = plain.FindNext(view, from, view.size());
    if (match.length == 0) break;
    EncodeSegment(view.substr(from, match.begin - from), scratch, out);
    out.push_back(match.id);
    from = match.begin + match.length;
  }
  EncodeSegment(view.substr(from), scratch, out);
}

void SpmTokenizer::EncodeSegment(std::string_view text, Scratch& scratch, std::vector<TokenId>& out) const {
  const char* const end = text.data() + text.size();
  const char* chunk = text.data();
  char32_t left = 0;
  scratch.symbols.clear();
  const auto flush = [&](const char* stop) {
    if (stop > chunk) EncodeChunk({chunk, static_cast<std::size_t>(stop - chunk)}, -1, scratch, out);
    scratch.symbols.clear();
    chunk = stop;
  };
  for (const char* p = text.data(); p < end;) {
    const DecodedChar c = DecodeUtf8(p, end);
    if (p > chunk &&
        (!neighbours_.MayContain(left, c.value) || static_cast<std::size_t>(p - chunk) >= kMaxChunkBytes)) {
      flush(p);
    }
    const auto begin = static_cast<std::uint32_t>(p - chunk);
    scratch.symbols.push_back({begin, begin + c.length, -1});
    left = c.value;
    p += c.length;
  }
  flush(end);
}

void SpmTokenizer::EncodeChunk(std::string_view text, TokenId forbidden, Scratch& scratch,
                               std::vector<TokenId>& out) const {
  const std::size_t max_length = vocabulary().max_length();
  ApplyMerges(scratch, [&](const Symbol& left, const Symbol& right) -> Merge<Symbol> {
    if (right.end - left.begin > max_length) return {};
    const TokenId id = vocabulary().FindText(text.substr(left.begin, right.end - left.begin));
    if (id < 0 || id == forbidden) return {};
    return {ranks_[static_cast<std::size_t>(id)], {left.begin, right.end, id}};
  });
  // AppendUnused below needs nothing of `scratch` but reads `symbols`.
  for (const Symbol& symbol : scratch.symbols) {
    const std::string_view piece = text.substr(symbol.begin, symbol.end - symbol.begin);
    const TokenId id = symbol.id >= 0 ? symbol.id : vocabulary().FindText(piece);
    if (id < 0) {
      AppendUnknown(piece, out);
    } else if (vocabulary().type(id) == TokenType::kUnused) {
      AppendUnused(piece, id, out);
    } else {
      out.push_back(id);
    }
  }
}

void SpmTokenizer::AppendUnknown(std::string_view character, std::vector<TokenId>& out) const {
  if (byte_fallback_) {
    for (const char c : character) out.push_back(vocabulary().byte_token(static_cast<unsigned char>(c)));
  } else if (vocabulary().unknown() && (out.empty() || out.back() != *vocabulary().unknown())) {
    out.push_back(*vocabulary().unknown());
  }
}

/// A piece that is marked unused is taken apart again into the two that made it.
void SpmTokenizer::AppendUnused(std::string_view piece, TokenId id, std::vector<TokenId>& out) const {
  Scratch scratch;
  const char* const end = piece.data() + piece.size();
  for (const char* p = piece.data(); p < end;) {
    const DecodedChar c = DecodeUtf8(p, end);
    const auto begin = static_cast<std::uint32_t>(p - piece.data());
    scratch.symbols.push_back({begin, begin + c.length, -1});
    p += c.length;
  }
  if (scratch.symbols.size() == 1) {
    out.push_back(id);
  } else {
    EncodeChunk(piece, id, scratch, out);
  }
}

}  // namespace bowhead::model
