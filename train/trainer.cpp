#include "train/trainer.h"

#include <fcntl.h>
#include <fmt/ranges.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "data/layouts.h"
#include "data/loader.h"
#include "data/split.h"
#include "kernels/backend.h"
#include "models/layer_table.h"
#include "runtime/error.h"
#include "runtime/number.h"
#include "runtime/profiler.h"
#include "train/checkpoint.h"
#include "train/configured_data.h"
#include "train/description.h"
#include "train/evaluate.h"
#include "train/forecast.h"
#include "train/interruption.h"
#include "train/progress.h"
#include "train/schedule.h"
#include "train/training_step.h"
#include "weights/atomic_file.h"
#include "weights/load.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

/// 0.001 for the float nearest to it, not 0.0010000000475.
double shortest(float value) { return number_in<double>(fmt::format("{}", value)).value(); }

/// Writes what the weights or the model decided into the configuration: read again, also without the weights file, it gives
/// the same run.
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

/// `share`: of the photos, hence of the cache.
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

void say(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);  // also into a file, it is there before the progress that follows
}

/// What may change in a run that goes on: none of it changes results. Where photos come from is compared by split.csv.
const std::set<std::string>& free_settings() {
  static const std::set<std::string> free = {"run.dir",
                                             "run.device",
                                             "run.threads",
                                             "run.products",
                                             "weights.init",
                                             "data.layout",
                                             "data.root",
                                             "data.csv",
                                             "data.workers",
                                             "data.cache_mb",
                                             "train.checkpoint_minutes"};
  return free;
}

/// The configuration as a state keeps it: a JSON object of "section.key": value, without what may change.
std::string settings_of(Config config) {
  nlohmann::json values;
  for (const Setting& s : settings(config))
    if (const std::string key = s.section + "." + s.key; !free_settings().contains(key)) values[key] = s.write();
  return values.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

/// Throws Error, naming what differs. `then` is empty in older states.
void require_same_settings(const std::string& then, const std::string& now) {
  const auto before = nlohmann::json::parse(then, nullptr, false), after = nlohmann::json::parse(now, nullptr, false);
  if (!before.is_object()) return;
  for (const auto& [key, value] : after.items())
    if (before.contains(key) && before[key] != value)
      fail("{} is {}, and the run began with {}; of a run that goes on only {} may change", key, value.dump(), before[key].dump(),
           fmt::join(free_settings(), ", "));
}

/// "2 dangling links, 3 files called .webp"
std::string counts(const Skipped& skipped) {
  std::string text;
  for (const auto& [what, count] : skipped) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  return text;
}

/// A folder in which a run stopped before its first checkpoint may be used again. Throws Error if it holds anything else.
void require_no_checkpoint(const fs::path& dir) {
  if (!fs::is_directory(dir)) return;
  const bool of_a_run = fs::exists(dir / "split.csv");
  for (const auto& entry : fs::directory_iterator(dir)) {
    const std::string name = entry.path().filename().string();
    if (is_temporary(name)) continue;  // of a run that was killed
    if (!of_a_run || (name != "split.csv" && name != "config.ini" && name != "trace.json"))
      fail("[run] dir = {} exists already and holds {}; runs are never overwritten", dir.string(), name);
  }
}

/// The folder of a run that is going on: a second one in it would write over the first.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& dir) : fd_(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (fd_ >= 0 && ::flock(fd_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {  // other errors: a file system without locks
      ::close(fd_);
      fail("[run] dir = {}: another run is going on there", dir.string());
    }
  }
  FolderLock(const FolderLock&) = delete;
  ~FolderLock() { ::close(fd_); }

 private:
  int fd_;
};

/// A run while it is going on: what train() and resume() share.
class Run {
 public:
  /// fresh: weights start as the configuration says; else load_progress() brings them.
  Run(Config config, const TrainOptions& options, bool fresh)
      : config_(with_absolute_paths(std::move(config))),
        options_(options),
        dir_(config_.run.dir),
        backend_(make_backend(config_.run.device, config_.run.threads, &profiler_, {config_.run.products, config_.run.allow_tf32})) {
    say(backend_.reason);
    profiler_.enable(options.profile);
    const Dataset all = read_dataset(config_);
    if (!all.people_known && config_.data.holdout > 0)
      say("nothing says who is on which photo: each is taken as a person of its own, and one with several photos may be trained on and "
          "held out; a column 'group' (layout = csv) or a folder per person (folders) says it");
    if (!all.skipped.empty()) say("skipped: " + counts(all.skipped));
    split_ = split_by_person(all, config_.data.holdout, config_.run.seed);
    if (const std::string note = holdout_note(split_, config_.data.holdout); !note.empty()) say(note);
    std::optional<TensorFile> file;
    if (fresh && !config_.weights.init.empty()) file.emplace(open_tensor_file(config_.weights.init, config_.weights.state_dict));
    const Convention convention = file ? resolve_convention({}, *file) : Convention{};
    description_ = describe_run(config_, convention, all.classes);
    resolve(config_, description_);
    if (file) {
      for (const std::string& note : file->notes()) say(file->path() + ": " + note);
      const bool guessed = !convention.padding || convention.padding->guess || !convention.bn_eps || convention.bn_eps->guess;
      say(fmt::format(
          "{}: {} padding {}, bn_eps {}", file->path(),
          guessed ? "nothing in it says how it was trained ([model] padding and bn_eps can); taken as trained with" : "trained with",
          config_.model.padding, config_.model.bn_eps));
    }
    const auto photos = static_cast<double>(all.photos.size());
    // Decoded photos wait in the host's memory: beside the step only where that runs there too.
    const double cache = &backend_.ops->memory() == &host_memory() ? std::min(photos * config_.data.crop * config_.data.crop * 3,
                                                                              static_cast<double>(config_.data.cache_mb) * (1 << 20))
                                                                   : 0.0;
    require_memory(description_.spec, config_, backend_.ops->memory().available(), static_cast<std::size_t>(cache));

    engine_ = std::make_unique<Engine>(*backend_.ops, description_.spec, description_.normalisation, true, storage_type(config_));
    engine_->profile_with(&profiler_);
    initialise(engine_->parameters(), config_.run.seed);
    if (file) {
      const LoadReport report = load_weights(*file, engine_->model().network(), engine_->parameters(),
                                             {config_.weights.allow_missing, config_.run.seed, all.classes});
      for (const std::string& line : report.lines()) say(file->path() + ": " + line);
    }
    optimizer_ = std::make_unique<Optimizer>(engine_->parameters(), config_);
    step_ = std::make_unique<TrainingStep>(*engine_, *optimizer_, static_cast<float>(config_.train.label_smoothing));
    training_ = std::make_unique<Loader>(
        split_.training, loader_options(config_, description_, true, static_cast<double>(split_.training.photos.size()) / photos));
    if (!split_.holdout.photos.empty())
      held_out_ = std::make_unique<Loader>(
          split_.holdout, loader_options(config_, description_, false, static_cast<double>(split_.holdout.photos.size()) / photos));
    if (training_->batches() == 0)
      fail("[train] batch = {} is larger than the {} photos to train on", config_.train.batch, split_.training.photos.size());
    say(fmt::format("{} photos of {} to train on, {} of {} held out; {} classes; {} parameters", split_.training.photos.size(),
                    count_of_people(split_.training_people), split_.holdout.photos.size(), split_.holdout_people, all.classes.size(),
                    engine_->parameters().count()));
    const MemoryForecast memory = forecast(description_.spec, config_, config_.train.batch, config_.data.crop, config_.data.crop);
    say(fmt::format("memory: {:.2f} GB for weights and optimizer, {:.2f} GB for the feature maps of a step", memory.parameters * 1e-9,
                    memory.step * 1e-9));
  }

  /// The folder of a new run, with what is known before its first step.
  void create_folder() {
    std::error_code error;
    fs::create_directories(dir_, error);
    if (error) fail("[run] dir = {} cannot be made: {}", dir_.string(), error.message());
    lock_.emplace(dir_);
    require_no_checkpoint(dir_);
    remove_temporaries(dir_);
    if (fs::exists(dir_ / "split.csv")) say(dir_.string() + ": the run in it stopped before its first checkpoint; begun anew");
    write_file_atomically((dir_ / "split.csv").string(), split_table(split_));  // first: a config.ini alone may be a user's own
    write_file_atomically((dir_ / "config.ini").string(), write_config(config_));
  }

  /// The state after the last finished epoch. The people must be on the sides where they were: a photo that came or went
  /// would deal them anew, and faces the network was trained on would be held out.
  void load_progress() {
    const std::string state = (dir_ / "last.safetensors").string();
    require_writable(state);
    if (!fs::exists(state) && !fs::exists(dir_ / "previous.safetensors"))
      fail("{} has no last.safetensors: the run stopped in its first epoch; start it again", dir_.string());
    lock_.emplace(dir_);
    remove_temporaries(dir_);
    std::ifstream file(dir_ / "split.csv");
    const std::string then((std::istreambuf_iterator<char>(file)), {});
    if (then != split_table(split_)) fail("{}: the photos are not those the run began with", (dir_ / "split.csv").string());
    try {
      progress_ = load_state(state, engine_->parameters(), *optimizer_);
    } catch (const Error& damage) {
      const std::string previous = (dir_ / "previous.safetensors").string();
      if (!fs::exists(previous)) throw;
      say(fmt::format("{}; going on from {}", damage.what(), previous));
      progress_ = load_state(previous, engine_->parameters(), *optimizer_);
    }
    require_same_settings(progress_.settings, settings_of(config_));
    cut_log();
  }

  void go() {
    if (progress_.epochs >= config_.train.epochs) {
      say(fmt::format("{}: all {} epochs are done", dir_.string(), config_.train.epochs));
      return;
    }
    const Interruption interruption;
    while (progress_.epochs < config_.train.epochs) {
      if (!epoch()) return;
      if (Interruption::signal() != 0 && progress_.epochs < config_.train.epochs) leave();
    }
    say("run: " + dir_.string());
  }

 private:
  /// False if options_.stop_after ended it.
  bool epoch() {
    const auto start = std::chrono::steady_clock::now();
    training_->start_epoch(static_cast<uint32_t>(progress_.epochs));
    double photos_per_second = 0, rate = 0;
    double& loss_sum = progress_.loss_sum;
    int64_t& done = progress_.batches;
    {
      Batch batch;
      for (int64_t i = 0; i < done; ++i)  // what was trained on before the run stopped
        if (!training_->next(batch)) fail("{}: the epoch has fewer photos than when the run stopped", dir_.string());
      Progress line(fmt::format("epoch {}/{}", progress_.epochs + 1, config_.train.epochs), steps_per_epoch() - done);
      auto saved = std::chrono::steady_clock::now();
      for (next(batch); batch.n > 0;) {
        const int64_t photos = batch.n;
        rate = learning_rate();
        loss_sum += step(batch, rate);
        ++done;
        line.step(photos, fmt::format("loss {:.4f}", loss_sum / static_cast<double>(done)));
        if (options_.stop_after > 0 && progress_.steps >= options_.stop_after) break;
        if (batch.n == 0) break;  // the epoch's end saves
        const std::chrono::duration<double, std::ratio<60>> since = std::chrono::steady_clock::now() - saved;
        const bool is_due = config_.train.checkpoint_minutes > 0 && since.count() >= config_.train.checkpoint_minutes;
        if (!is_due && Interruption::signal() == 0) continue;
        require_finite();
        save();
        saved = std::chrono::steady_clock::now();
        if (Interruption::signal() != 0) leave();
      }
      photos_per_second = line.photos_per_second();
    }
    if (done == 0) {
      const auto readable = static_cast<int64_t>(split_.training.photos.size()) - training_->broken();
      fail("[train] batch = {} is larger than the {} photos to train on that can be read", config_.train.batch, readable);
    }
    if (options_.profile) write_profile();
    if (options_.stop_after > 0 && progress_.steps >= options_.stop_after) return false;
    require_finite();
    ++progress_.epochs;
    progress_.left_out = std::max(progress_.left_out, training_->broken());
    optimizer_->swap_averages();
    nlohmann::json row{{"epoch", progress_.epochs},
                       {"steps", progress_.steps},
                       {"loss", loss_sum / static_cast<double>(done)},
                       {"learning_rate", rate},
                       {"images_per_second", photos_per_second}};
    const bool keep = score(row);
    if (keep) save_weights((dir_ / "best.safetensors").string(), engine_->parameters(), metadata_of(description_), progress_.steps);
    optimizer_->swap_averages();
    row["seconds"] = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    row["arena_peak_bytes"] = engine_->arena().peak();
    row["peak_resident_bytes"] = peak_resident_bytes();
    if (const std::size_t broken = name_broken_photos()) row["broken_photos"] = broken;
    log(row);  // first: a line of an epoch that was not saved is cut off again, one that is missing could not be made
    done = 0;
    loss_sum = 0;
    save();
    return true;
  }

  /// The state before stays as previous.safetensors until the next one is whole.
  void save() {
    progress_.settings = settings_of(config_);
    const fs::path last = dir_ / "last.safetensors", before = dir_ / ".mcnn.previous.tmp";
    std::error_code absent;  // the first state has none before it; some file systems have no second names
    fs::create_hard_link(last, before, absent);
    try {
      save_state(last.string(), description_, engine_->parameters(), *optimizer_, progress_);
    } catch (...) {
      fs::remove(before, absent);
      throw;
    }
    fs::rename(before, dir_ / "previous.safetensors", absent);
  }

  /// The state is saved.
  [[noreturn]] void leave() const {
    const int number = Interruption::signal();
    throw Interrupted(fmt::format("ended by signal {} ({}) after step {}; mcnn-train --resume {} goes on from there", number,
                                  strsignal(number), progress_.steps, dir_.string()),
                      number);
  }

  /// As far as is known which photos can be read.
  int64_t steps_per_epoch() const {
    const auto photos = static_cast<int64_t>(split_.training.photos.size());
    return (photos - std::max(progress_.left_out, training_->broken())) / config_.train.batch;
  }

  /// Of the next step.
  double learning_rate() const {
    const int64_t per_epoch = steps_per_epoch();
    const CosineSchedule schedule{config_.train.learning_rate, std::llround(config_.train.warmup_epochs * static_cast<double>(per_epoch)),
                                  per_epoch * config_.train.epochs};
    return schedule.at(progress_.steps);
  }

  /// Leaves `batch` empty at the end of the epoch.
  void next(Batch& batch) {
    const auto waiting = profiler_.operation("loader");
    if (!training_->next(batch)) batch = {};
    if (batch.n > 0) step_->bring(batch);
  }

  /// Over `batch`, which becomes the next one meanwhile. Returns the loss.
  double step(Batch& batch, double learning_rate) {
    const auto span = profiler_.step();
    const bool scaled = storage_type(config_) == DType::f16;
    step_->begin({config_.run.seed, static_cast<uint32_t>(progress_.steps), static_cast<float>(learning_rate),
                  scaled ? progress_.loss_scale.value : 1.f});
    next(batch);
    const auto [loss, norm] = step_->end();
    ++progress_.steps;
    if (!std::isfinite(loss)) diverged("the loss", loss);
    const bool finite = std::isfinite(norm);
    if (scaled) progress_.loss_scale.update(finite);
    if (!finite && (!scaled || progress_.loss_scale.value < 1.f)) diverged("the gradient's norm", norm);
    if (!finite) --progress_.steps;  // nothing was changed: the next batch is this step
    return loss;
  }

  /// A loss can be finite on weights, statistics or moments that are not: no network would take them from the file.
  void require_finite() {
    const auto check = [&](const std::string& name, const Tensor& tensor) {
      for (const float value : to_floats(*backend_.ops, tensor))
        if (!std::isfinite(value)) diverged(name, value);
    };
    for (const NamedTensor& t : engine_->parameters().tensors()) check(t.name, t.value);
    for (const Optimizer::State& s : optimizer_->state()) check(s.name, s.value);
  }

  [[noreturn]] void diverged(const std::string& what, double value) const {
    fail("step {}: {} is {}; nothing of this epoch was saved. A lower [train] learning_rate, warmup_epochs or clip_norm may help",
         progress_.steps, what, value);
  }

  /// Evaluates on the held-out people and adds the scores to `row`; whether these weights are the ones to keep.
  bool score(nlohmann::json& row) {
    if (!held_out_) {
      say(fmt::format("epoch {}: loss {:.4f}", progress_.epochs, row["loss"].get<double>()));
      return true;
    }
    const Confusion confusion = evaluate(*engine_, *held_out_, "evaluating");
    row["macro_f1"] = confusion.macro_f1();
    row["accuracy"] = confusion.accuracy();
    say(fmt::format("epoch {}: loss {:.4f}  held out: {}", progress_.epochs, row["loss"].get<double>(),
                    score_line(confusion, description_.classes == competition_classes())));
    const bool better = confusion.macro_f1() > progress_.best_score;
    progress_.best_score = std::max(progress_.best_score, confusion.macro_f1());
    return better || config_.train.select == "last";
  }

  /// Says which photos were left out, each once; returns how many there are by now.
  std::size_t name_broken_photos() {
    for (const Loader* loader : {training_.get(), held_out_.get()})
      if (loader)
        for (const std::string& complaint : loader->complaints())
          if (broken_.insert(complaint).second) say("left out: " + complaint);
    return broken_.size();
  }

  /// The lines of epochs that are done anew, and one that was cut, go.
  void cut_log() const {
    const std::string path = (dir_ / "log.jsonl").string();
    std::ifstream file(path);
    std::string kept, whole;
    for (std::string line; std::getline(file, line);) {
      whole += line + "\n";
      const auto row = nlohmann::json::parse(line, nullptr, false);
      if (row.is_object() && row.value("epoch", 0) > 0 && row.value("epoch", 0) <= progress_.epochs) kept += line + "\n";
    }
    if (kept != whole) write_file_atomically(path, kept);
  }

  void log(const nlohmann::json& row) const {
    std::FILE* file = std::fopen((dir_ / "log.jsonl").c_str(), "a");
    const std::string text = row.dump() + "\n";
    const bool written = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
    if (!file || std::fclose(file) != 0 || !written) fail("{}: cannot be written", (dir_ / "log.jsonl").string());
    std::fflush(stdout);
  }

  void write_profile() {
    say(profiler_.tables());
    profiler_.write_chrome_trace((dir_ / "trace.json").string());
  }

  Config config_;
  TrainOptions options_;
  fs::path dir_;
  std::optional<FolderLock> lock_;
  Profiler profiler_;
  Backend backend_;
  Split split_;
  ModelDescription description_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<TrainingStep> step_;
  std::unique_ptr<Loader> training_, held_out_;
  RunProgress progress_;
  std::set<std::string> broken_;
};

}  // namespace

void train(const Config& config, const TrainOptions& options) {
  require_no_checkpoint(config.run.dir);  // before anything that takes time
  Run run(config, options, true);
  run.create_folder();
  run.go();
}

std::string describe(const Config& config) {
  const Convention convention =
      config.weights.init.empty() ? Convention{} : resolve_convention({}, open_tensor_file(config.weights.init, config.weights.state_dict));
  return describe(build_network(describe_run(config, convention, classes_of(config)).spec), config.train.batch, config.data.crop,
                  config.data.crop);
}

void resume(const std::string& dir, const TrainOptions& options) {
  Config config = read_config((fs::path(dir) / "config.ini").string());
  config.run.dir = dir;
  Run run(std::move(config), options, false);
  run.load_progress();
  run.go();
}

}  // namespace mcnn
