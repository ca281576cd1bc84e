// bench_kernels: times operations on the tests' cases, or on the shapes of a network.
//   bench_kernels --model b4 --batch 32 --benchmark_filter=depthwise
// Per case: time, GB/s (inputs and outputs, each counted once), GFLOP/s (multiply-adds of convolutions and products) and, on the
// CPU, the share of the roofline: the least time that the measured peak and bandwidth allow, divided by the measured time.
// On a GPU several calls are queued before one wait, so that launches and the wait overlap with kernels, as in a step.
// Cache state: each call works on the same tensors. Small tensors are read from caches, so small cases may exceed 100% of the roofline,
// which has the memory's bandwidth; tensors larger than the caches come from memory.
// Next: tests/cases/cases.h has the cases, model_cases.h those of a network.
#include <benchmark/benchmark.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "bench/block_cases.h"
#include "bench/model_cases.h"
#include "bench/roofline.h"
#include "kernels/backend.h"
#include "models/published_networks.h"
#include "runtime/allowance.h"
#include "runtime/error.h"
#include "tests/cases/cases.h"

namespace mcnn::bench {
namespace {

/// A case with its tensors. Google Benchmark calls a benchmark several times; all calls use the same tensors.
struct Prepared {
  const cases::Case* row;
  cases::Workspace workspace;
  AnyOperation operation;
  Prepared(Ops& ops, const cases::Case& c, DType storage) : row(&c), workspace(ops, storage, storage), operation(c.prepare(workspace)) {
    ops.begin_step(c.step);
    ops.run(operation);  // first touch of the outputs, scratch memory, threads
    ops.wait();
  }
};

struct Target {
  std::unique_ptr<Ops> ops;
  DType storage;
  int calls;  // per time measurement
  std::optional<Roofline> roofline;
};

void time_case(benchmark::State& state, const Target& target, const cases::Case& row) {
  Ops& ops = *target.ops;
  static std::unique_ptr<Prepared> prepared;
  if (!prepared || prepared->row != &row) {
    prepared.reset();
    prepared = std::make_unique<Prepared>(ops, row, target.storage);
  }
  // One iteration is one call: Google Benchmark counts a batch as that many iterations and divides its time by them.
  double total = 0;
  int64_t made = 0;
  while (state.KeepRunningBatch(target.calls)) {
    const auto begin = std::chrono::steady_clock::now();
    for (int call = 0; call < target.calls; ++call, ++made) ops.run(prepared->operation);
    ops.wait();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    state.SetIterationTime(seconds);
    total += seconds;
  }
  const double seconds = total / static_cast<double>(made), bytes = prepared->workspace.total_bytes();
  state.counters["calls"] = static_cast<double>(made);
  state.counters["GB/s"] = bytes / seconds / 1e9;
  const double flops = prepared->operation.flops();
  if (flops > 0) state.counters["GFLOP/s"] = flops / seconds / 1e9;
  if (target.roofline) state.counters["roofline%"] = 100 * target.roofline->seconds(flops, bytes) / seconds;
}

/// Prints one JSON object per line as soon as a case is done, so that a killed run keeps its results.
class LinesReporter : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      nlohmann::json row{
          {"kind", "kernel"}, {"name", run.benchmark_name()}, {"iterations", run.iterations}, {"us", run.GetAdjustedRealTime()}};
      for (const auto& [name, counter] : run.counters) row[name] = counter.value;
      if (run.error_occurred) row["error"] = run.error_message;
      GetOutputStream() << row.dump() << std::endl;
    }
  }
};

int run(int argc, char** argv) {
  CLI::App app("Times the engine's operations. Flags of Google Benchmark (--benchmark_filter=...) are understood too.");
  std::string model, device = "cpu", storage = "f32";
  int64_t batch = 32, resolution = 224;
  int threads = 0, calls = 0;
  bool json_lines = false;
  ProductOptions products;
  app.add_option(
      "--model", model,
      fmt::format("shapes of this network ({}), or block: one MBConv block; default: the tests' cases", fmt::join(network_names(), ", ")));
  app.add_option("--batch", batch)->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--res", resolution, "image height and width")->check(CLI::PositiveNumber)->capture_default_str();
  app.add_option("--threads", threads, "0: one per core")->capture_default_str();
  app.add_option("--device", device)->check(CLI::IsMember({"cpu", "cuda", "sim"}))->capture_default_str();
  app.add_option("--storage", storage, "storage type of feature maps; cpu has only f32")
      ->check(CLI::IsMember({"f32", "bf16", "f16"}))
      ->capture_default_str();
  app.add_option("--products", products.products, "on a GPU: own, vendor or auto")->capture_default_str();
  app.add_flag("--allow-tf32", products.allow_tf32, "fp32 products as tf32 on tensor cores");
  app.add_option("--calls", calls, "calls queued for each wait; default: 20 on cuda, else 1");
  app.add_flag("--json-lines", json_lines, "print one JSON object per line as soon as a case is done");
  app.allow_extras();
  CLI11_PARSE(app, argc, argv);

  const std::vector<std::string> extras = app.remaining();
  std::vector<char*> rest = {argv[0]};
  for (const std::string& extra : extras) rest.push_back(const_cast<char*>(extra.c_str()));
  int rest_count = static_cast<int>(rest.size());
  benchmark::Initialize(&rest_count, rest.data());
  if (benchmark::ReportUnrecognizedArguments(rest_count, rest.data())) return 1;

  Target target{device == "cpu" ? make_cpu_ops(threads) : make_backend(device, threads, nullptr, products).ops,
                storage == "f32"    ? DType::f32
                : storage == "bf16" ? DType::bf16
                                    : DType::f16,
                calls > 0          ? calls
                : device == "cuda" ? 20
                                   : 1,
                {}};
  if (!target.ops->supports(target.storage)) fail("backend {} does not store feature maps as {}", target.ops->name(), storage);
  std::ostream& facts = json_lines ? std::cerr : std::cout;
  facts << fmt::format("backend: {}\n", target.ops->name());
  if (device == "cpu") {
    target.roofline = measure_roofline(threads > 0 ? threads : usable_threads());
    facts << fmt::format("roofline: {:.0f} GFLOP/s, {:.1f} GB/s\n", target.roofline->flops / 1e9, target.roofline->bytes / 1e9);
  }

  const std::vector<cases::Case> rows = model.empty()      ? cases::all_cases()
                                        : model == "block" ? block_cases(batch, resolution)
                                                           : model_cases(build_network(network_spec(model)), batch, resolution);
  for (const cases::Case& row : rows)
    benchmark::RegisterBenchmark((row.operation + ": " + row.name).c_str(), [&](benchmark::State& s) { time_case(s, target, row); })
        ->UseManualTime()
        ->Unit(benchmark::kMicrosecond);
  LinesReporter lines;
  if (json_lines)
    benchmark::RunSpecifiedBenchmarks(&lines);
  else
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
