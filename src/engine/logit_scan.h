// Passes over a row of logits: plain loops over short vectors, so that a vocabulary of 262,144 takes tens of
// microseconds for a maximum and a few hundred for its exponentials. All of them give the same bits on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace bowhead::engine {

struct MaxScan {
  float max = 0;
  std::int32_t index = 0;  // the lowest one that has it
  bool finite = true;      // no NaN, no infinity; if false the rest means nothing
};

/// `values` is not empty.
MaxScan ScanMax(std::span<const float> values);

/// out[i] = exp((values[i] - max) * scale), relative error below 4e-7; 0 where the exponent is below -87. max is the
/// largest of the values, scale > 0. The sizes are equal.
void ExpAll(std::span<const float> values, float max, float scale, std::span<float> out);

/// Sums of exp((v - max) * scale) over blocks of kSumBlock values.
inline constexpr std::size_t kSumBlock = 1024;
/// Fills `*sums` with one sum per block and returns their total.
double SumExp(std::span<const float> values, float max, float scale, std::vector<double>* sums);

struct Candidate {
  float logit = 0;
  std::int32_t token = 0;
  float weight = 0;  // proportional to its probability
};

/// All values >= threshold as candidates in the order of their index (weight 0).
void CollectAtLeast(std::span<const float> values, float threshold, std::vector<Candidate>* out);

/// The `count` largest values (equal ones: the lowest indices first), in no particular order.
void CollectLargest(std::span<const float> values, std::size_t count, std::vector<Candidate>* out);

}  // namespace bowhead::engine
