// Measures peak multiply-adds and memory bandwidth, each as the best of several short runs.  Contract: roofline.h.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/roofline.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "bench/roofline.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Two units with a latency of 4 to 5 cycles: ten independent chains keep both busy, and fit the 16 registers of AVX2.
constexpr int kChains = 10;

/// Does `rounds` rounds of multiply-adds and returns the number of flops. Writing to `sink` keeps the compiler from removing the loop.
double multiply_add(int64_t rounds, float* sink) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.999f), term = hn::Set(d, 0.001f);
  auto a0 = hn::Set(d, 0.1f), a1 = hn::Set(d, 0.2f), a2 = hn::Set(d, 0.3f), a3 = hn::Set(d, 0.4f), a4 = hn::Set(d, 0.5f);
  auto a5 = hn::Set(d, 0.6f), a6 = hn::Set(d, 0.7f), a7 = hn::Set(d, 0.8f), a8 = hn::Set(d, 0.9f), a9 = hn::Set(d, 1.0f);
  for (int64_t round = 0; round < rounds; ++round) {
    a0 = hn::MulAdd(a0, factor, term), a1 = hn::MulAdd(a1, factor, term);
    a2 = hn::MulAdd(a2, factor, term), a3 = hn::MulAdd(a3, factor, term);
    a4 = hn::MulAdd(a4, factor, term), a5 = hn::MulAdd(a5, factor, term);
    a6 = hn::MulAdd(a6, factor, term), a7 = hn::MulAdd(a7, factor, term);
    a8 = hn::MulAdd(a8, factor, term), a9 = hn::MulAdd(a9, factor, term);
  }
  const auto low = hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), a4);
  const auto high = hn::Add(hn::Add(hn::Add(a5, a6), hn::Add(a7, a8)), a9);
  *sink = hn::GetLane(hn::Add(low, high));
  return 2.0 * kChains * static_cast<double>(rounds) * static_cast<double>(hn::Lanes(d));
}

void triad(float* a, const float* b, const float* c, int64_t count) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto factor = hn::Set(d, 3.0f);
  for (int64_t i = 0; i < count; i += lanes) hn::Stream(hn::MulAdd(factor, hn::Load(d, c + i), hn::Load(d, b + i)), d, a + i);
}

}  // namespace mcnn::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <hwy/aligned_allocator.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <vector>

namespace mcnn::bench {
HWY_EXPORT(multiply_add);
HWY_EXPORT(triad);

namespace {

/// Runs work(thread) on all threads at once, several times; returns the shortest time in seconds.
template <class Work>
double best_seconds(int threads, const Work& work) {
  double best = 1e30;
  for (int run = 0; run < 7; ++run) {
    const auto begin = std::chrono::steady_clock::now();
#pragma omp parallel num_threads(threads)
    work(omp_get_thread_num());
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  return best;
}

}  // namespace

Roofline measure_roofline(int threads) {
  const auto count = static_cast<std::size_t>(threads);
  std::vector<double> flops(count * 8);
  std::vector<float> sinks(count * 16);  // a cache line each
  constexpr int64_t kRounds = 4'000'000;
  const double compute = best_seconds(threads, [&](int t) {
    flops[static_cast<std::size_t>(t) * 8] = HWY_DYNAMIC_DISPATCH(multiply_add)(kRounds, &sinks[static_cast<std::size_t>(t) * 16]);
  });
  double total = 0;
  for (const double f : flops) total += f;

  constexpr int64_t kFloats = 1 << 24;  // 64 MiB per array and thread
  const auto all = static_cast<std::size_t>(kFloats) * count;
  const auto a = hwy::AllocateAligned<float>(all), b = hwy::AllocateAligned<float>(all), c = hwy::AllocateAligned<float>(all);
#pragma omp parallel num_threads(threads)  // each thread touches its own pages first
  {
    const int64_t from = omp_get_thread_num() * kFloats;
    for (auto* array : {a.get(), b.get(), c.get()}) std::fill_n(array + from, kFloats, 1.0f);
  }
  const double memory = best_seconds(threads, [&](int t) {
    const int64_t from = t * kFloats;
    HWY_DYNAMIC_DISPATCH(triad)(a.get() + from, b.get() + from, c.get() + from, kFloats);
  });
  return {total / compute, 3.0 * sizeof(float) * static_cast<double>(all) / memory};
}

}  // namespace mcnn::bench
#endif
