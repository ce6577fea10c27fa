// Bit mixing for hashes and for the sampler's random numbers.
#pragma once

#include <cstdint>

namespace bowhead::engine {

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): a bijection whose output bits each depend on every input bit.
constexpr std::uint64_t MixBits(std::uint64_t value) {
  value += 0x9E3779B97F4A7C15ULL;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9ULL;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBULL;
  return value ^ (value >> 31);
}

/// A number in [0, 1) with 53 random bits that depends on nothing but a seed and a position.
constexpr double UniformAt(std::uint64_t seed, std::uint64_t position) {
  return static_cast<double>(MixBits(MixBits(seed) ^ MixBits(~position)) >> 11) * 0x1.0p-53;
}

}  // namespace bowhead::engine
