#include "grammar/matcher.h"

#include <array>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "grammar/stack_machine.h"

namespace bowhead::grammar {
namespace {

using SetId = StackMachine::SetId;

base::Status TooAmbiguous() {
  return base::ResourceExhausted("the constraint is too ambiguous at this place of the text; simplify the grammar");
}

}  // namespace

/// What a Constraint has learned so far. Its members are used under `mutex`.
class ConstraintTables {
 public:
  ConstraintTables(std::shared_ptr<const Program> program, std::shared_ptr<const TokenTrie> token_trie)
      : machine(std::move(program)), trie(std::move(token_trie)) {}

  /// Leaves the tokens that may follow `set` in `mask`.
  void FillMask(SetId set, TokenMask& mask) {
    if (const auto it = masks_.find(set); it != masks_.end()) {
      if (it->second.is_short) {
        mask.Clear(trie->vocab_size());
        for (const model::TokenId token : it->second.tokens) mask.Allow(token);
      } else {
        mask = it->second.mask;
      }
      return;
    }
    Compute(set, mask);
    Remember(set, mask);
  }

  [[nodiscard]] std::size_t Bytes() const { return machine.bytes() + mask_bytes_; }

  std::mutex mutex;
  StackMachine machine;
  const std::shared_ptr<const TokenTrie> trie;

 private:
  struct Known {
    bool is_short = false;
    std::vector<model::TokenId> tokens;
    TokenMask mask;
  };
  static constexpr std::size_t kShort = 256;
  static constexpr std::size_t kMaxMaskBytes = std::size_t{24} << 20U;

  void Compute(SetId set, TokenMask& mask) {
    mask.Clear(trie->vocab_size());
    const StackMachine::PlainRoom room = machine.FindPlainRoom(set);
    if (room.characters > 0) mask.AllowAllOf(trie->PlainUpTo(room.characters));
    const bool all_plain = room.characters > 0 && (room.all_known || room.characters >= TokenTrie::kMaxPlainLength);
    if (!all_plain) Walk(trie->plain(), set, mask);
    Walk(trie->others(), set, mask);
    trie->AllowTwins(mask);
    if (machine.Accepts(set)) {
      for (const model::TokenId token : trie->end_tokens()) mask.Allow(token);
    }
  }

  void Walk(const std::vector<TokenTrie::Node>& nodes, SetId from, TokenMask& mask) {
    std::array<SetId, TokenTrie::kMaxTokenBytes + 1> path;
    path[0] = from;
    for (std::size_t i = 0; i < nodes.size();) {
      const TokenTrie::Node& node = nodes[i];
      const SetId set = machine.Step(path[node.depth - 1U], node.byte);
      if (set == StackMachine::kDead) {
        i += node.size;
        continue;
      }
      path[node.depth] = set;
      if (node.token >= 0) mask.Allow(node.token);
      ++i;
    }
  }

  void Remember(SetId set, const TokenMask& mask) {
    if (mask_bytes_ > kMaxMaskBytes) {
      masks_.clear();
      mask_bytes_ = 0;
    }
    Known known;
    known.is_short = mask.Count() <= kShort;
    if (known.is_short) {
      mask.ForEach([&known](model::TokenId token) { known.tokens.push_back(token); });
    } else {
      known.mask = mask;
    }
    mask_bytes_ += sizeof(Known) + 64 + known.tokens.size() * sizeof(model::TokenId) + known.mask.words().size() * 8;
    masks_.emplace(set, std::move(known));
  }

  std::unordered_map<SetId, Known> masks_;
  std::size_t mask_bytes_ = 0;
};

struct Constraint::Impl {
  std::shared_ptr<const Grammar> grammar;
  std::shared_ptr<const TokenTrie> trie;
  std::mutex mutex;
  std::shared_ptr<ConstraintTables> tables;
};

Constraint::Constraint(std::shared_ptr<const Grammar> grammar, std::shared_ptr<const TokenTrie> trie)
    : impl_(std::make_unique<Impl>()) {
  impl_->grammar = std::move(grammar);
  impl_->trie = std::move(trie);
}

Constraint::~Constraint() = default;

std::shared_ptr<Constraint> Constraint::Create(std::shared_ptr<const Grammar> grammar,
                                               std::shared_ptr<const TokenTrie> trie) {
  return std::shared_ptr<Constraint>(new Constraint(std::move(grammar), std::move(trie)));
}

std::shared_ptr<ConstraintTables> Constraint::Tables() {
  const std::lock_guard lock(impl_->mutex);
  bool full = impl_->tables == nullptr;
  if (!full) {
    const std::lock_guard tables_lock(impl_->tables->mutex);
    full = impl_->tables->Bytes() > kMaxTableBytes || impl_->tables->machine.overflow();
  }
  if (full) impl_->tables = std::make_shared<ConstraintTables>(impl_->grammar->program(), impl_->trie);
  return impl_->tables;
}

std::size_t Constraint::TableBytes() const {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->tables == nullptr) return 0;
  const std::lock_guard tables_lock(impl_->tables->mutex);
  return impl_->tables->Bytes();
}

Matcher::Matcher(std::shared_ptr<Constraint> constraint)
    : constraint_(std::move(constraint)), tables_(constraint_->Tables()) {
  place_.set = tables_->machine.start();
}

bool Matcher::Advance(Place& place, std::uint8_t byte) const {
  StackMachine& machine = tables_->machine;
  const bool in_key = machine.InKey(place.set);
  const SetId next = machine.Step(place.set, byte);
  if (next == StackMachine::kDead) return false;
  place.set = next;
  if (!in_key) return true;
  if (machine.InKey(next)) {
    place.key.push_back(static_cast<char>(byte));
  } else {
    place.set = machine.NameKey(next, place.key);
    place.key.clear();
  }
  return true;
}

bool Matcher::Accept(std::string_view bytes) {
  {
    const std::lock_guard lock(tables_->mutex);
    Place place = place_;
    for (const char c : bytes) {
      if (!Advance(place, static_cast<std::uint8_t>(c))) return false;
    }
    place_ = std::move(place);
  }
  LeaveFullTables();
  return true;
}

void Matcher::LeaveFullTables() {
  // A long text with counts or many keys fills the tables by itself: take the place along into new ones.
  {
    const std::lock_guard lock(tables_->mutex);
    if (tables_->Bytes() <= 2 * Constraint::kMaxTableBytes) return;
  }
  const std::shared_ptr<ConstraintTables> fresh = constraint_->Tables();
  if (fresh == tables_) return;
  const std::scoped_lock lock(tables_->mutex, fresh->mutex);
  place_.set = tables_->machine.CopyTo(fresh->machine, place_.set);
  tables_ = fresh;
}

bool Matcher::AcceptToken(model::TokenId token) {
  const TokenTrie& trie = *tables_->trie;
  if (trie.IsEnd(token)) return CanEnd();
  const std::string_view mark = trie.MarkBytes(token);
  if (!mark.empty() && Accept(mark)) return true;
  const std::string_view bytes = trie.TokenBytes(token);
  return !bytes.empty() && Accept(bytes);
}

std::size_t Matcher::CountAcceptable(std::string_view bytes) const {
  const std::lock_guard lock(tables_->mutex);
  Place place = place_;
  std::size_t count = 0;
  while (count < bytes.size() && Advance(place, static_cast<std::uint8_t>(bytes[count]))) ++count;
  return count;
}

bool Matcher::CanEnd() const {
  const std::lock_guard lock(tables_->mutex);
  return tables_->machine.Accepts(place_.set);
}

bool Matcher::MustEnd() const {
  const std::lock_guard lock(tables_->mutex);
  return tables_->machine.Accepts(place_.set) && tables_->machine.items(place_.set).size() == 1;
}

std::string Matcher::ForcedBytes(std::size_t max_bytes) const {
  const std::lock_guard lock(tables_->mutex);
  StackMachine& machine = tables_->machine;
  const Program& program = machine.program();
  std::string forced;
  Place place = place_;
  while (forced.size() < max_bytes && !machine.Accepts(place.set)) {
    int choices = 0;
    std::uint8_t byte = 0;
    for (std::size_t c = 0; c < program.num_classes() && choices < 2; ++c) {
      if (machine.Step(place.set, program.ByteOfClass(c)) == StackMachine::kDead) continue;
      choices += program.SizeOfClass(c);
      byte = program.ByteOfClass(c);
    }
    const bool mark = byte == static_cast<std::uint8_t>(TokenTrie::kMarkByte);  // a token, no text
    if (choices != 1 || mark || !Advance(place, byte)) break;
    forced.push_back(static_cast<char>(byte));
  }
  return forced;
}

base::Status Matcher::FillMask(TokenMask* mask) {
  const std::lock_guard lock(tables_->mutex);
  tables_->FillMask(place_.set, *mask);
  if (tables_->machine.overflow()) {
    mask->Clear(tables_->trie->vocab_size());
    return TooAmbiguous();
  }
  for (const std::uint64_t word : mask->words()) {
    if (word != 0) return base::OkStatus();
  }
  return base::FailedPrecondition("no token of the model's vocabulary can continue the constrained text");
}

bool Matcher::Allows(model::TokenId token) const {
  const TokenTrie& trie = *tables_->trie;
  if (trie.IsEnd(token)) return CanEnd();
  const std::string_view mark = trie.MarkBytes(token);
  if (!mark.empty() && CountAcceptable(mark) == mark.size()) return true;
  const std::string_view bytes = trie.TokenBytes(token);
  return !bytes.empty() && CountAcceptable(bytes) == bytes.size();
}

base::Status Matcher::status() const {
  const std::lock_guard lock(tables_->mutex);
  return tables_->machine.overflow() ? TooAmbiguous() : base::OkStatus();
}

}  // namespace bowhead::grammar
