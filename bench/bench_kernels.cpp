// Times the operations on the very cases that the tests compare with ref, or on the shapes of a network.
//   bench_kernels --model b4 --batch 32 --benchmark_filter=depthwise
// Per case: time, GB/s (inputs and outputs, each counted once), GFLOP/s (multiply-adds of convolutions and products) and
// the share of the roofline: the least time the measured peak and bandwidth allow, over the time taken.
// Cache state: each call works on the same tensors as the last. What fits a cache is read from it, so small cases may
// pass 100% of a roofline whose bandwidth is memory's; tensors larger than the caches come from memory.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <thread>

#include "bench/model_cases.h"
#include "bench/roofline.h"
#include "tests/cases/cases.h"

namespace mcnn::bench {
namespace {

/// A case with its tensors made. Google Benchmark calls a benchmark several times: the tensors stay for the next call.
struct Prepared {
  const cases::Case* row;
  cases::Workspace workspace;
  cases::Run run;
  Prepared(Ops& ops, const cases::Case& c) : row(&c), workspace(ops, DType::f32, DType::f32), run(c.prepare(workspace)) {
    ops.begin_step(c.step);
    run(ops);  // first touch of the outputs, scratch memory, threads
  }
};

void time_case(benchmark::State& state, Ops& ops, const cases::Case& row, const Roofline& roofline) {
  static std::unique_ptr<Prepared> prepared;
  if (!prepared || prepared->row != &row) {
    prepared.reset();
    prepared = std::make_unique<Prepared>(ops, row);
  }
  double total = 0;
  for (auto iteration : state) {
    (void)iteration;
    const auto begin = std::chrono::steady_clock::now();
    prepared->run(ops);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    state.SetIterationTime(seconds);
    total += seconds;
  }
  const double seconds = total / static_cast<double>(state.iterations()), bytes = prepared->workspace.total_bytes();
  state.counters["GB/s"] = bytes / seconds / 1e9;
  if (row.flops > 0) state.counters["GFLOP/s"] = row.flops / seconds / 1e9;
  state.counters["roofline%"] = 100 * roofline.seconds(row.flops, bytes) / seconds;
}

int run(int argc, char** argv) {
  CLI::App app("Times the engine's operations. Flags of Google Benchmark (--benchmark_filter=...) are understood too.");
  std::string model;
  int64_t batch = 32, resolution = 224;
  int threads = 0;
  app.add_option("--model", model, "shapes of this network (b0-b7, lite0-4); default: the tests' cases");
  app.add_option("--batch", batch)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--res", resolution, "image height and width")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--threads", threads, "0: one per core")->capture_default_str();
  app.allow_extras();
  CLI11_PARSE(app, argc, argv);

  const std::vector<std::string> extras = app.remaining();
  std::vector<char*> rest = {argv[0]};
  for (const std::string& extra : extras) rest.push_back(const_cast<char*>(extra.c_str()));
  int rest_count = static_cast<int>(rest.size());
  benchmark::Initialize(&rest_count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(rest_count, rest.data())) return 1;

  const auto ops = make_cpu_ops(threads);
  const Roofline roofline = measure_roofline(threads > 0 ? threads : static_cast<int>(std::thread::hardware_concurrency()));
  std::cout << fmt::format("backend: {}\nroofline: {:.0f} GFLOP/s, {:.1f} GB/s\n", ops->name(), roofline.flops / 1e9, roofline.bytes / 1e9);

  const std::vector<cases::Case> rows = model.empty() ? cases::all_cases() : model_cases(efficientnet_spec(model), batch, resolution);
  for (const cases::Case& row : rows)
    benchmark::RegisterBenchmark((row.operation + ": " + row.name).c_str(), [&](benchmark::State& s) { time_case(s, *ops, row, roofline); })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

}  // namespace
}  // namespace mcnn::bench

int main(int argc, char** argv) {
  try {
    return mcnn::bench::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
