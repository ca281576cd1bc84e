// The constructor builds a run's parts in order; the functions it calls follow in the same order. configured_data.h reads the photos,
// description.h describes the network, forecast.h computes the memory it needs.
// Next: run.h; fit.cpp trains with what is built here.
#include "train/run.h"

#include <algorithm>
#include <cmath>

#include "data/configured_data.h"
#include "runtime/error.h"
#include "runtime/number.h"
#include "train/forecast.h"
#include "train/recorder.h"
#include "weights/load.h"

namespace mcnn {
namespace {

/// The double with the shortest decimal form of `value`: 0.001, not 0.0010000000475.
double shortest(float value) { return number_in<double>(fmt::format("{}", value)).value(); }

void resolve(Config& config, const ModelDescription& d) {
  config.model.width = d.spec.width;
  config.model.depth = d.spec.depth;
  config.model.padding = d.spec.padding.str();
  config.model.bn_eps = shortest(d.spec.bn_eps);
  config.model.dropout = shortest(d.spec.dropout);
  config.data.resize = d.preprocess.resize;
  config.data.mean.clear();
  config.data.std.clear();
  for (const float m : d.normalisation.mean) config.data.mean.push_back(shortest(m));
  for (const float deviation : d.normalisation.std) config.data.std.push_back(shortest(deviation));
}

/// `share`: the loader's share of all photos, and so of the cache.
LoaderOptions loader_options(const Config& config, const ModelDescription& description, bool training, double share) {
  return {.batch = config.train.batch,
          .shuffle = training,
          .flip = training && config.data.flip,
          .drop_last = training,
          .workers = config.data.workers,
          .cache_bytes = static_cast<int64_t>(share * config.data.cache_mb * (1 << 20)),
          .skip_broken = config.data.skip_broken,
          .seed = config.run.seed,
          .preprocess = description.preprocess,
          .classes = static_cast<int64_t>(description.classes.size()),
          .most_pixels = std::llround(config.data.max_megapixels * 1e6)};
}

/// "2 dangling links, 3 files called .webp"
std::string counts(const Skipped& skipped) {
  std::string text;
  for (const auto& [what, count] : skipped) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  return text;
}

}  // namespace

Run::Run(Config requested, bool fresh, bool profile)
    : config(with_absolute_paths(std::move(requested))),
      backend(make_backend(config.run.device, config.run.threads, &profiler, {config.run.products, config.run.allow_tf32})) {
  say(backend.reason);
  profiler.enable(profile);
  const Dataset all = read_dataset(config.data);
  split_photos(all);
  std::optional<TensorFile> file;
  if (fresh && !config.weights.init.empty()) file.emplace(open_tensor_file(config.weights.init, config.weights.state_dict));
  describe(file, all.classes);
  require_room(all.photos.size());
  make_network(file);
  make_loaders();
  say_sizes();
}

void Run::split_photos(const Dataset& all) {
  if (!all.people_known && config.data.holdout > 0)
    say("the data set does not say who is on which photo: each photo counts as another person, so people with several photos may be both "
        "trained on and held out; state it by a column 'group' (layout = csv) or a folder per person (layout = folders)");
  if (!all.skipped.empty()) say("skipped: " + counts(all.skipped));
  split = split_by_person(all, config.data.holdout, config.run.seed);
  if (const std::string note = holdout_note(split, config.data.holdout); !note.empty()) say(note);
}

void Run::describe(const std::optional<TensorFile>& file, const std::vector<std::string>& classes) {
  const Convention convention = file ? resolve_convention({}, *file) : Convention{};
  description = describe_run(config.model, config.data, convention, classes);
  resolve(config, description);
  if (!file) return;
  for (const std::string& note : file->notes()) say(file->path() + ": " + note);
  const bool guessed = !convention.padding || convention.padding->guess || !convention.bn_eps || convention.bn_eps->guess;
  say(fmt::format(
      "{}: {} padding {}, bn_eps {}", file->path(),
      guessed ? "the file does not say how it was trained (set [model] padding and bn_eps if you know); assumed:" : "trained with",
      config.model.padding, config.model.bn_eps));
}

void Run::require_room(std::size_t photos) const {
  // The cache of decoded photos is in host memory: it counts only if the step runs there too.
  const bool on_host = &backend.ops->memory() == &host_memory();
  const double decoded = static_cast<double>(photos) * config.data.crop * config.data.crop * 3;
  const double cache = on_host ? std::min(decoded, static_cast<double>(config.data.cache_mb) * (1 << 20)) : 0.0;
  require_memory(description.spec, storage_type(config.model), config.train.optimizer, config.train.batch, config.data.crop,
                 backend.ops->memory().available(), static_cast<std::size_t>(cache));
}

void Run::make_network(const std::optional<TensorFile>& file) {
  engine = std::make_unique<Engine>(*backend.ops, description.spec, description.normalisation, true, storage_type(config.model));
  engine->profile_with(&profiler);
  initialise(engine->parameters(), config.run.seed);
  if (file) {
    const LoadReport report = load_weights(*file, engine->model().network(), engine->parameters(),
                                           {config.weights.allow_missing, config.run.seed, description.classes});
    for (const std::string& line : report.lines()) say(file->path() + ": " + line);
  }
  optimizer = std::make_unique<Optimizer>(engine->parameters(), config.train.optimizer);
  step = std::make_unique<TrainingStep>(*engine, *optimizer, static_cast<float>(config.train.label_smoothing));
}

void Run::make_loaders() {
  const auto trained_on = static_cast<double>(split.training.photos.size()), set_apart = static_cast<double>(split.holdout.photos.size());
  const double photos = trained_on + set_apart;
  training = std::make_unique<Loader>(split.training, loader_options(config, description, true, trained_on / photos));
  if (!split.holdout.photos.empty())
    held_out = std::make_unique<Loader>(split.holdout, loader_options(config, description, false, set_apart / photos));
  if (training->batches() == 0)
    fail("[train] batch = {} is larger than the {} photos to train on", config.train.batch, split.training.photos.size());
}

void Run::say_sizes() const {
  say(fmt::format("{} photos of {} to train on, {} of {} held out; {} classes; {} parameters", split.training.photos.size(),
                  count_of_people(split.training_people), split.holdout.photos.size(), split.holdout_people, description.classes.size(),
                  engine->parameters().count()));
  const MemoryForecast memory = forecast(description.spec, storage_type(config.model), config.train.optimizer, config.train.batch,
                                         config.data.crop, config.data.crop);
  say(fmt::format("memory: {:.2f} GB for weights and optimizer, {:.2f} GB for the feature maps of a step", memory.parameters * 1e-9,
                  memory.step * 1e-9));
}

}  // namespace mcnn
