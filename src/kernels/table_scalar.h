// The scalar twin: every kernel in plain C++, for machines without vector extensions and as the tests' second opinion.
#pragma once

#include "kernels/dispatch.h"

namespace bowhead::kernels::scalar {

extern const KernelTable kTable;

}  // namespace bowhead::kernels::scalar
