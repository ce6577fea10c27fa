#include "engine/logit_scan.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace bowhead::engine {
namespace {

// Four lanes: the widest vector that needs no instruction set beyond x86-64's own.
using F4 = float __attribute__((vector_size(16)));
using I4 = std::int32_t __attribute__((vector_size(16)));
constexpr std::size_t kLanes = 4;
constexpr std::size_t kUnroll = 4;
constexpr std::size_t kStride = kLanes * kUnroll;

F4 Load(const float* from) {
  F4 value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

F4 Splat(float value) {
  return F4{value, value, value, value};
}

/// e^x for x <= 0: 2^n · e^r with |r| <= ln2/2, a polynomial of degree 6 for e^r.
[[gnu::always_inline]] inline F4 Exp(F4 x) {
  const I4 in_range = x > Splat(-87.0F);
  x = in_range ? x : Splat(0.0F);
  const F4 rounder = Splat(12582912.0F);  // 1.5 * 2^23: adding it rounds to an integer
  const F4 n = (x * Splat(1.44269504F) + rounder) - rounder;
  const F4 r = (x - n * Splat(0.693359375F)) + n * Splat(2.12194440e-4F);
  F4 p = Splat(1.0F / 720);
  p = p * r + Splat(1.0F / 120);
  p = p * r + Splat(1.0F / 24);
  p = p * r + Splat(1.0F / 6);
  p = p * r + Splat(0.5F);
  p = p * r + Splat(1.0F);
  p = p * r + Splat(1.0F);
  const I4 exponent = __builtin_convertvector(n, I4) << 23;
  I4 bits;
  std::memcpy(&bits, &p, sizeof bits);
  bits = (bits + exponent) & in_range;
  F4 result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

void ExpBlock(const float* values, std::size_t count, float max, float scale, float* out) {
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    const F4 result = Exp((Load(values + i) - Splat(max)) * Splat(scale));
    std::memcpy(out + i, &result, sizeof result);
  }
  if (i == count) return;
  float rest[kLanes] = {max, max, max, max};
  std::memcpy(rest, values + i, (count - i) * sizeof(float));
  const F4 result = Exp((Load(rest) - Splat(max)) * Splat(scale));
  std::memcpy(out + i, &result, (count - i) * sizeof(float));
}

/// Largest first; of equal ones the lowest token.
bool Larger(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.token < b.token);
}

bool AnyAbove(const float* values, F4 threshold) {
  I4 above = Load(values) > threshold;
  for (std::size_t u = 1; u < kUnroll; ++u) above |= Load(values + u * kLanes) > threshold;
  return (above[0] | above[1] | above[2] | above[3]) != 0;
}

/// Calls visit(index) for every value above the current threshold(), in order, skipping dull stretches fast.
template <class Threshold, class Visit>
void VisitAbove(std::span<const float> values, Threshold threshold, Visit visit) {
  std::size_t i = 0;
  for (; i + kStride <= values.size(); i += kStride) {
    if (!AnyAbove(values.data() + i, Splat(threshold()))) continue;
    for (std::size_t j = i; j < i + kStride; ++j) {
      if (values[j] > threshold()) visit(j);
    }
  }
  for (; i < values.size(); ++i) {
    if (values[i] > threshold()) visit(i);
  }
}

Candidate MakeCandidate(std::span<const float> values, std::size_t index) {
  return Candidate{values[index], static_cast<std::int32_t>(index), 0};
}

}  // namespace

MaxScan ScanMax(std::span<const float> values) {
  MaxScan scan;
  scan.max = values[0];
  F4 max[kUnroll];
  F4 poison[kUnroll];  // stays 0 unless a value is NaN or infinite
  for (std::size_t u = 0; u < kUnroll; ++u) {
    max[u] = Splat(values[0]);
    poison[u] = Splat(0.0F);
  }
  std::size_t i = 0;
  for (; i + kStride <= values.size(); i += kStride) {
    for (std::size_t u = 0; u < kUnroll; ++u) {
      const F4 value = Load(values.data() + i + u * kLanes);
      max[u] = value > max[u] ? value : max[u];
      poison[u] += value * Splat(0.0F);
    }
  }
  float tail_poison = 0;
  for (; i < values.size(); ++i) {
    scan.max = std::max(scan.max, values[i]);
    tail_poison += values[i] * 0.0F;
  }
  for (std::size_t u = 0; u < kUnroll; ++u) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      scan.max = std::max(scan.max, max[u][lane]);
      tail_poison += poison[u][lane];
    }
  }
  scan.finite = tail_poison == 0.0F;
  if (scan.finite) {
    scan.index = static_cast<std::int32_t>(std::ranges::find(values, scan.max) - values.begin());
  }
  return scan;
}

void ExpAll(std::span<const float> values, float max, float scale, std::span<float> out) {
  ExpBlock(values.data(), values.size(), max, scale, out.data());
}

double SumExp(std::span<const float> values, float max, float scale, std::vector<double>* sums) {
  sums->clear();
  double total = 0;
  for (std::size_t begin = 0; begin < values.size(); begin += kSumBlock) {
    const std::size_t count = std::min(kSumBlock, values.size() - begin);
    const float* block = values.data() + begin;
    F4 lanes[kUnroll] = {};
    std::size_t i = 0;
    for (; i + kStride <= count; i += kStride) {
      for (std::size_t u = 0; u < kUnroll; ++u) {
        lanes[u] += Exp((Load(block + i + u * kLanes) - Splat(max)) * Splat(scale));
      }
    }
    double sum = 0;
    for (const F4& lane : lanes) sum += double{lane[0]} + double{lane[1]} + double{lane[2]} + double{lane[3]};
    float rest[kStride] = {};
    ExpBlock(block + i, count - i, max, scale, rest);
    for (std::size_t j = 0; j < count - i; ++j) sum += double{rest[j]};
    sums->push_back(sum);
    total += sum;
  }
  return total;
}

void CollectAtLeast(std::span<const float> values, float threshold, std::vector<Candidate>* out) {
  out->clear();
  const float below = std::nextafter(threshold, -std::numeric_limits<float>::infinity());
  VisitAbove(
      values, [below] { return below; }, [&](std::size_t index) { out->push_back(MakeCandidate(values, index)); });
}

void CollectLargest(std::span<const float> values, std::size_t count, std::vector<Candidate>* out) {
  out->clear();
  count = std::min(count, values.size());
  if (count == 0) return;
  // Keeps up to 2 · count + 64 of the largest so far. Indices rise, so a later value that equals the threshold loses.
  const std::size_t limit = 2 * count + 64;
  float threshold = -std::numeric_limits<float>::infinity();
  const auto cut = [&] {
    std::nth_element(out->begin(), out->begin() + static_cast<std::ptrdiff_t>(count - 1), out->end(), Larger);
    out->resize(count);
    threshold = (*out)[count - 1].logit;
  };
  VisitAbove(
      values, [&threshold] { return threshold; },
      [&](std::size_t index) {
        out->push_back(MakeCandidate(values, index));
        if (out->size() == limit) cut();
      });
  if (out->size() > count) cut();
}

}  // namespace bowhead::engine
