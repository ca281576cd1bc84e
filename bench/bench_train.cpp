// bench_train: speed and memory of whole training steps on random photos, for the comparison in bench/peers/.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "kernels/backend.h"
#include "runtime/philox.h"
#include "runtime/profiler.h"
#include "train/engine.h"
#include "train/optimizer.h"
#include "train/progress.h"

int main(int argc, char** argv) {
  CLI::App app("Times training steps on random photos.");
  std::string model = "b4", device = "cpu", products = "own";
  int resolution = 224, batch = 32, steps = 5, threads = 0;
  bool profile = false;
  app.add_option("--model", model);
  app.add_option("--res", resolution);
  app.add_option("--batch", batch);
  app.add_option("--steps", steps, "timed, after one that warms up");
  app.add_option("--threads", threads, "0: one per core");
  app.add_option("--device", device);
  app.add_option("--products", products, "on a GPU: own, vendor or auto");
  app.add_flag("--profile", profile, "time per operation and layer");
  CLI11_PARSE(app, argc, argv);
  try {
    mcnn::Profiler profiler;
    const mcnn::Backend backend = mcnn::make_backend(device, threads, &profiler, products);
    mcnn::EfficientNetSpec spec = mcnn::efficientnet_spec(model);
    spec.classes = 18;
    mcnn::Engine engine(*backend.ops, spec, {}, true);
    engine.profile_with(&profiler);
    mcnn::initialise(engine.parameters(), 0);
    mcnn::Config config;
    mcnn::Optimizer optimizer(engine.parameters(), config);

    mcnn::Batch photos{.n = batch, .h = resolution, .w = resolution};
    const mcnn::Philox random{1};
    for (int64_t i = 0; i < photos.n * photos.h * photos.w * 3; ++i)
      photos.pixels.push_back(static_cast<uint8_t>(random.bits(static_cast<uint64_t>(i))));
    photos.flips.resize(static_cast<std::size_t>(batch));
    photos.targets.resize(static_cast<std::size_t>(batch * spec.classes));
    for (int n = 0; n < batch; ++n) photos.targets[static_cast<std::size_t>(n * spec.classes + n % spec.classes)] = 1.f;

    std::vector<double> seconds;
    double loss = 0;
    for (int step = 0; step <= steps; ++step) {
      profiler.enable(profile && step > 0);
      const auto start = std::chrono::steady_clock::now();
      {
        const auto span = profiler.step();
        loss = engine.gradients(photos, {0, static_cast<uint32_t>(step), 1e-3f}, 0.1f);
        optimizer.step();
      }
      if (step > 0) seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(seconds.begin(), seconds.end());
    if (profile) std::fputs(profiler.tables().c_str(), stdout);
    std::printf("mcnn %s@%d batch %d: %.2f img/s (best %.2f), arena %.2f GB, peak %.2f GB, last loss %.4f\n", model.c_str(), resolution,
                batch, batch / seconds[seconds.size() / 2], batch / seconds[0], static_cast<double>(engine.arena().peak()) / 1e9,
                static_cast<double>(mcnn::peak_resident_bytes()) / 1e9, loss);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_train: %s\n", e.what());
    return 1;
  }
  return 0;
}
