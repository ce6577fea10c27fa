// What this machine can do at best, for the same run as the engines: read bandwidth, int8 and BF16 products, clock.
// Prints JSON.
//   g++ -std=c++20 -O2 -pthread bench/roofline.cc -o roofline && ./roofline [--threads N] [--mib N]
#include <immintrin.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "machine.h"

namespace {

using machine::Clock;
using machine::Keep;
using machine::Seconds;
using machine::Together;

// Eight 512-bit loads in flight per step: what a GEMV's weight stream looks like at best.
__attribute__((target("avx512f"))) void Read512(const std::byte* data, std::size_t bytes) {
  __m512i sum[8] = {};
  for (std::size_t i = 0; i < bytes; i += 512) {
    for (std::size_t j = 0; j < 8; ++j) sum[j] = _mm512_xor_si512(sum[j], _mm512_load_si512(data + i + 64 * j));
  }
  for (__m512i& s : sum) Keep(s);
}

__attribute__((target("avx2"))) void Read256(const std::byte* data, std::size_t bytes) {
  __m256i sum[8] = {};
  for (std::size_t i = 0; i < bytes; i += 256) {
    for (std::size_t j = 0; j < 8; ++j) {
      sum[j] = _mm256_xor_si256(sum[j], _mm256_load_si256(reinterpret_cast<const __m256i*>(data + i + 32 * j)));
    }
  }
  for (__m256i& s : sum) Keep(s);
}

/// GB/s of the best of five reads by that many threads.
double ReadBandwidth(const std::byte* arena, std::size_t bytes, int threads) {
  const bool wide = __builtin_cpu_supports("avx512f") != 0;
  const std::size_t part = bytes / static_cast<std::size_t>(threads) / 4096 * 4096;
  double best = 0;
  for (int i = 0; i < 5; ++i) {
    const double seconds =
        Together(threads, [&](int t) { (wide ? Read512 : Read256)(arena + part * static_cast<std::size_t>(t), part); });
    best = std::max(best, static_cast<double>(part) * threads / seconds / 1e9);
  }
  return best;
}

/// GHz: additions that wait for each other take one cycle each.
double ClockRate() {
  constexpr std::int64_t kRounds = 100'000'000;
  std::int64_t value = 1;
  const Clock::time_point start = Clock::now();
  for (std::int64_t i = 0; i < kRounds; ++i) {
    asm volatile("add $1, %0\n\tadd $1, %0\n\tadd $1, %0\n\tadd $1, %0" : "+r"(value));
  }
  return static_cast<double>(kRounds) * 4 / Seconds(start) / 1e9;
}

/// Nanoseconds from one thread's store to the other's answer and back.
double RoundTripNs() {
  constexpr int kRounds = 200'000;
  std::atomic<int> turn{0};
  const double seconds = Together(2, [&](int t) {
    for (int i = 0; i < kRounds; ++i) {
      while (turn.load(std::memory_order_acquire) != t) {
      }
      turn.store(1 - t, std::memory_order_release);
    }
  });
  return seconds / kRounds * 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  int max_threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  std::size_t mib = 1024;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string_view(argv[i]) == "--threads") max_threads = std::max(1, std::atoi(argv[i + 1]));
    if (std::string_view(argv[i]) == "--mib") mib = static_cast<std::size_t>(std::max(16, std::atoi(argv[i + 1])));
  }
  const std::size_t bytes = mib << 20;
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::fprintf(stderr, "roofline: no %zu MiB of memory; use --mib\n", mib);
    return 1;
  }
  madvise(memory, bytes, MADV_HUGEPAGE);
  std::byte* arena = static_cast<std::byte*>(memory);
  for (std::size_t i = 0; i < bytes; i += 64) arena[i] = static_cast<std::byte>(i >> 6);

  std::printf("{\"ghz\": %.3f, \"round_trip_ns\": %.0f", ClockRate(), max_threads > 1 ? RoundTripNs() : 0.0);
  for (const int threads : {1, max_threads}) {
    std::printf(", \"read_gbps_%d\": %.2f, \"int8_tops_%d\": %.3f, \"bf16_tflops_%d\": %.3f", threads,
                ReadBandwidth(arena, bytes, threads), threads, machine::Int8Rate(threads), threads,
                machine::Bf16Rate(threads));
    if (threads == max_threads) break;
  }
  std::printf("}\n");
  return 0;
}
