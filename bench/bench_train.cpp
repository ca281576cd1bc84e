// bench_train: measures speed and memory of whole training steps, or of inference, on random photos; bench/peers/ compares with PyTorch.
// Next: train/training_step.h and inference/inference_step.h are what it times.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/random_photos.h"
#include "kernels/backend.h"
#include "runtime/profiler.h"
#include "runtime/resident.h"
#include "train/config.h"
#include "train/training_step.h"

int main(int argc, char** argv) {
  CLI::App app("Times training steps on random photos.");
  std::string device = "cpu";
  mcnn::Config config;
  int resolution = 224, batch = 32, steps = 5, threads = 0, classes = 18;
  bool profile = false, inference = false, json = false;
  app.add_option("--model", config.model.name);
  app.add_option("--res", resolution);
  app.add_option("--batch", batch);
  app.add_option("--steps", steps, "number of timed steps, after four for warm-up")->check(CLI::PositiveNumber);
  app.add_option("--classes", classes)->check(CLI::PositiveNumber);
  app.add_option("--threads", threads, "0: one per core");
  app.add_option("--device", device);
  app.add_option("--products", config.run.products, "on a GPU: own, vendor or auto");
  app.add_flag("--allow-tf32", config.run.allow_tf32, "fp32 products as tf32 on tensor cores");
  app.add_option("--storage", config.model.storage, "storage type of feature maps")->check(CLI::IsMember({"f32", "bf16", "f16"}));
  app.add_flag("--inference", inference, "time evaluation, from pixels to logits in host memory");
  app.add_flag("--profile", profile, "print the time per operation, layer and, on a GPU, kernel; with --json one line each, per step");
  app.add_flag("--json", json, "print the result as one JSON object");
  CLI11_PARSE(app, argc, argv);
  try {
    mcnn::Profiler profiler;
    const mcnn::Backend backend = mcnn::make_backend(device, threads, &profiler, {config.run.products, config.run.allow_tf32});
    mcnn::NetworkSpec spec = mcnn::network_spec(config.model.name);
    spec.classes = classes;
    mcnn::Engine engine(*backend.ops, spec, {}, true, mcnn::storage_type(config.model));
    engine.profile_with(&profiler);
    mcnn::initialise(engine.parameters(), 0);
    mcnn::Optimizer optimizer(engine.parameters(), config.train.optimizer);
    mcnn::TrainingStep training(engine, optimizer, 0.1f);

    const mcnn::Batch photos = mcnn::bench::random_photos(batch, resolution, resolution, spec.classes);

    profiler.enable(profile);
    training.upload(photos);
    // A backend that records does so in the first step over each of the two batch slots.
    constexpr int kWarmUp = 4;
    std::vector<double> seconds;
    double loss = 0;
    for (int step = 0; step < kWarmUp + steps; ++step) {
      if (step == kWarmUp) profiler.clear();
      const auto start = std::chrono::steady_clock::now();
      {
        const auto span = profiler.step();
        if (inference) {
          engine.logits(photos);
        } else {
          training.begin({0, static_cast<uint32_t>(step), 1e-3f, config.model.storage == "f16" ? 1024.f : 1.f});
          training.upload(photos);  // the next step's
          loss = training.end().loss;
        }
      }
      if (step >= kWarmUp) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(seconds.begin(), seconds.end());
    if (profile && !json) std::fputs(profiler.tables().c_str(), stdout);
    const double median = batch / seconds[seconds.size() / 2], best = batch / seconds[0];
    const double arena = static_cast<double>(engine.workspace().bytes()) / 1e9,
                 peak = static_cast<double>(mcnn::peak_resident_bytes()) / 1e9;
    // fp32 with tf32 products is reported as "tf32", as in peers/train_pytorch.py.
    const std::string precision = config.run.allow_tf32 && config.model.storage == "f32" ? "tf32" : config.model.storage;
    if (profile && json)
      for (const mcnn::Profiler::Row& row : profiler.rows())
        std::printf("%s\n", nlohmann::json{{"kind", "profile"},
                                           {"operation", row.operation},
                                           {"layer", row.layer},
                                           {"kernel", row.kernel},
                                           {"precision", precision},
                                           {"batch", batch},
                                           {"launches", static_cast<double>(row.calls) / steps},
                                           {"ns", row.seconds * 1e9 / steps},
                                           {"bytes", static_cast<double>(row.bytes) / steps}}
                                .dump()
                                .c_str());
    if (json)
      std::printf("%s\n", nlohmann::json{{"engine", "mcnn"},
                                         {"device", backend.ops->name()},
                                         {"model", config.model.name},
                                         {"resolution", resolution},
                                         {"batch", batch},
                                         {"storage", precision},
                                         {"mode", inference ? "inference" : "training"},
                                         {"images_per_second", median},
                                         {"best_images_per_second", best},
                                         {"arena_gb", arena},
                                         {"loss", loss}}
                              .dump()
                              .c_str());
    else
      std::printf("mcnn %s@%d batch %d %s: %.2f img/s (best %.2f), arena %.2f GB, peak %.2f GB, last loss %.4f\n",
                  config.model.name.c_str(), resolution, batch, inference ? "inference" : "training", median, best, arena, peak, loss);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_train: %s\n", e.what());
    return 1;
  }
  return 0;
}
