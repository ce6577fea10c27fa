// What a thread asks of the kernel's scheduler.
#pragma once

namespace bowhead::base {

/// Asks for short turns on the processor for the calling thread. Such a thread comes on soon after it wakes, beside
/// threads that compute, and still gets no more than its share. For threads that do little and are waited for. Where
/// the kernel knows no turns of one's own (Linux before 6.12), nothing changes.
void PreferShortTurns();

}  // namespace bowhead::base
