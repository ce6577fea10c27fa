#include "base/scheduling.h"

#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace bowhead::base {
namespace {

/// The first version of the kernel's struct sched_attr (sched_setattr(2)); the C library has none yet.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime_ns = 0;
  std::uint64_t deadline_ns = 0;
  std::uint64_t period_ns = 0;
};

constexpr std::uint64_t kShortTurnNs = 100'000;  // the least that EEVDF takes

}  // namespace

void PreferShortTurns() {
  SchedulingAttributes attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0U) != 0) return;
  if (attributes.policy != 0) return;  // someone chose a policy for us
  attributes.size = sizeof(attributes);
  attributes.runtime_ns = kShortTurnNs;
  syscall(SYS_sched_setattr, 0, &attributes, 0U);
}

}  // namespace bowhead::base
