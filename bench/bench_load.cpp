// bench_load: times loading a checkpoint from the page cache into a network on the CPU: opening alone, and opening with load_weights().
// The network is built once, outside the measurement.
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "inference/description.h"
#include "runtime/error.h"
#include "weights/load.h"

namespace {

struct Times {
  double wall = 1e9, cpu = 1e9;  ///< milliseconds, each the smallest seen; cpu: of this process, user and system
};

template <class Run>
Times smallest(int repeats, const Run& run) {
  const auto cpu_now = [] {
    timespec t{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return 1e3 * static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_nsec);
  };
  Times times;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    const double cpu_start = cpu_now();
    run();
    times.cpu = std::min(times.cpu, cpu_now() - cpu_start);
    const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - start;
    times.wall = std::min(times.wall, wall.count());
  }
  return times;
}

void print(const char* what, const Times& t) { std::printf("%-20s %7.1f ms %7.1f ms of CPU\n", what, t.wall, t.cpu); }

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Time to load a checkpoint.");
  std::string path;
  std::vector<std::string> allow_missing;
  int repeats = 10;
  app.add_option("file", path)->required();
  app.add_option("--allow-missing", allow_missing, "as in mcnn-infer");
  app.add_option("--repeats", repeats)->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  try {
    using namespace mcnn;
    std::vector<std::string> notes;
    const auto ops = make_cpu_ops();
    const ModelDescription d = describe_file(open_tensor_file(path), {}, notes);
    Engine engine(*ops, d.spec, d.normalisation, false);
    print("open", smallest(repeats, [&] { open_tensor_file(path); }));
    print("open + load_weights",
          smallest(repeats, [&] { load_weights(open_tensor_file(path), engine.model().network(), engine.parameters(), {allow_missing}); }));
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_load: %s\n", e.what());
    return 1;
  }
  return 0;
}
