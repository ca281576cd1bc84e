// bench_train: measures speed and memory of whole training steps, or of inference, on random photos; bench/compare compares with
// PyTorch, ONNX Runtime and OpenVINO.
// Next: train/training_step.h and inference/inference_step.h are what it times.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "bench/compared.h"
#include "bench/random_photos.h"
#include "inference/description.h"
#include "kernels/backend.h"
#include "runtime/error.h"
#include "runtime/profiler.h"
#include "runtime/resident.h"
#include "train/config.h"
#include "train/training_step.h"
#include "weights/load.h"

namespace {

/// Replaces the photos' pixels by a file's: N*H*W*3 bytes.
void read_pixels(const std::string& path, mcnn::Batch& photos) {
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(photos.pixels.data()), static_cast<std::streamsize>(photos.pixels.size())))
    mcnn::fail("{}: cannot be read, or has fewer than {} bytes", path, photos.pixels.size());
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Times training steps on random photos.");
  std::string device = "cpu";
  mcnn::Config config;
  int resolution = 224, batch = 32, steps = 5, threads = 0, classes = 18;
  double least_seconds = 0;
  float learning_rate = 1e-3f;
  std::string weights, pixels, saved;
  bool profile = false, inference = false, json = false, no_dropout = false, compared = false;
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
  app.add_option("--seconds", least_seconds, "time more steps than --steps until so many seconds have passed");
  app.add_option("--learning-rate", learning_rate);
  app.add_option("--weights", weights, "file with the weights; else they are drawn");
  app.add_option("--save-weights", saved, "file to write the weights to, after the last step");
  app.add_option("--pixels", pixels, "file with the photos, N*H*W*3 bytes; else they are drawn");
  app.add_flag("--no-dropout", no_dropout, "neither dropout nor drop-path");
  app.add_flag("--compared", compared, "first show answers, and wait until they have been compared (bench/compare)");
  CLI11_PARSE(app, argc, argv);
  try {
    mcnn::Profiler profiler;
    const mcnn::Backend backend = mcnn::make_backend(device, threads, &profiler, {config.run.products, config.run.allow_tf32});
    mcnn::NetworkSpec spec = mcnn::network_spec(config.model.name);
    spec.classes = classes;
    if (no_dropout) spec.dropout = spec.drop_path = 0.f;
    mcnn::Engine engine(*backend.ops, spec, {}, !inference, mcnn::storage_type(config.model));
    engine.profile_with(&profiler);
    if (weights.empty())
      mcnn::initialise(engine.parameters(), 0);
    else
      mcnn::load_weights(mcnn::open_tensor_file(weights), engine.model().network(), engine.parameters());
    std::unique_ptr<mcnn::Optimizer> optimizer;
    std::unique_ptr<mcnn::TrainingStep> training;
    if (!inference) {
      optimizer = std::make_unique<mcnn::Optimizer>(engine.parameters(), config.train.optimizer);
      training = std::make_unique<mcnn::TrainingStep>(engine, *optimizer, 0.1f);
    }

    mcnn::Batch photos = mcnn::bench::random_photos(batch, resolution, resolution, spec.classes);
    if (!pixels.empty()) read_pixels(pixels, photos);

    profiler.enable(profile);
    if (training) training->upload(photos);
    // A backend that records does so in the first step over each of the two batch slots.
    constexpr int kWarmUp = 4;
    std::vector<double> seconds;
    std::vector<float> answers;  // logits, or the losses of the steps that are not timed
    double loss = 0, timed = 0;
    for (int step = 0; step < kWarmUp + steps || timed < least_seconds; ++step) {
      if (step == kWarmUp) {
        profiler.clear();
        if (compared && !mcnn::bench::agreed(answers)) return 0;
      }
      const auto start = std::chrono::steady_clock::now();
      {
        const auto span = profiler.step();
        if (inference) {
          answers = engine.logits(photos);
        } else {
          training->begin({0, static_cast<uint32_t>(step), learning_rate, config.model.storage == "f16" ? 1024.f : 1.f});
          training->upload(photos);  // the next step's
          loss = training->end().loss;
        }
      }
      if (step >= kWarmUp) {
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
        timed += seconds.back();
      } else if (!inference) {
        answers.push_back(static_cast<float>(loss));
      }
      if (compared && step == 0) mcnn::bench::say({{"first", true}});
    }
    if (!saved.empty())
      mcnn::save_weights(saved, engine.parameters(), mcnn::metadata_of({spec, {}, {.resize = resolution, .crop = resolution}, {}}),
                         static_cast<int64_t>(seconds.size()) + kWarmUp);
    if (compared) {
      mcnn::bench::say({{"seconds", seconds}, {"peak_bytes", mcnn::peak_resident_bytes()}});
      return 0;
    }
    std::sort(seconds.begin(), seconds.end());
    if (profile && !json) std::fputs(profiler.tables().c_str(), stdout);
    const double count = static_cast<double>(seconds.size());
    const double median = batch / seconds[seconds.size() / 2], best = batch / seconds[0];
    const double arena = static_cast<double>(engine.workspace().bytes()) / 1e9,
                 peak = static_cast<double>(mcnn::peak_resident_bytes()) / 1e9;
    // fp32 with tf32 products is reported as "tf32", as in on_gpu/pytorch.py.
    const std::string precision = config.run.allow_tf32 && config.model.storage == "f32" ? "tf32" : config.model.storage;
    if (profile && json)
      for (const mcnn::Profiler::Row& row : profiler.rows())
        std::printf("%s\n", nlohmann::json{{"kind", "profile"},
                                           {"operation", row.operation},
                                           {"layer", row.layer},
                                           {"kernel", row.kernel},
                                           {"precision", precision},
                                           {"batch", batch},
                                           {"launches", static_cast<double>(row.calls) / count},
                                           {"ns", row.seconds * 1e9 / count},
                                           {"bytes", static_cast<double>(row.bytes) / count}}
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
