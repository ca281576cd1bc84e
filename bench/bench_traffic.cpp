// bench_traffic: counts launches and bytes of one training step on a GPU, without a GPU. The launchers run on the emulator; kernels are
// only noted, so no memory is touched. Next: traffic.h states how bytes are counted; peers/count_pytorch.py counts PyTorch's step in the
// same way.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <vector>

#include "bench/traffic.h"
#include "emulator/grid.h"
#include "inference/engine.h"
#include "kernels/cuda/cuda_ops.h"
#include "train/config.h"
#include "train/optimizer.h"

int main(int argc, char** argv) {
  CLI::App app("Counts the launches and bytes of one training step on a GPU: forward, loss, backward, gradient norm, optimizer.");
  mcnn::Config config;
  int resolution = 224, batch = 32;
  app.add_option("--model", config.model.name);
  app.add_option("--res", resolution)->check(CLI::PositiveNumber);
  app.add_option("--batch", batch)->check(CLI::PositiveNumber);
  app.add_option("--storage", config.model.storage, "storage type of feature maps")->check(CLI::IsMember({"f32", "bf16", "f16"}));
  CLI11_PARSE(app, argc, argv);
  try {
    simt::options().run = false;
    mcnn::cuda::CudaOps cuda;
    std::map<std::string, mcnn::Traffic> by_operation;
    const auto ops = mcnn::counting_traffic(cuda, by_operation);
    mcnn::NetworkSpec spec = mcnn::network_spec(config.model.name);
    spec.classes = 18;
    mcnn::Engine engine(*ops, spec, {}, true, mcnn::storage_type(config.model));
    mcnn::Optimizer optimizer(engine.parameters(), config.train.optimizer);

    mcnn::Batch photos{.n = batch, .h = resolution, .w = resolution};
    photos.pixels.resize(static_cast<std::size_t>(photos.n * photos.h * photos.w * 3));
    photos.flips.resize(static_cast<std::size_t>(batch));
    photos.targets.resize(static_cast<std::size_t>(photos.n * spec.classes));
    by_operation.clear();  // what construction launched
    engine.gradients(photos, {}, static_cast<float>(config.train.label_smoothing));
    optimizer.step();

    std::vector<std::pair<std::string, mcnn::Traffic>> rows(by_operation.begin(), by_operation.end());
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second.bytes() > b.second.bytes(); });
    const auto print = [&](const std::string& name, const mcnn::Traffic& traffic) {
      const auto per_image = [&](int64_t bytes) { return static_cast<double>(bytes) / batch * 1e-6; };
      std::printf("%-34s%9lld%10.3f%10.3f%10.3f\n", name.c_str(), static_cast<long long>(traffic.launches), per_image(traffic.bytes()),
                  per_image(traffic.read), per_image(traffic.written));
    };
    std::printf("%-34s%9s%10s%10s%10s\n", "operation", "launches", "MB/image", "read", "written");
    mcnn::Traffic all;
    for (const auto& [name, traffic] : rows) {
      if (traffic.launches > 0) print(name, traffic);
      all.launches += traffic.launches;
      all.read += traffic.read;
      all.written += traffic.written;
    }
    print("all", all);
    std::printf("mcnn %s@%d, batch %d, %s\n", config.model.name.c_str(), resolution, batch, config.model.storage.c_str());
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_traffic: %s\n", e.what());
    return 1;
  }
  return 0;
}
