// gpu_check: compares a device's results with the reference. Prints one JSON object per line and flushes it, so that a killed process loses
// at most one.
//   gpu_check cases   runs every case of tests/cases against ref, twice, to check that the bits are the same
//   gpu_check steps   runs training steps and compares them with the same steps on the CPU
// After a case that fails or throws, the next one runs. If the device does not answer any more (CUDA calls such an error sticky), the last
// line has kind "fatal", and a new process can continue with --from.
// Exit codes: 0 everything agrees; 1 something does not; 2 wrong arguments; 3 fatal; 77 the device cannot be used.
// Next: bench/on_gpu/ runs it on a machine with a GPU.
#include <CLI/CLI.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "bench/random_photos.h"
#include "kernels/backend.h"
#include "runtime/error.h"
#include "tests/cases/cases.h"
#include "tests/cases/compare.h"
#include "train/config.h"
#include "train/training_step.h"

namespace mcnn::bench {
namespace {

constexpr int kDisagrees = 1, kUsage = 2, kFatal = 3, kNoDevice = 77;

struct Arguments {
  std::string device = "cuda", storage = "f32", filter = ".", model = "b0";
  ProductOptions products;
  bool first_of_each = false, unrecorded = false;
  std::size_t from = 0;
  int64_t resolution = 96, batch = 4, steps = 6;
  double tolerance = 0;

  DType type() const { return storage == "bf16" ? DType::bf16 : storage == "f16" ? DType::f16 : DType::f32; }
};

void print(const nlohmann::json& row) {
  // An error may quote bytes that are not UTF-8.
  std::printf("%s\n", row.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  std::fflush(stdout);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Whether the device still copies to and from the host.
bool answers(Ops& ops) {
  try {
    Arena arena(ops.memory());
    Tensor tensor = arena.tensor({64}, ops.parameter_type());
    const std::vector<float> values(64, 1.5f);
    copy_floats(ops, values, tensor);
    ops.wait();
    return to_floats(ops, tensor) == values;
  } catch (const std::exception&) {
    return false;
  }
}

std::vector<cases::Output> outputs_of(const cases::Case& row, Ops& ops, DType storage, DType rounding) {
  cases::Workspace workspace(ops, storage, rounding);
  const AnyOperation operation = row.prepare(workspace);
  ops.begin_step(row.step);
  ops.run(operation);
  if (const std::vector<std::string> damage = workspace.damage(); !damage.empty()) fail("{}", damage[0]);
  return workspace.outputs();
}

/// The first mistake found; empty if the device agrees with ref and gives the same bits twice. `tolerance` is a lower bound of each
/// output's tolerance or, with `replace`, replaces it.
std::string mistake(const cases::Case& row, Ops& ref, Ops& ops, DType storage, double tolerance, bool replace) {
  try {
    std::vector<cases::Output> expected = outputs_of(row, ref, DType::f64, storage);
    const std::vector<cases::Output> found = outputs_of(row, ops, storage, storage), again = outputs_of(row, ops, storage, storage);
    if (found.size() != expected.size()) return fmt::format("{} outputs, {} expected", found.size(), expected.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      expected[i].tolerance = replace ? tolerance : std::max(expected[i].tolerance, tolerance);
      if (std::string text = cases::disagreement(found[i], expected[i]); !text.empty()) return text;
      if (!cases::same_bits(found[i], again[i])) return found[i].name + ": other bits the second time";
    }
    return {};
  } catch (const std::exception& error) {
    return error.what();
  }
}

int check_cases(const Arguments& a, Ops& ops) {
  const auto ref = make_ref_ops();
  const DType storage = a.type();
  const double tolerance = a.tolerance > 0 ? a.tolerance : a.products.allow_tf32 ? cases::kTf32Tolerance : cases::tolerance_of(storage);
  const std::regex filter(a.filter);
  const std::vector<cases::Case> rows = cases::all_cases();
  std::set<std::string> operations;
  int status = 0;
  for (std::size_t i = a.from; i < rows.size(); ++i) {
    const std::string name = rows[i].operation + ": " + rows[i].name;
    if (!std::regex_search(name, filter)) continue;
    if (a.first_of_each && !operations.insert(rows[i].operation).second) continue;
    const auto start = std::chrono::steady_clock::now();
    const std::string error = mistake(rows[i], *ref, ops, storage, tolerance, a.tolerance > 0);
    nlohmann::json row{{"kind", "case"}, {"index", i}, {"name", name}, {"ok", error.empty()}, {"seconds", seconds_since(start)}};
    row["error"] = error.empty() ? nlohmann::json() : nlohmann::json(error);
    print(row);
    if (error.empty()) continue;
    status = kDisagrees;
    if (!answers(ops)) {
      print({{"kind", "fatal"}, {"index", i}, {"name", name}, {"error", error}});
      return kFatal;
    }
  }
  return status;
}

/// A network in training on one backend. The initial weights are the same on all backends.
struct Training {
  Config config;
  Engine engine;
  Optimizer optimizer;
  TrainingStep step;

  Training(Ops& ops, const Config& c, const NetworkSpec& spec)
      : config(c),
        engine(ops, spec, {}, true, storage_type(config.model)),
        optimizer((initialise(engine.parameters(), 0), engine.parameters()), config.train.optimizer),
        step(engine, optimizer, 0.1f) {}
};

/// AdamW's first steps follow the signs of gradients, and rounding decides the signs of those near zero. At a learning rate of 1e-3 two
/// correct trajectories differ by 4e-4 of the loss after one step; so the rate is lower here.
constexpr float kLearningRate = 1e-5f;

int check_steps(const Arguments& a, Ops& ops) {
  Config narrow, full;
  narrow.model.storage = a.storage;
  NetworkSpec spec = network_spec(a.model);
  spec.classes = 18;
  const Backend cpu = make_backend("cpu", 0);
  Training device(ops, narrow, spec), reference(*cpu.ops, full, spec);
  // In fp32 only the order of sums differs. 16-bit types round every stored map in each step.
  const double usual = a.type() == DType::f32 && !a.products.allow_tf32 ? 1e-4 : 5e-2, tolerance = a.tolerance > 0 ? a.tolerance : usual;
  const float scale = a.type() == DType::f16 ? 1024.f : 1.f;
  const auto photos = [&](int64_t step) { return random_photos(a.batch, a.resolution, a.resolution, spec.classes, 1 + step % 3); };
  int status = 0;
  device.step.upload(photos(0));
  reference.step.upload(photos(0));
  for (int64_t step = 0; step < a.steps; ++step) {
    const auto run = [&](TrainingStep& training, float loss_scale) {
      training.begin({.seed = 7, .step = static_cast<uint32_t>(step), .learning_rate = kLearningRate, .loss_scale = loss_scale});
      if (step + 1 < a.steps) training.upload(photos(step + 1));
      return training.end();
    };
    const auto found = run(device.step, scale), expected = run(reference.step, 1.f);
    const double relative = std::abs(found.loss - expected.loss) / std::abs(expected.loss);
    const bool ok = relative <= tolerance;  // false for NaN
    print({{"kind", "step"}, {"step", step}, {"loss", found.loss}, {"cpu_loss", expected.loss}, {"relative", relative}, {"ok", ok}});
    if (!ok) status = kDisagrees;
  }
  return status;
}

int run(int argc, char** argv) {
  CLI::App app("Compares a device with the reference. One JSON object a line.");
  app.require_subcommand(1);
  Arguments a;
  const auto add = [&](const char* name, const char* help) {
    CLI::App* command = app.add_subcommand(name, help);
    command->add_option("--device", a.device)->check(CLI::IsMember({"cuda", "sim", "cpu"}))->capture_default_str();
    command->add_option("--storage", a.storage, "storage type of feature maps")
        ->check(CLI::IsMember({"f32", "bf16", "f16"}))
        ->capture_default_str();
    command->add_option("--products", a.products.products, "on a GPU: own, vendor or auto")->capture_default_str();
    command->add_flag("--allow-tf32", a.products.allow_tf32, "fp32 products as tf32 on tensor cores");
    command->add_option("--tolerance", a.tolerance, "replaces the storage type's tolerance")->check(CLI::PositiveNumber);
    return command;
  };
  CLI::App* by_case = add("cases", "compare every operation's cases with ref");
  by_case->add_option("--filter", a.filter, "regular expression over 'operation: case'");
  by_case->add_option("--from", a.from, "index of the first case");
  by_case->add_flag("--first-of-each", a.first_of_each, "one case of each operation");
  CLI::App* by_step = add("steps", "compare training steps with the CPU's");
  by_step->add_option("--model", a.model)->capture_default_str();
  by_step->add_option("--res", a.resolution)->check(CLI::Range(8, 4096))->capture_default_str();
  by_step->add_option("--batch", a.batch)->check(CLI::Range(1, 4096))->capture_default_str();
  by_step->add_option("--steps", a.steps)->check(CLI::Range(1, 1000))->capture_default_str();
  by_step->add_flag("--unrecorded", a.unrecorded, "wait after each kernel; a step is not recorded then");
  try {
    app.parse(argc, argv);
    std::regex(a.filter);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const std::exception& mistake) {
    std::fprintf(stderr, "gpu_check: %s; see --help\n", mistake.what());
    return kUsage;
  }
  if (a.unrecorded) setenv("MCNN_CUDA_SYNC", "1", 1);

  Backend backend;
  try {
    backend = make_backend(a.device, 0, nullptr, a.products);
    if (!backend.ops->supports(a.type())) fail("{} does not store feature maps as {}", backend.ops->name(), a.storage);
    if (a.products.products == "vendor" && backend.reason.find("products: cuBLAS") == std::string::npos) fail("{}", backend.reason);
  } catch (const std::exception& error) {
    print({{"kind", "no device"}, {"error", error.what()}});
    return kNoDevice;
  }
  print({{"kind", "backend"}, {"name", backend.ops->name()}, {"reason", backend.reason}});
  return by_case->parsed() ? check_cases(a, *backend.ops) : check_steps(a, *backend.ops);
}

}  // namespace
}  // namespace mcnn::bench

int main(int argc, char** argv) {
  try {
    return mcnn::bench::run(argc, argv);
  } catch (const std::exception& error) {
    mcnn::bench::print({{"kind", "fatal"}, {"error", error.what()}});
    return mcnn::bench::kFatal;
  }
}
