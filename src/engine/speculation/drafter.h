// Guesses how a text goes on. A guess costs little; the model then checks many of them in one step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"
#include "engine/backend.h"

namespace bowhead::grammar {
class Matcher;
}

namespace bowhead::engine {

class Sampler;

/// Drafters sort their guesses into so many classes by how sure they are; how often a class is right is measured.
inline constexpr int kConfidenceClasses = 10;

struct DraftToken {
  TokenId token = 0;
  std::uint8_t confidence = 0;  // its class, below kConfidenceClasses; higher is surer
};

/// One sequence to guess for.
struct DraftJob {
  RequestId id = 0;
  std::span<const TokenId> tokens;            // the prompt and the answer so far; never shorter than in the job before
  int most = 0;                               // tokens to propose at most
  const Sampler* sampler = nullptr;           // the sequence's own; may be null
  std::vector<DraftToken> draft;              // the result; may be empty
  const grammar::Matcher* matcher = nullptr;  // of a sequence with a constraint: where its text is
};

/// Proposes continuations. It learns what was accepted from the tokens of the next job. Not thread-safe.
class Drafter {
 public:
  virtual ~Drafter() = default;

  /// Fills `draft` of every job. Errors leave all drafts empty; the caller goes on without.
  virtual base::Status Propose(std::span<DraftJob> jobs) = 0;
  /// Tokens of the job that have to be computed before there is a guess.
  [[nodiscard]] virtual int Backlog(const DraftJob&) const { return 0; }
  /// The sequence is over; unknown ones are ignored.
  virtual void Forget(RequestId id) = 0;
};

}  // namespace bowhead::engine
