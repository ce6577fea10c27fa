#include "model/template/lexer.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "model/template/errors.h"
#include "model/template/string_literal.h"
#include "model/template/unicode.h"

namespace bowhead::model {
namespace {

std::string NormalizeNewlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out.push_back(source[i]);
      continue;
    }
    out.push_back('\n');
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

bool IsAsciiDigit(char c) {
  return c >= '0' && c <= '9';
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> Run() {
    while (at_ < source_.size()) LexRoot();
    Push(Token::Kind::kEnd);
    return std::move(tokens_);
  }

 private:
  static constexpr std::size_t kNone = std::string_view::npos;

  [[nodiscard]] bool StartsWith(std::string_view what, std::size_t at) const {
    return source_.substr(std::min(at, source_.size())).starts_with(what);
  }

  [[nodiscard]] std::size_t SkipSpace(std::size_t at) const {
    while (at < source_.size()) {
      const CodePoint c = DecodeAt(source_, at);
      if (!IsSpace(c.value)) break;
      at += c.size;
    }
    return at;
  }

  Token& Push(Token::Kind kind) {
    tokens_.push_back({});
    tokens_.back().kind = kind;
    tokens_.back().line = line_;
    return tokens_.back();
  }

  // Goes on to `end`, counting lines.
  void MoveTo(std::size_t end) {
    line_ += static_cast<std::size_t>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                                 source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
    line_starting_ = end > at_ && source_[end - 1] == '\n';
    at_ = end;
  }

  // The text before a tag, stripped as the tag's sign and lstrip_blocks ask for.
  void PushData(std::string_view text, char sign, bool variable) {
    if (sign == '-') {
      while (!text.empty()) {
        const std::size_t start = PreviousStart(text, text.size());
        if (!IsSpace(DecodeAt(text, start).value)) break;
        text = text.substr(0, start);
      }
    } else if (sign != '+' && !variable) {
      const std::size_t newline = text.rfind('\n');
      const std::size_t start = newline == kNone ? 0 : newline + 1;
      if ((start > 0 || line_starting_) && AllSpace(text.substr(start))) text = text.substr(0, start);
    }
    if (!text.empty()) Push(Token::Kind::kData).text = text;
  }

  static bool AllSpace(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      const CodePoint c = DecodeAt(text, i);
      if (!IsSpace(c.value)) return false;
      i += c.size;
    }
    return true;
  }

  [[nodiscard]] char SignAt(std::size_t at) const {
    return at < source_.size() && (source_[at] == '-' || source_[at] == '+') ? source_[at] : '\0';
  }

  void LexRoot() {
    std::size_t open = at_;
    for (;; ++open) {
      open = source_.find('{', open);
      if (open == kNone || open + 1 >= source_.size()) {
        Push(Token::Kind::kData).text = source_.substr(at_);
        MoveTo(source_.size());
        return;
      }
      const char c = source_[open + 1];
      if (c == '{' || c == '%' || c == '#') break;
    }
    const char kind = source_[open + 1];
    const char sign = SignAt(open + 2);
    PushData(source_.substr(at_, open - at_), sign, kind == '{');
    const std::size_t body = open + (sign == '\0' ? 2 : 3);
    if (kind == '%') {
      if (const std::size_t raw = MatchRawBegin(body); raw != kNone) {
        MoveTo(raw);
        LexRaw();
        return;
      }
    }
    MoveTo(body);
    if (kind == '#') {
      LexComment();
    } else {
      Push(kind == '%' ? Token::Kind::kBlockBegin : Token::Kind::kVariableBegin);
      LexTag(kind == '%');
    }
  }

  // The end of `raw %}` or `raw -%}` with the whitespace behind the latter; kNone if there is none at `at`.
  [[nodiscard]] std::size_t MatchRawBegin(std::size_t at) const {
    at = SkipSpace(at);
    if (!StartsWith("raw", at)) return kNone;
    at = SkipSpace(at + 3);
    if (StartsWith("-%}", at)) return SkipSpace(at + 3);
    return StartsWith("%}", at) ? at + 2 : kNone;
  }

  // The end of a tag's close at `at` (`%}` with its newline, `-%}` with the whitespace behind it, `+%}`), or kNone.
  [[nodiscard]] std::size_t MatchClose(std::string_view close, std::size_t at, bool trims) const {
    if (trims && at < source_.size() && source_[at] == '+' && StartsWith(close, at + 1)) return at + 1 + close.size();
    if (at < source_.size() && source_[at] == '-' && StartsWith(close, at + 1)) return SkipSpace(at + 1 + close.size());
    if (!StartsWith(close, at)) return kNone;
    at += close.size();
    return trims && at < source_.size() && source_[at] == '\n' ? at + 1 : at;
  }

  void LexRaw() {
    for (std::size_t open = source_.find("{%", at_); open != kNone; open = source_.find("{%", open + 1)) {
      const char sign = SignAt(open + 2);
      std::size_t at = SkipSpace(open + (sign == '\0' ? 2 : 3));
      if (!StartsWith("endraw", at)) continue;
      at = SkipSpace(at + 6);
      const std::size_t end = MatchClose("%}", at, true);
      if (end == kNone) continue;
      PushData(source_.substr(at_, open - at_), sign, false);
      MoveTo(end);
      return;
    }
    if (at_ == source_.size()) return;  // Jinja does not mind either
    FailAt(line_, "the raw block has no {% endraw %}");
  }

  void LexComment() {
    const std::size_t close = source_.find("#}", at_);
    if (close == kNone) {
      if (at_ == source_.size()) return;  // Jinja does not mind either
      FailAt(line_, "the comment has no #}");
    }
    const bool sign = close > at_ && (source_[close - 1] == '-' || source_[close - 1] == '+');
    MoveTo(MatchClose("#}", sign ? close - 1 : close, true));
  }

  void LexTag(bool block) {
    std::vector<char> open;
    while (at_ < source_.size()) {
      if (open.empty()) {
        const std::size_t end = MatchClose(block ? "%}" : "}}", at_, block);
        if (end != kNone) {
          Push(block ? Token::Kind::kBlockEnd : Token::Kind::kVariableEnd);
          MoveTo(end);
          return;
        }
      }
      if (const std::size_t end = SkipSpace(at_); end != at_) {
        MoveTo(end);
      } else {
        LexExpressionToken(open);
      }
    }
    // The parser reports the missing end, with what it expected there.
  }

  void LexExpressionToken(std::vector<char>& open) {
    const char c = source_[at_];
    if (IsAsciiDigit(c)) {
      LexNumber();
    } else if (c == '\'' || c == '"') {
      LexString(c);
    } else if (!LexName()) {
      LexOperator(open);
    }
  }

  // The end of `(\d+_)*\d+` at `at`; `at` itself if there is none.
  [[nodiscard]] std::size_t SkipDigits(std::size_t at) const {
    std::size_t end = at;
    while (at < source_.size() && IsAsciiDigit(source_[at])) {
      end = ++at;
      if (at + 1 < source_.size() && source_[at] == '_' && IsAsciiDigit(source_[at + 1])) ++at;
    }
    return end;
  }

  void LexNumber() {
    const std::size_t whole = SkipDigits(at_);
    std::size_t end = whole;
    const bool after_dot = at_ > 0 && source_[at_ - 1] == '.';
    if (!after_dot) {
      if (end + 1 < source_.size() && source_[end] == '.' && IsAsciiDigit(source_[end + 1])) end = SkipDigits(end + 1);
      if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
        const std::size_t sign = SignAt(end + 1) == '\0' ? end + 1 : end + 2;
        const std::size_t exponent = SkipDigits(sign);
        if (exponent != sign) end = exponent;
      }
    }
    if (end == whole) {
      LexInteger();
      return;
    }
    std::string digits(source_.substr(at_, end - at_));
    std::erase(digits, '_');
    double value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    // Python reads what is out of range as infinity or zero.
    if (result.ec != std::errc()) value = digits.find("e-") == kNone && digits.find("E-") == kNone ? HUGE_VAL : 0.0;
    Push(Token::Kind::kFloat).number = value;
    MoveTo(end);
  }

  void LexInteger() {
    int base = 10;
    std::size_t begin = at_;
    std::size_t end = at_;
    if (source_[at_] == '0' && at_ + 1 < source_.size()) {
      const char prefix = static_cast<char>(source_[at_ + 1] | 0x20);
      base = prefix == 'x' ? 16 : prefix == 'o' ? 8 : prefix == 'b' ? 2 : 10;
    }
    if (base != 10) {
      begin = end = SkipBaseDigits(at_ + 2, base);
      begin = at_ + 2;
      if (end == begin) base = 10;
    }
    if (base == 10) {
      begin = at_;
      end = source_[at_] == '0' ? SkipZeros(at_) : SkipDigits(at_);
    }
    std::string digits(source_.substr(begin, end - begin));
    std::erase(digits, '_');
    std::int64_t value = 0;
    const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (result.ec != std::errc()) FailUnknown(line_, "the integer " + digits + " needs more than 64 bits");
    Push(Token::Kind::kInteger).integer = value;
    MoveTo(end);
  }

  [[nodiscard]] std::size_t SkipZeros(std::size_t at) const {
    while (at < source_.size() &&
           (source_[at] == '0' || (source_[at] == '_' && at + 1 < source_.size() && source_[at + 1] == '0'))) {
      ++at;
    }
    return at;
  }

  [[nodiscard]] std::size_t SkipBaseDigits(std::size_t at, int base) const {
    const auto is_digit = [this, base](std::size_t i) {
      if (i >= source_.size()) return false;
      const char c = source_[i];
      const int digit = IsAsciiDigit(c)        ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : 99;
      return digit < base;
    };
    while (is_digit(at) || (at < source_.size() && source_[at] == '_' && is_digit(at + 1))) ++at;
    return at;
  }

  bool LexName() {
    std::size_t end = at_;
    while (end < source_.size()) {
      const CodePoint c = DecodeAt(source_, end);
      if (c.value != '_' && !IsAlnum(c.value)) break;
      end += c.size;
    }
    if (end == at_) return false;
    Push(Token::Kind::kName).text = source_.substr(at_, end - at_);
    MoveTo(end);
    return true;
  }

  void LexString(char quote) {
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) FailAt(line_, "the string that starts here has no end");
    std::optional<std::string> text = UnescapeLiteral(source_.substr(at_ + 1, end - at_ - 1));
    if (!text) FailAt(line_, "the string has an escape that is not valid (\\x, \\u, \\U or \\N)");
    Push(Token::Kind::kString).text = std::move(*text);
    MoveTo(end + 1);
  }

  void LexOperator(std::vector<char>& open) {
    static constexpr std::string_view kPairs[] = {"//", "**", "==", "!=", ">=", "<="};
    static constexpr std::string_view kSingles = "+-/*%~[](){}><=.:|,;";
    std::size_t size = 0;
    if (std::any_of(std::begin(kPairs), std::end(kPairs), [this](std::string_view p) { return StartsWith(p, at_); })) {
      size = 2;
    } else if (kSingles.find(source_[at_]) != kNone) {
      size = 1;
    } else {
      FailAt(line_, "unexpected character '" + std::string(source_.substr(at_, DecodeAt(source_, at_).size)) + "'");
    }
    const char c = source_[at_];
    if (c == '(' || c == '[' || c == '{') open.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) FailAt(line_, std::string("unexpected '") + c + "'");
      open.pop_back();
    }
    Push(Token::Kind::kOperator).text = source_.substr(at_, size);
    MoveTo(at_ + size);
  }

  std::string_view source_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view source) {
  const std::string normalized = NormalizeNewlines(source);
  return Lexer(normalized).Run();
}

}  // namespace bowhead::model
