#include "train/trainer.h"

#include "data/configured_data.h"
#include "data/layouts.h"
#include "models/layer_table.h"
#include "train/fit.h"
#include "train/same_settings.h"

namespace mcnn {
namespace {

Recorder recorder_of(const RunFolder& folder, const Run& run) { return {folder.path(), run.description.classes == competition_classes()}; }

}  // namespace

void train(const Config& config, const CommandOptions& options) {
  RunFolder folder(config.run.dir);
  folder.require_no_checkpoint();  // early: what follows takes time
  Run run(config, /*fresh=*/true, options.profile);
  folder.create(split_table(run.split), write_config(run.config));
  Recorder recorder = recorder_of(folder, run);
  fit(run, folder, recorder, {}, options.stop_after);
}

void resume(const std::string& dir, const CommandOptions& options) {
  RunFolder folder(dir);
  Config config = read_config((folder.path() / "config.ini").string());
  config.run.dir = dir;
  Run run(std::move(config), /*fresh=*/false, options.profile);
  folder.reopen(split_table(run.split));
  const RunProgress progress = folder.load(run.engine->parameters(), *run.optimizer);
  require_same_settings(progress.settings, settings_of(run.config));
  Recorder recorder = recorder_of(folder, run);
  recorder.cut(progress.epochs);
  fit(run, folder, recorder, progress, options.stop_after);
}

namespace {

/// The network that such a run trains.
NetworkSpec network_of(const Config& config) {
  const WeightsOptions& weights = config.weights;
  const Convention convention =
      weights.init.empty() ? Convention{} : resolve_convention({}, open_tensor_file(weights.init, weights.state_dict));
  return describe_run(config.model, config.data, convention, classes_of(config.data)).spec;
}

}  // namespace

std::string describe(const Config& config) {
  return describe(build_network(network_of(config)), config.train.batch, config.data.crop, config.data.crop);
}

std::string describe_step(const Config& config) {
  const auto ops = make_dry_ops();
  Engine engine(*ops, network_of(config), {}, true, storage_type(config.model));
  Optimizer optimizer(engine.parameters(), config.train.optimizer);
  TrainingStep step(engine, optimizer, static_cast<float>(config.train.label_smoothing));
  step.upload({.n = config.train.batch, .h = config.data.crop, .w = config.data.crop});
  step.begin({});
  const Program& program = step.program();
  return program.listing() + fmt::format("{} operations; {:.2f} MB for what they write, beside parameters, moments and the batch\n",
                                         program.calls().size(), static_cast<double>(program.bytes()) / 1e6);
}

}  // namespace mcnn
