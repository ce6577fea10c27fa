#include "model/arch/attention_plan.h"

#include <algorithm>

#include "kernels/attention.h"

namespace bowhead::model {
namespace {

constexpr auto kChunkKeys = static_cast<std::int32_t>(kernels::kAttentionChunk);
constexpr std::int32_t kChunkBlocks = kChunkKeys / kBlockTokens;
constexpr auto kMostRows = static_cast<std::int32_t>(kTaskRows);
// Tasks that each thread should find, so that none waits long for the others.
constexpr std::int64_t kTasksPerThread = 8;
// Below this many rows a task waits for memory: its cost is that of the keys.
constexpr std::int64_t kRowsOfARead = 4;

// Chunks [first_chunk, last_chunk) that members [first, last) of `order` have in common.
struct SharedChunks {
  std::int32_t first = 0;
  std::int32_t last = 0;
  std::int32_t first_chunk = 0;
  std::int32_t last_chunk = 0;
};

class Planner {
 public:
  Planner(std::span<const SequenceStep> batch, const ModelSpec& spec, int threads, AttentionPlan& plan)
      : batch_(batch), spec_(spec), threads_(threads), plan_(plan), group_heads_(spec.num_heads / spec.num_kv_heads) {}

  void Plan() {
    CountTokens();
    ChooseHeads();
    for (std::size_t s = 0; s < batch_.size(); ++s) {
      const auto rows = static_cast<std::int64_t>(batch_[s].tokens.size()) * heads_;
      if (rows <= static_cast<std::int64_t>(kernels::kAttentionRows)) order_.push_back(static_cast<std::int32_t>(s));
    }
    FindShared(0, Size(order_), 0);
    for (std::int32_t kv = 0; kv < spec_.num_kv_heads; ++kv) {
      for (std::int32_t head = 0; head < group_heads_; head += heads_) AddGroups(kv, head);
    }
    Schedule(plan_.full, shared_tasks_, 0);
    if (spec_.sliding_window > 0) Schedule(plan_.windowed, {}, spec_.sliding_window);
  }

 private:
  template <class T>
  static std::int32_t Size(const std::vector<T>& v) {
    return static_cast<std::int32_t>(v.size());
  }
  [[nodiscard]] const SequenceStep& At(std::int32_t sequence) const {
    return batch_[static_cast<std::size_t>(sequence)];
  }
  // The chunk's blocks.
  [[nodiscard]] std::span<const std::int32_t> Blocks(std::int32_t member, std::int32_t chunk) const {
    const SequenceStep& sequence = At(order_[static_cast<std::size_t>(member)]);
    return sequence.block_table.subspan(static_cast<std::size_t>(chunk * kChunkBlocks), kChunkBlocks);
  }
  // A chunk can be shared if all of its keys were there before this step.
  [[nodiscard]] bool IsWhole(std::int32_t member, std::int32_t chunk) const {
    return At(order_[static_cast<std::size_t>(member)]).position >= (chunk + 1) * kChunkKeys;
  }

  void CountTokens() {
    std::int32_t tokens = 0;
    for (const SequenceStep& sequence : batch_) {
      first_token_.push_back(tokens);
      tokens += static_cast<std::int32_t>(sequence.tokens.size());
    }
  }

  // All heads of a group go together, so that they share their reads; with less work than threads each goes alone.
  void ChooseHeads() {
    std::int64_t chunks = 0;
    for (const SequenceStep& sequence : batch_) {
      const auto tokens = static_cast<std::int64_t>(sequence.tokens.size());
      chunks += tokens * ((sequence.position + tokens - 1) / kChunkKeys + 1);
    }
    const bool spread = chunks * spec_.num_kv_heads < 2 * threads_;
    heads_ = spread ? 1 : std::min<std::int32_t>(group_heads_, kernels::kAttentionRows);
  }

  // Sorts members [first, last) of order_, which have the chunks before `chunk` in common, so that those that share the
  // longest stand together.
  void FindShared(std::int32_t first, std::int32_t last, std::int32_t chunk) {
    if (last - first < 2) return;
    std::int32_t end = chunk;
    const auto all_share = [&] {
      if (!IsWhole(first, end)) return false;
      for (std::int32_t m = first + 1; m < last; ++m) {
        if (!IsWhole(m, end) || !std::ranges::equal(Blocks(m, end), Blocks(first, end))) return false;
      }
      return true;
    };
    while (all_share()) ++end;
    if (end > chunk) shared_.push_back({first, last, chunk, end});
    // Those for which the next chunk is not whole come last and share nothing more.
    const auto begin = order_.begin() + first;
    const auto middle = std::partition(begin, order_.begin() + last,
                                       [&](std::int32_t s) { return At(s).position >= (end + 1) * kChunkKeys; });
    const auto blocks = [&](std::int32_t s) {
      return At(s).block_table.subspan(static_cast<std::size_t>(end * kChunkBlocks), kChunkBlocks);
    };
    std::sort(begin, middle, [&](std::int32_t a, std::int32_t b) {
      return std::ranges::lexicographical_compare(blocks(a), blocks(b));
    });
    for (auto run = begin; run != middle;) {
      const auto next =
          std::find_if(run, middle, [&](std::int32_t s) { return !std::ranges::equal(blocks(s), blocks(*run)); });
      FindShared(static_cast<std::int32_t>(run - order_.begin()), static_cast<std::int32_t>(next - order_.begin()),
                 end);
      run = next;
    }
  }

  std::int32_t AddGroup(std::int32_t sequence, std::int32_t kv, std::int32_t head, std::int32_t begin,
                        std::int32_t end) {
    const std::int32_t first_row = Size(plan_.rows);
    const std::int32_t last_head = std::min(head + heads_, group_heads_);
    for (std::int32_t t = begin; t < end; ++t) {
      for (std::int32_t h = head; h < last_head; ++h) {
        plan_.rows.push_back({first_token_[static_cast<std::size_t>(sequence)] + t, kv * group_heads_ + h});
      }
    }
    plan_.groups.push_back({sequence, kv, first_row, Size(plan_.rows)});
    return Size(plan_.groups) - 1;
  }

  // The groups of heads [head, head + heads_) of a KV head, and the tasks over what decoding sequences share.
  void AddGroups(std::int32_t kv, std::int32_t head) {
    const std::int32_t base = Size(plan_.groups);
    for (const std::int32_t sequence : order_) {
      AddGroup(sequence, kv, head, 0, static_cast<std::int32_t>(At(sequence).tokens.size()));
    }
    for (const SharedChunks& shared : shared_) {
      for (std::int32_t first = base + shared.first; first < base + shared.last;) {
        std::int32_t last = first + 1;
        while (last < base + shared.last && RowsOf(first, last + 1) <= kMostRows) ++last;
        shared_tasks_.push_back({first, last, shared.first_chunk, shared.last_chunk, 0});
        first = last;
      }
    }
    const std::int32_t tokens = std::max(kMostRows / heads_, 1);
    for (std::size_t s = 0; s < batch_.size(); ++s) {
      const auto count = static_cast<std::int32_t>(batch_[s].tokens.size());
      if (std::int64_t{count} * heads_ <= static_cast<std::int64_t>(kernels::kAttentionRows)) continue;
      for (std::int32_t t = 0; t < count; t += tokens) {
        AddGroup(static_cast<std::int32_t>(s), kv, head, t, std::min(t + tokens, count));
      }
    }
  }

  [[nodiscard]] std::int32_t RowsOf(std::int32_t first_group, std::int32_t last_group) const {
    return plan_.groups[static_cast<std::size_t>(last_group) - 1].last_row -
           plan_.groups[static_cast<std::size_t>(first_group)].first_row;
  }
  [[nodiscard]] std::int32_t PositionOf(std::int32_t row) const {
    const QueryRow& query = plan_.rows[static_cast<std::size_t>(row)];
    const auto sequence = std::upper_bound(first_token_.begin(), first_token_.end(), query.token) - 1;
    return At(static_cast<std::int32_t>(sequence - first_token_.begin())).position + query.token - *sequence;
  }

  void Schedule(AttentionSchedule& schedule, std::vector<AttentionTask> tasks, std::int32_t window) const {
    std::vector<std::int32_t> shared_end(plan_.groups.size(), 0);
    for (const AttentionTask& task : tasks) {
      for (std::int32_t g = task.first_group; g < task.last_group; ++g) {
        shared_end[static_cast<std::size_t>(g)] = task.last_chunk;
      }
    }
    schedule.groups.resize(plan_.groups.size());
    for (std::int32_t g = 0; g < Size(plan_.groups); ++g) {
      const AttentionGroup& group = plan_.groups[static_cast<std::size_t>(g)];
      GroupSchedule& chunks = schedule.groups[static_cast<std::size_t>(g)];
      const std::int32_t first_key = window > 0 ? std::max(PositionOf(group.first_row) + 1 - window, 0) : 0;
      chunks.first_chunk = first_key / kChunkKeys;
      chunks.last_chunk = PositionOf(group.last_row - 1) / kChunkKeys + 1;
      const std::int32_t first = std::max(shared_end[static_cast<std::size_t>(g)], chunks.first_chunk);
      tasks.push_back({g, g + 1, first, chunks.last_chunk, 0});
    }
    std::int64_t total = 0;
    for (const AttentionTask& task : tasks) total += CostOf(task);
    const std::int64_t most = std::max<std::int64_t>(total / (kTasksPerThread * threads_), 1);
    for (const AttentionTask& task : tasks) Split(task, most, schedule);
    CountResults(schedule);
    std::stable_sort(schedule.tasks.begin(), schedule.tasks.end(),
                     [](const AttentionTask& a, const AttentionTask& b) { return a.cost > b.cost; });
  }

  [[nodiscard]] std::int64_t CostOf(const AttentionTask& task) const {
    return std::max<std::int64_t>(RowsOf(task.first_group, task.last_group), kRowsOfARead) *
           (task.last_chunk - task.first_chunk);
  }

  // Cuts a task into parts that cost about `most`.
  void Split(const AttentionTask& task, std::int64_t most, AttentionSchedule& schedule) const {
    const std::int64_t chunks = task.last_chunk - task.first_chunk;
    const std::int64_t parts = std::clamp<std::int64_t>((CostOf(task) + most - 1) / most, 1, chunks);
    for (std::int64_t i = 0; i < parts; ++i) {
      AttentionTask part = task;
      part.first_chunk = task.first_chunk + static_cast<std::int32_t>(chunks * i / parts);
      part.last_chunk = task.first_chunk + static_cast<std::int32_t>(chunks * (i + 1) / parts);
      part.cost = CostOf(part);
      for (std::int32_t g = part.first_group; g < part.last_group; ++g) {
        GroupSchedule& group = schedule.groups[static_cast<std::size_t>(g)];
        ++group.tasks;
        if (part.first_chunk == group.first_chunk) group.first_end = part.last_chunk;
      }
      schedule.tasks.push_back(part);
    }
  }

  void CountResults(AttentionSchedule& schedule) const {
    for (std::size_t g = 0; g < plan_.groups.size(); ++g) {
      GroupSchedule& group = schedule.groups[g];
      if (group.tasks == 1) continue;
      group.first_result = schedule.num_results;
      const auto rows = static_cast<std::size_t>(plan_.groups[g].last_row - plan_.groups[g].first_row);
      schedule.num_results += rows * group.results();
    }
  }

  const std::span<const SequenceStep> batch_;
  const ModelSpec& spec_;
  const int threads_;
  AttentionPlan& plan_;
  const std::int32_t group_heads_;
  std::int32_t heads_ = 1;                 // of one group
  std::vector<std::int32_t> first_token_;  // by sequence
  std::vector<std::int32_t> order_;        // sequences with few rows
  std::vector<SharedChunks> shared_;
  std::vector<AttentionTask> shared_tasks_;
};

}  // namespace

void PlanAttention(std::span<const SequenceStep> batch, const ModelSpec& spec, int threads, AttentionPlan& plan) {
  plan.rows.clear();
  plan.groups.clear();
  for (AttentionSchedule* schedule : {&plan.full, &plan.windowed}) {
    schedule->groups.clear();
    schedule->tasks.clear();
    schedule->num_results = 0;
  }
  Planner(batch, spec, threads, plan).Plan();
}

}  // namespace bowhead::model
