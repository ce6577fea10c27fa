#include "engine/engine_loop.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <optional>
#include <string>
#include <utility>

#include "engine/speculation/forced_text.h"

namespace bowhead::engine {
namespace {

using Clock = ActiveRequest::Clock;

/// Logits below which waking helpers takes longer than sampling.
constexpr std::size_t kSampleAloneBelow = 300'000;
constexpr int kMostSamplingThreads = 4;
/// Prompt tokens of a step while nothing is known about its time.
constexpr double kFirstSteps = 128;

/// Mean and normalisation to length 1 in one: the mean's factor falls out.
base::Result<std::vector<float>> Normalised(const std::vector<double>& sum) {
  double squares = 0;
  for (const double value : sum) squares += value * value;
  if (!std::isfinite(squares) || squares <= 0) {
    return base::Internal("the model computed hidden states that are not finite, or all zero; its file is damaged");
  }
  const double scale = 1 / std::sqrt(squares);
  std::vector<float> embedding(sum.size());
  std::ranges::transform(sum, embedding.begin(), [scale](double value) { return static_cast<float>(value * scale); });
  return embedding;
}

StepWork WorkOfBatch(std::span<const model::SequenceStep> batch) {
  StepWork work;
  for (const model::SequenceStep& step : batch) work += WorkOf(step.position, static_cast<int>(step.tokens.size()));
  return work;
}

/// Moves a mean over recent values.
void Approach(double* mean, double value) {
  *mean = *mean <= 0 ? value : *mean + 0.1 * (value - *mean);
}

}  // namespace

EngineLoop::EngineLoop(const EngineOptions& options, model::Transformer* transformer, const model::Tokenizer* tokenizer,
                       BlockPool* pool, Inbox* inbox, Admission* admission, EngineCounters* counters,
                       PrefixStore* store, std::unique_ptr<Drafter> draft_model)
    : options_(options),
      transformer_(transformer),
      tokenizer_(tokenizer),
      pool_(pool),
      inbox_(inbox),
      admission_(admission),
      counters_(counters),
      metrics_(options.metrics),
      cache_(options.prefix_cache != PrefixSharing::kOff
                 ? std::make_unique<PrefixCache>(pool, store == nullptr ? 0 : store->salt())
                 : nullptr),
      spill_(cache_ != nullptr && store != nullptr
                 ? std::make_unique<PrefixSpill>(store, cache_.get(), pool, transformer, inbox)
                 : nullptr),
      scheduler_(SchedulerOptions{options.max_running, options.prefix_cache == PrefixSharing::kShared}, pool,
                 cache_.get()),
      speculator_(options.speculation, std::move(draft_model), std::make_unique<ForcedText>(tokenizer)),
      team_(std::min(transformer->threads(), kMostSamplingThreads) - 1) {
  PublishCounters();
}

void EngineLoop::Run() {
  try {
    RunUntilClosed();
  } catch (const std::exception& error) {
    // No memory, most likely. Nobody may wait for an answer that never comes.
    inbox_->Close();
    Accept(inbox_->Take(/*wait=*/false));
    FinishAll(FinishReason::kError, base::Internal(std::string("the engine stopped: ") + error.what()));
    return;
  }
  FinishAll(FinishReason::kCancelled, base::Unavailable("the engine is shutting down"));
  if (spill_ != nullptr) spill_->SaveAll();
}

void EngineLoop::RunUntilClosed() {
  for (;;) {
    Inbox::Messages messages = inbox_->Take(/*wait=*/Waits());
    const bool closed = messages.closed;
    Accept(std::move(messages));
    if (closed) return;
    EndLateRequests();
    Step();
  }
}

bool EngineLoop::Waits() const {
  return std::ranges::all_of(requests_, [](const auto& item) { return item.second->sequence.held; });
}

void EngineLoop::Accept(Inbox::Messages messages) {
  for (auto& request : messages.requests) {
    scheduler_.Add(&request->sequence);
    if (spill_ != nullptr) spill_->Fetch(&request->sequence);
    const RequestId id = request->sequence.id;
    requests_.emplace(id, std::move(request));
  }
  for (const FetchedBlocks& fetched : messages.fetched) {
    const auto found = requests_.find(fetched.request);
    spill_->Import(fetched, found == requests_.end() ? nullptr : &found->second->sequence);
  }
  for (const RequestId id : messages.cancels) {
    const auto found = requests_.find(id);
    if (found != requests_.end()) Finish(found->second.get(), FinishReason::kCancelled, base::OkStatus());
  }
}

StepBudget EngineLoop::Budget() const {
  StepWork decodes = scheduler_.DecodeWork();
  const bool idle = decodes.tokens == 0;
  decodes.tokens += last_guesses_;
  const double around = cost_.Predict(decodes);  // what the step takes without a prompt
  const double target =
      StepTarget(idle ? options_.idle_step_target_ms : options_.step_target_ms, around, options_.max_step_ms);
  StepBudget budget;
  budget.tokens = options_.max_batch_tokens - last_guesses_;
  budget.work = kFirstSteps;
  if (cost_.known()) {
    budget.work = std::max((target - around) / cost_.per_token_ms(), static_cast<double>(model::kBlockTokens));
    budget.per_context = cost_.per_context_ms() / cost_.per_token_ms();
  }
  return budget;
}

void EngineLoop::Step() {
  if (Waits()) return;
  const StepPlan plan = scheduler_.Schedule(Budget());
  NoteStarts(plan);
  if (plan.pieces.empty()) {
    FinishAll(FinishReason::kError, base::Internal("the scheduler has requests but nothing to do"));
    return;
  }
  int guesses = 0;
  const StepShape shape = Speculate(plan, &guesses);
  last_guesses_ = guesses;
  BuildBatch(plan);
  const auto begin = Clock::now();
  const base::Result<model::ForwardResult> result = transformer_->Forward(batch_);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (!result.ok()) {
    for (const Piece& piece : plan.pieces) {
      Finish(Of(piece), FinishReason::kError, result.status().WithContext("computing a step"));
    }
    return;
  }
  const StepWork work = WorkOfBatch(batch_);
  cost_.Add(work, seconds * 1e3);
  TellCosts();
  metrics_.StepDone(static_cast<int>(plan.pieces.size()), work.tokens, seconds);
  for (const Piece& piece : plan.pieces) scheduler_.Computed(piece);
  std::vector<Sampled> sampled;
  std::vector<ActiveRequest*> embedded;
  UseRows(plan, *result, &sampled, &embedded);
  SampleAll(&sampled);
  speculator_.StepDone(shape, guesses, std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  Learn(sampled);
  PublishCounters();
  for (Sampled& item : sampled) Deliver(&item);
  for (ActiveRequest* request : embedded) DeliverEmbedding(request);
}

void EngineLoop::TellCosts() {
  const StepWork decodes = scheduler_.DecodeWork();
  if (decodes.tokens > 0) Approach(&answer_token_ms_, cost_.Predict(decodes) / decodes.tokens);
  admission_->SetCosts(cost_.per_token_ms(), answer_token_ms_, computed_share_);
}

void EngineLoop::EndLateRequests() {
  if (options_.request_timeout_s <= 0) return;
  const auto now = Clock::now();
  std::vector<ActiveRequest*> late;
  for (const auto& [id, request] : requests_) {
    if (std::chrono::duration<double>(now - request->arrival).count() > options_.request_timeout_s) {
      late.push_back(request.get());
    }
  }
  for (ActiveRequest* request : late) {
    Finish(request, FinishReason::kError,
           base::Status(base::StatusCode::kDeadlineExceeded,
                        "the request took longer than this server allows (--request-timeout)"));
  }
}

void EngineLoop::NoteStarts(const StepPlan& plan) {
  const auto now = Clock::now();
  for (const Sequence* sequence : plan.admitted) {
    ActiveRequest& request = *requests_.at(sequence->id);
    if (request.start != Clock::time_point()) continue;  // it comes back
    request.start = now;
    admission_->Started(&request.ticket);
    Approach(&computed_share_, 1.0 - static_cast<double>(sequence->cached_tokens) / sequence->prompt_tokens);
    metrics_.Started(request);
  }
  for (const Sequence* sequence : plan.preempted) {
    ActiveRequest& request = *requests_.at(sequence->id);
    // The one token whose state is the embedding goes back behind the others.
    if (request.embedding_listener == nullptr || options_.pooling != Pooling::kLast || request.last_token) continue;
    if (request.sequence.num_tokens() < 2) continue;
    request.last_token = request.sequence.tokens.back();
    request.sequence.tokens.pop_back();
  }
  counters_->preemptions.fetch_add(plan.preempted.size());
  metrics_.Preempted(plan.preempted.size());
  PublishCounters();
}

model::StepOutput EngineLoop::OutputOf(const Piece& piece) {
  const ActiveRequest& request = *Of(piece);
  if (request.embedding_listener != nullptr) {
    return request.last_token ? model::StepOutput::kNothing : model::StepOutput::kHiddenSum;
  }
  if (!request.step_tokens.empty()) return model::StepOutput::kAllLogits;
  return piece.completes ? model::StepOutput::kLastLogits : model::StepOutput::kNothing;
}

StepShape EngineLoop::Speculate(const StepPlan& plan, int* guesses) {
  StepShape shape;
  shape.tokens = WorkOf(plan).tokens;
  shape.room = options_.max_batch_tokens - shape.tokens;
  std::vector<DraftJob> jobs;
  std::int64_t available = pool_->available();
  for (const Piece& piece : plan.pieces) {
    ActiveRequest* request = Of(piece);
    Sequence& sequence = *piece.sequence;
    request->step_tokens.clear();
    if (piece.count != 1 || piece.first < sequence.prompt_tokens || request->listener == nullptr) {
      shape.has_prompt = true;
      continue;
    }
    ++shape.sequences;
    // The last token of an answer is never a guess, and guesses preempt nobody.
    int most = std::min(request->max_tokens - request->completion_tokens - 1, kMostDraftTokens);
    const int missing = BlocksFor(sequence.num_tokens() + most) - sequence.blocks.size();
    if (missing > available) {
      most = std::min(most, sequence.blocks.size() * model::kBlockTokens - sequence.num_tokens());
    } else {
      available -= std::max(missing, 0);
    }
    jobs.push_back(DraftJob{
        sequence.id, sequence.tokens, most, &*request->sampler, {}, request->matcher ? &*request->matcher : nullptr});
  }
  if (!speculator_.enabled() || jobs.empty()) return shape;
  speculator_.Choose(jobs, shape);
  for (const DraftJob& job : jobs) {
    if (job.draft.empty()) continue;
    ActiveRequest& request = *requests_.at(job.id);
    request.sequence.blocks.Cover(request.sequence.num_tokens() + static_cast<int>(job.draft.size()));
    request.step_tokens.push_back(request.sequence.tokens.back());
    for (const DraftToken& guess : job.draft) request.step_tokens.push_back(guess.token);
    *guesses += static_cast<int>(job.draft.size());
  }
  return shape;
}

void EngineLoop::BuildBatch(const StepPlan& plan) {
  batch_.clear();
  for (const Piece& piece : plan.pieces) {
    model::SequenceStep step;
    step.tokens = Of(piece)->step_tokens;
    if (step.tokens.empty()) {
      step.tokens = std::span<const TokenId>(piece.sequence->tokens)
                        .subspan(static_cast<std::size_t>(piece.first), static_cast<std::size_t>(piece.count));
    }
    step.position = piece.first;
    step.block_table = piece.sequence->blocks.blocks();
    step.output = OutputOf(piece);
    batch_.push_back(step);
  }
}

void EngineLoop::UseRows(const StepPlan& plan, const model::ForwardResult& result, std::vector<Sampled>* sampled,
                         std::vector<ActiveRequest*>* embedded) {
  const auto vocab = static_cast<std::size_t>(transformer_->spec().vocab_size);
  const auto width = static_cast<std::size_t>(transformer_->spec().embedding_length);
  std::size_t logit_row = 0;
  std::size_t hidden_row = 0;
  for (std::size_t i = 0; i < plan.pieces.size(); ++i) {
    const Piece& piece = plan.pieces[i];
    ActiveRequest* request = Of(piece);
    if (batch_[i].output == model::StepOutput::kHiddenSum) {
      AddHidden(request, piece, result.hidden.subspan(width * hidden_row++, width), embedded);
    } else if (batch_[i].output != model::StepOutput::kNothing) {
      const std::size_t rows = std::max<std::size_t>(request->step_tokens.size(), 1);
      const auto guesses = std::span<const TokenId>(request->step_tokens).last(rows - 1);
      sampled->push_back(Sampled{request, result.logits.subspan(vocab * logit_row, vocab * rows), guesses, {}, {}});
      logit_row += rows;
    } else if (request->last_token && piece.completes) {
      piece.sequence->tokens.push_back(*request->last_token);
      request->last_token.reset();
    }
  }
}

void EngineLoop::SampleAll(std::vector<Sampled>* sampled) {
  std::size_t logits = 0;
  for (const Sampled& item : *sampled) logits += item.logits.size();
  const bool alone = sampled->size() < 2 || logits < kSampleAloneBelow;
  team_.Run(static_cast<int>(sampled->size()), alone, [this, sampled](int index, SamplerScratch* scratch) {
    Sample(&(*sampled)[static_cast<std::size_t>(index)], scratch);
  });
}

void EngineLoop::Sample(Sampled* item, SamplerScratch* scratch) const {
  ActiveRequest& request = *item->request;
  const std::size_t vocab = item->logits.size() / (item->guesses.size() + 1);
  for (std::size_t row = 0; row <= item->guesses.size(); ++row) {
    const auto position = static_cast<std::uint64_t>(request.sequence.num_tokens()) + row;
    const auto mask = MaskOf(&request, vocab);
    item->status = mask.status();
    if (!mask.ok()) return;
    auto token = request.sampler->Sample(item->logits.subspan(row * vocab, vocab), position, scratch, *mask);
    item->status = token.status();
    if (!token.ok()) return;
    item->tokens.push_back(*std::move(token));
    const TokenId taken = item->tokens.back().token;
    if (Stops(request, taken)) return;
    request.sampler->Accept(taken);
    if (request.guard) request.guard->Accept(taken);
    if (request.matcher) {
      static_cast<void>(request.matcher->AcceptToken(taken));  // the mask allowed it
      item->complete = request.matcher->MustEnd();
      if (item->complete) return;
    }
    // The next row follows the guess: it says something only if that is what was taken.
    if (row < item->guesses.size() && item->guesses[row] != taken) return;
  }
}

base::Result<const grammar::TokenMask*> EngineLoop::MaskOf(ActiveRequest* request, std::size_t vocab_size) const {
  const std::optional<TokenId> forced = request->guard ? request->guard->Forced() : std::nullopt;
  if (forced && (!request->matcher || request->matcher->Allows(*forced))) {
    request->mask.Clear(vocab_size);
    request->mask.Allow(*forced);
    return &request->mask;
  }
  if (!request->matcher) return nullptr;
  base::Status status = request->matcher->FillMask(&request->mask);
  if (!status.ok()) return status;
  return &request->mask;
}

void EngineLoop::AddHidden(ActiveRequest* request, const Piece& piece, std::span<const float> row,
                           std::vector<ActiveRequest*>* embedded) {
  // A preempted one starts over.
  if (piece.first == 0) request->hidden.clear();
  request->hidden.resize(row.size(), 0.0);
  for (std::size_t i = 0; i < row.size(); ++i) request->hidden[i] += double{row[i]};
  if (piece.completes) embedded->push_back(request);
}

bool EngineLoop::Stops(const ActiveRequest& request, TokenId token) const {
  return (!request.ignore_eos && tokenizer_->IsEndOfGeneration(token)) ||
         std::ranges::find(request.stop_tokens, token) != request.stop_tokens.end();
}

void EngineLoop::Learn(const std::vector<Sampled>& sampled) {
  if (!speculator_.enabled()) return;
  std::vector<TokenId> taken;
  for (const Sampled& item : sampled) {
    taken.clear();
    for (const GeneratedToken& token : item.tokens) taken.push_back(token.token);
    speculator_.Learn(item.request->sequence.id, taken);
  }
  for (const DraftKind kind : {DraftKind::kLookup, DraftKind::kModel, DraftKind::kForced}) {
    const Speculator::Totals now = speculator_.totals(kind);
    Speculator::Totals& before = published_[static_cast<std::size_t>(kind)];
    metrics_.Speculated(kind, now.drafted - before.drafted, now.accepted - before.accepted);
    counters_->guessed_tokens.fetch_add(now.drafted - before.drafted);
    counters_->accepted_tokens.fetch_add(now.accepted - before.accepted);
    before = now;
  }
}

void EngineLoop::Deliver(Sampled* sampled) {
  ActiveRequest* request = sampled->request;
  bool first = true;
  for (const GeneratedToken& token : sampled->tokens) {
    if (!std::exchange(first, false)) scheduler_.Accepted(&request->sequence);
    if (!DeliverToken(request, token)) return;
  }
  if (!sampled->status.ok()) {
    Finish(request, FinishReason::kError, sampled->status);
  } else if (sampled->complete) {
    Finish(request, FinishReason::kStop, base::OkStatus());
  }
}

bool EngineLoop::DeliverToken(ActiveRequest* request, const GeneratedToken& token) {
  if (Stops(*request, token.token)) {
    Finish(request, FinishReason::kStop, base::OkStatus());
    return false;
  }
  const auto now = Clock::now();
  metrics_.Token(*request, now);
  if (request->completion_tokens == 0) request->first_token = now;
  request->last_time = now;
  request->sequence.tokens.push_back(token.token);
  ++request->completion_tokens;
  request->listener->OnToken(token);
  if (request->completion_tokens < request->max_tokens) return true;
  Finish(request, FinishReason::kLength, base::OkStatus());
  return false;
}

void EngineLoop::DeliverEmbedding(ActiveRequest* request) {
  const std::unique_ptr<ActiveRequest> done = TakeOut(request);
  done->embedding_listener->OnDone(Normalised(done->hidden));
}

std::unique_ptr<ActiveRequest> EngineLoop::TakeOut(ActiveRequest* request) {
  auto node = requests_.extract(request->sequence.id);
  scheduler_.Remove(&request->sequence);
  speculator_.Forget(request->sequence.id);
  admission_->Left(request->ticket, request->completion_tokens);
  PublishCounters();
  return std::move(node.mapped());
}

void EngineLoop::Finish(ActiveRequest* request, FinishReason reason, base::Status status) {
  const std::unique_ptr<ActiveRequest> done = TakeOut(request);
  if (done->embedding_listener != nullptr) {
    done->embedding_listener->OnDone(status.ok() ? base::Cancelled("cancelled") : std::move(status));
    return;
  }
  metrics_.Finished(*done, reason);
  FinishInfo info;
  info.reason = reason;
  if (reason == FinishReason::kError) info.status = std::move(status);
  info.prompt_tokens = done->sequence.prompt_tokens;
  info.cached_tokens = done->sequence.cached_tokens;
  info.completion_tokens = done->completion_tokens;
  done->listener->OnFinish(info);
}

void EngineLoop::FinishAll(FinishReason reason, const base::Status& status) {
  while (!requests_.empty()) Finish(requests_.begin()->second.get(), reason, status);
}

void EngineLoop::PublishCounters() {
  const int running = scheduler_.num_running();
  const int queued = admission_->queued();
  int preempted = 0;
  for (const auto& [id, request] : requests_) {
    if (request->start != Clock::time_point() && !request->sequence.running) ++preempted;
  }
  counters_->running.store(running);
  counters_->preempted_waiting.store(preempted);
  counters_->kv_blocks_used.store(pool_->used());
  if (cache_ != nullptr) metrics_.Cache(cache_->size(), cache_->evictions());
  metrics_.Levels(running, queued + preempted, pool_->used(), pool_->total());
}

}  // namespace bowhead::engine
