#include "model/tokenizer/vocabulary.h"

#include <algorithm>
#include <limits>

#include "model/tokenizer/spelling.h"

namespace bowhead::model {
namespace {

using base::InvalidArgument;
using base::Status;

constexpr std::size_t kMaxTokens = 1U << 24U;
constexpr std::size_t kMaxArenaBytes = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t kMaxAddedBytes = 1024;  // keeps the search for special tokens linear on any text

std::string Key(std::string_view name) {
  return "tokenizer.ggml." + std::string(name);
}

/// All chat templates of the file in one text.
std::string Templates(const Metadata& metadata) {
  std::string all;
  for (const auto& [key, value] : metadata.values()) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && key.starts_with("tokenizer.chat_template")) all += *text + '\n';
  }
  return all;
}

/// True if a merge rule of the file builds exactly this token: then it is an ordinary word, whatever it looks like.
bool MadeByMerge(const StringArray* merges, std::string_view spelling) {
  if (merges == nullptr) return false;
  for (std::size_t i = 0; i < merges->size(); ++i) {
    const std::string_view merge = (*merges)[i];
    if (merge.size() != spelling.size() + 1) continue;
    const std::size_t space = merge.find(' ', 1);
    if (space != std::string_view::npos && spelling.substr(0, space) == merge.substr(0, space) &&
        spelling.substr(space) == merge.substr(space + 1)) {
      return true;
    }
  }
  return false;
}

bool IsAdded(TokenType type) {
  return type == TokenType::kControl || type == TokenType::kUnknown || type == TokenType::kUserDefined;
}

}  // namespace

bool Vocabulary::hidden(TokenId id) const {
  const TokenType t = type(id);
  return t == TokenType::kControl || t == TokenType::kUnknown || t == TokenType::kUnused;
}

bool Vocabulary::has_all_byte_tokens() const {
  return std::none_of(byte_tokens_.begin(), byte_tokens_.end(), [](TokenId id) { return id < 0; });
}

base::Result<Vocabulary> Vocabulary::Create(const Metadata& metadata, const VocabularyDefaults& defaults) {
  const StringArray* spellings = metadata.GetStrings(Key("tokens"));
  if (spellings == nullptr || spellings->empty()) {
    return InvalidArgument("the file has no vocabulary (tokenizer.ggml.tokens); convert the model again");
  }
  if (spellings->size() > kMaxTokens) {
    return InvalidArgument("the vocabulary has " + std::to_string(spellings->size()) + " tokens; the limit is " +
                           std::to_string(kMaxTokens));
  }
  Vocabulary vocabulary;
  vocabulary.spelling_ = defaults.spelling;
  vocabulary.tokens_.resize(spellings->size());
  if (Status status = vocabulary.ReadTypes(metadata, *spellings, defaults.spelling); !status.ok()) return status;
  if (Status status = vocabulary.ReadSpecialIds(metadata, defaults); !status.ok()) return status;
  vocabulary.MarkControlTokens(metadata, *spellings, defaults.spelling);
  if (Status status = vocabulary.IndexTokens(metadata, *spellings, defaults.spelling); !status.ok()) return status;
  vocabulary.DropHarmonyEnd();
  return vocabulary;
}

Status Vocabulary::ReadTypes(const Metadata& metadata, const StringArray& spellings, Spelling spelling) {
  byte_tokens_.assign(256, -1);
  const auto types = metadata.GetInts(Key("token_type"));
  if (!types && metadata.Has(Key("token_type"))) {
    return InvalidArgument("tokenizer.ggml.token_type is not an array of integers; convert the model again");
  }
  if (types && types->size() != tokens_.size()) {
    return InvalidArgument("tokenizer.ggml.token_type has " + std::to_string(types->size()) + " entries for " +
                           std::to_string(tokens_.size()) + " tokens; convert the model again");
  }
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const std::int64_t number = types ? (*types)[i] : 1;
    if (number >= 1 && number <= 6) tokens_[i].type = static_cast<TokenType>(number);
    const auto byte = ParseByteToken(spellings[i]);
    if (!types && byte && spelling == Spelling::kPieces) tokens_[i].type = TokenType::kByte;
    if (tokens_[i].type != TokenType::kByte) continue;
    if (!byte) {
      return InvalidArgument("token " + std::to_string(i) + " is of type byte but is not spelled <0xXX>");
    }
    byte_tokens_[*byte] = static_cast<TokenId>(i);
  }
  return base::OkStatus();
}

Status Vocabulary::ReadSpecialIds(const Metadata& metadata, const VocabularyDefaults& defaults) {
  constexpr std::uint64_t kNone = std::numeric_limits<std::uint32_t>::max();  // -1, as some converters write it
  Status status;
  const auto read = [&](std::string_view name, std::int64_t fallback) -> std::optional<TokenId> {
    const auto id = metadata.GetUint(Key(name));
    if (id && *id != kNone) {
      if (*id < size()) return static_cast<TokenId>(*id);
      status = InvalidArgument(Key(name) + " is " + std::to_string(*id) + ", but the vocabulary has only " +
                               std::to_string(size()) + " tokens; convert the model again");
    }
    if (!id && fallback >= 0 && static_cast<std::size_t>(fallback) < size()) return static_cast<TokenId>(fallback);
    return std::nullopt;
  };
  bos_ = read("bos_token_id", defaults.bos);
  eos_ = read("eos_token_id", defaults.eos);
  unknown_ = read("unknown_token_id", defaults.unknown);
  for (const auto& id : {eos_, read("eot_token_id", -1), read("eom_token_id", -1)}) {
    if (id) tokens_[static_cast<std::size_t>(*id)].end_of_generation = true;
  }
  if (!status.ok()) return status;

  const auto add_bos = metadata.GetBool(Key("add_bos_token"));
  const auto add_eos = metadata.GetBool(Key("add_eos_token"));
  if ((add_bos.value_or(false) && !bos_) || (add_eos.value_or(false) && !eos_)) {
    return InvalidArgument(
        "the file asks for a begin or end token (add_bos_token, add_eos_token) but does not name it; convert the model "
        "again");
  }
  add_bos_ = add_bos.value_or(defaults.add_bos && bos_.has_value());
  add_eos_ = add_eos.value_or(false);
  return base::OkStatus();
}

void Vocabulary::MarkControlTokens(const Metadata& metadata, const StringArray& spellings, Spelling spelling) {
  const StringArray* merges = metadata.GetStrings(Key("merges"));
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    Token& token = tokens_[i];
    const EndMarker marker = ClassifyEndMarker(spellings[i]);
    const auto id = static_cast<TokenId>(i);
    const bool named = token.end_of_generation || bos_ == id;  // by the file's own ids
    if (marker == EndMarker::kNo && !named) continue;
    // Some converters leave the type of such tokens at normal or user-defined.
    const bool overridable = token.type == TokenType::kNormal
                                 ? named || (marker == EndMarker::kYes && spelling == Spelling::kByteSymbols)
                                 : token.type == TokenType::kUserDefined && (named || marker == EndMarker::kYes);
    if (overridable && !(token.type == TokenType::kNormal && MadeByMerge(merges, spellings[i]))) {
      token.type = TokenType::kControl;
    }
    if (token.type == TokenType::kControl && marker != EndMarker::kNo) token.end_of_generation = true;
  }
}

Status Vocabulary::IndexTokens(const Metadata& metadata, const StringArray& spellings, Spelling spelling) {
  const std::string templates = Templates(metadata);
  std::string arena;
  std::vector<bool> is_raw(tokens_.size());  // a normal token outside of the byte alphabet: no merge can reach it
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    Token& token = tokens_[i];
    const std::size_t begin = arena.size();
    if (token.type == TokenType::kByte) {
      arena.push_back(static_cast<char>(ParseByteToken(spellings[i]).value_or(0)));
    } else if (spelling == Spelling::kPieces && (token.type != TokenType::kControl)) {
      AppendPiece(spellings[i], arena);
    } else if (IsAdded(token.type) || token.type == TokenType::kUnused || !AppendByteSymbols(spellings[i], arena)) {
      arena.append(spellings[i]);
      is_raw[i] = true;
    }
    if (arena.size() > kMaxArenaBytes) return InvalidArgument("the tokens of the vocabulary exceed 4 GiB");
    token.begin = static_cast<std::uint32_t>(begin);
    token.length = static_cast<std::uint32_t>(arena.size() - begin);
    max_length_ = std::max<std::size_t>(max_length_, token.length);
  }
  arena_.assign(arena.begin(), arena.end());

  text_ = StringIndex(tokens_.size());
  for (std::size_t i = 0; i < tokens_.size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const TokenType t = type(id);
    if (bytes(id).empty() || t == TokenType::kByte) continue;
    const bool is_text =
        (t == TokenType::kNormal && !is_raw[i]) || (t == TokenType::kUnused && spelling == Spelling::kPieces);
    if (is_text) text_.Add(id, Spelled{*this});
    if (!IsAdded(t)) continue;
    added_.Add(id, Spelled{*this});
    if (bytes(id).size() > kMaxAddedBytes) {
      return InvalidArgument("token " + std::to_string(i) + " is special and " + std::to_string(bytes(id).size()) +
                             " bytes long; the limit is " + std::to_string(kMaxAddedBytes));
    }
    const bool special = t != TokenType::kUserDefined || IsStructural(bytes(id), templates);
    (special ? special_ : plain_).Add(bytes(id), id);
  }
  return base::OkStatus();
}

TokenId Vocabulary::FindSpelled(std::string_view spelling, std::string& scratch) const {
  scratch.clear();
  TokenId id = -1;
  if (spelling_ == Spelling::kPieces) {
    AppendPiece(spelling, scratch);
    id = FindText(scratch);
  } else if (AppendByteSymbols(spelling, scratch)) {
    id = FindText(scratch);
  }
  return id >= 0 ? id : FindAdded(spelling);
}

/// Harmony (gpt-oss) ends a message with <|end|> and goes on; only <|return|> and <|call|> end the turn.
void Vocabulary::DropHarmonyEnd() {
  const TokenId end = FindAdded("<|end|>");
  const bool harmony = FindAdded("<|return|>") >= 0 && FindAdded("<|call|>") >= 0;
  const bool solar = FindAdded("<|calls|>") >= 0 && FindAdded("<|flush|>") >= 0;
  if (end >= 0 && end != eos_ && (harmony || solar)) tokens_[static_cast<std::size_t>(end)].end_of_generation = false;
}

}  // namespace bowhead::model
