// The step that top-p and typical sampling share: keep the best candidates until their probability is enough.
#pragma once

#include <vector>

#include "engine/logit_scan.h"

namespace bowhead::engine {

/// Keeps the shortest prefix of the candidates, ordered by ascending key (equal ones by token), whose weights add up to
/// at least `mass`; at least one, and all if they never do. keys[i] belongs to (*candidates)[i] and is finite. The
/// order of those that stay does not change. Linear time: buckets instead of a sort.
void KeepMassPrefix(const std::vector<float>& keys, double mass, std::vector<Candidate>* candidates);

}  // namespace bowhead::engine
