#include "engine/speculation/forced_text.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "grammar/matcher.h"

namespace bowhead::engine {
namespace {

/// More than a full draft of usual tokens has.
constexpr std::size_t kMostBytes = 96;

/// What must come, or will if the model keeps to the usual layout of JSON.
struct LikelyText {
  std::string bytes;
  std::vector<std::size_t> choices;  // places in `bytes`, ascending, before which the layout was chosen
};

/// Lets `matcher` go on by a choice of the layout, where the text is the same whichever way it goes: one space after a
/// colon or comma, nothing elsewhere. False if there is another choice.
bool TakeUsualLayout(char last, grammar::Matcher& matcher, std::string& bytes) {
  grammar::Matcher spaced = matcher;
  if (!spaced.Accept(" ")) return false;
  const std::string next = spaced.ForcedBytes(1);
  if (next.empty() || matcher.CountAcceptable(next) == 0) return false;
  if (last == ':' || last == ',') {
    bytes.push_back(' ');
    matcher = std::move(spaced);
  }
  bytes += next;
  return matcher.Accept(next);
}

LikelyText FollowConstraint(grammar::Matcher matcher, char last) {
  LikelyText text;
  while (text.bytes.size() < kMostBytes) {
    if (const std::string forced = matcher.ForcedBytes(kMostBytes - text.bytes.size()); !forced.empty()) {
      text.bytes += forced;
      if (!matcher.Accept(forced)) break;
      continue;
    }
    const std::size_t place = text.bytes.size();
    if (matcher.CanEnd() || !TakeUsualLayout(place == 0 ? last : text.bytes.back(), matcher, text.bytes)) break;
    text.choices.push_back(place);
  }
  return text;
}

}  // namespace

base::Status ForcedText::Propose(std::span<DraftJob> jobs) {
  for (DraftJob& job : jobs) {
    job.draft.clear();
    if (job.matcher == nullptr || job.most < 1) continue;
    const std::string_view before = job.tokens.empty() ? "" : tokenizer_->TokenBytes(job.tokens.back());
    const LikelyText text = FollowConstraint(*job.matcher, before.empty() ? '\0' : before.back());
    if (text.bytes.empty()) continue;
    Cut(text.bytes, text.choices, &job);
  }
  return base::OkStatus();
}

void ForcedText::Cut(std::string_view text, std::span<const std::size_t> choices, DraftJob* job) const {
  const std::vector<TokenId> tokens = tokenizer_->Encode(text, {});
  std::size_t spelled = 0;
  for (std::size_t i = 0; i < tokens.size() && job->draft.size() < static_cast<std::size_t>(job->most); ++i) {
    const std::string_view bytes = tokenizer_->TokenBytes(tokens[i]);
    // A tokenizer may begin with a space of its own: no guess is better than a wrong one.
    if (bytes.empty() || !text.substr(spelled).starts_with(bytes)) return;
    const std::size_t end = spelled + bytes.size();
    const bool chosen = std::ranges::any_of(choices, [&](std::size_t at) { return at >= spelled && at < end; });
    const std::uint8_t usual = chosen ? kLayout : kInside;
    job->draft.push_back(DraftToken{tokens[i], end < text.size() ? usual : kLast});
    spelled = end;
  }
}

}  // namespace bowhead::engine
