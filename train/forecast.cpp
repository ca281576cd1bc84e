// Builds the run's network, optimizer and step on the dry backend.  Contract: forecast.h.
#include "train/forecast.h"

#include "train/training_step.h"

namespace mcnn {

MemoryForecast forecast(const NetworkSpec& spec, DType storage, const OptimizerOptions& optimizer_options, int64_t batch, int64_t height,
                        int64_t width) {
  const auto ops = make_dry_ops();
  Engine engine(*ops, spec, {}, true, storage);
  Optimizer optimizer(engine.parameters(), optimizer_options);
  TrainingStep step(engine, optimizer, 0.f);
  for (int slot = 0; slot < 2; ++slot) {
    step.upload({.n = batch, .h = height, .w = width});
    step.begin({});
  }
  return {engine.parameters().bytes() + optimizer.bytes(), engine.workspace().bytes() + step.bytes()};
}

void require_memory(const NetworkSpec& spec, DType storage, const OptimizerOptions& optimizer, int64_t batch, int64_t side,
                    std::size_t available, std::size_t other) {
  const auto needed = [&](int64_t photos) { return other + forecast(spec, storage, optimizer, photos, side, side).total(); };
  constexpr double kGB = 1e9;
  const std::size_t of_step = needed(batch);
  if (of_step <= available) return;
  int64_t fits = 0, too_many = batch;  // needed() grows with the batch
  while (too_many - fits > 1) {
    const int64_t middle = (fits + too_many) / 2;
    (needed(middle) <= available ? fits : too_many) = middle;
  }
  fail("[train] batch = {}: one step needs {:.2f} GB, {:.2f} GB are free; {}", batch, static_cast<double>(of_step) / kGB,
       static_cast<double>(available) / kGB, fits > 0 ? fmt::format("batch = {} fits", fits) : std::string("not even batch = 1 fits"));
}

}  // namespace mcnn
