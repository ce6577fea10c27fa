// A request inside the engine.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "engine/admission.h"
#include "engine/backend.h"
#include "engine/engine.h"
#include "engine/reasoning_guard.h"
#include "engine/sampler.h"
#include "engine/sequence.h"
#include "grammar/matcher.h"

namespace bowhead::engine {

/// Made by the caller's thread, then owned by the loop. Exactly one of the two listeners is set.
struct ActiveRequest {
  using Clock = std::chrono::steady_clock;

  explicit ActiveRequest(BlockPool* pool) : sequence(pool) {}

  Sequence sequence;
  Admission::Ticket ticket;  // what the door counts of it until it ends

  // To generate.
  std::shared_ptr<RequestListener> listener;
  std::optional<Sampler> sampler;
  std::optional<grammar::Matcher> matcher;  // of a request with a constraint
  std::optional<ReasoningGuard> guard;      // of a request whose reasoning has a budget
  grammar::TokenMask mask;                  // what these allow next
  std::vector<TokenId> stop_tokens;
  bool ignore_eos = false;
  int max_tokens = 0;
  int completion_tokens = 0;
  std::vector<TokenId> step_tokens;  // the last token and the guesses after it, in a step that checks guesses

  // To embed.
  std::shared_ptr<Backend::EmbeddingListener> embedding_listener;
  std::optional<TokenId> last_token;  // kLast: held back, so that it makes a piece of its own
  std::vector<double> hidden;         // [embedding_length], the sum so far

  Clock::time_point arrival;
  Clock::time_point start;  // of the first step with it
  Clock::time_point first_token;
  Clock::time_point last_time;  // of the newest token
};

}  // namespace bowhead::engine
