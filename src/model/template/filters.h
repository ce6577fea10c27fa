// The tables of filters, by theme.
#pragma once

#include <vector>

#include "model/template/runtime.h"

namespace bowhead::model {

const std::vector<Filter>& TextFilters();
const std::vector<Filter>& NumberFilters();
const std::vector<Filter>& SequenceFilters();

}  // namespace bowhead::model
