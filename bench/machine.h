// Probes of what the machine can do at best, for the programs of this folder: threads started together, instruction
// chains without memory, reads. x86-64 only, without any of Bowhead's libraries (roofline.cc is built alone).
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace machine {

using Clock = std::chrono::steady_clock;

inline double Seconds(Clock::time_point from) {
  return std::chrono::duration<double>(Clock::now() - from).count();
}

/// Keeps a value alive without storing it anywhere that costs.
template <typename T>
void Keep(T& value) {
  asm volatile("" : "+x"(value));
}

/// Runs `work(thread)` on that many threads at once, started together; returns the seconds until the last one is done.
template <typename Work>
double Together(int threads, Work work) {
  std::atomic<int> waiting{threads};
  std::vector<double> seconds(static_cast<std::size_t>(threads));
  std::vector<std::thread> team;
  for (int t = 0; t < threads; ++t) {
    team.emplace_back([&, t] {
      waiting.fetch_sub(1);
      while (waiting.load() > 0) {
      }
      const Clock::time_point start = Clock::now();
      work(t);
      seconds[static_cast<std::size_t>(t)] = Seconds(start);
    });
  }
  for (std::thread& thread : team) thread.join();
  return *std::max_element(seconds.begin(), seconds.end());
}

// Sixteen independent accumulators hide the latency of vpdpbusd on every core that has it. The instruction is written
// out, on start values that the compiler cannot know: it would compute equal chains once and copy them.
inline __attribute__((target("avx512f,avx512vnni"))) void Int8Products512(std::int64_t rounds) {
  __m512i sum[16] = {};
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) Keep(sum[j]);
  const __m512i a = _mm512_set1_epi8(3);
  const __m512i b = _mm512_set1_epi8(5);
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < 16; ++j) asm volatile("vpdpbusd %1, %2, %0" : "+v"(sum[j]) : "v"(a), "v"(b));
  }
}

// The same for vdpbf16ps: 16 lanes of two products each.
inline __attribute__((target("avx512f,avx512bf16"))) void Bf16Products512(std::int64_t rounds) {
  __m512 sum[16] = {};
#pragma GCC unroll 16
  for (int j = 0; j < 16; ++j) Keep(sum[j]);
  const __m512i ones = _mm512_set1_epi16(0x3F80);
  for (std::int64_t i = 0; i < rounds; ++i) {
#pragma GCC unroll 16
    for (int j = 0; j < 16; ++j) asm volatile("vdpbf16ps %1, %1, %0" : "+v"(sum[j]) : "v"(ones));
  }
}

/// Tera-operations per second (a product and its addition are two) of sixteen chains of instructions with
/// `products` products each, on that many threads.
inline double ProductRate(void (*chains)(std::int64_t), int products, int threads) {
  constexpr std::int64_t kRounds = 10'000'000;
  double best = 0;
  for (int i = 0; i < 3; ++i) {
    const double seconds = Together(threads, [&](int) { chains(kRounds); });
    best = std::max(best, static_cast<double>(kRounds) * 16 * products * 2 * threads / seconds / 1e12);
  }
  return best;
}

/// 0 without AVX-512 VNNI.
inline double Int8Rate(int threads) {
  return __builtin_cpu_supports("avx512vnni") == 0 ? 0 : ProductRate(Int8Products512, 64, threads);
}

/// 0 without AVX-512 BF16.
inline double Bf16Rate(int threads) {
  return __builtin_cpu_supports("avx512bf16") == 0 ? 0 : ProductRate(Bf16Products512, 32, threads);
}

}  // namespace machine
