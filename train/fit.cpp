// The training loop. run() calls epoch() until all are done; epoch() calls steps(), one pass over the photos, then evaluates and saves;
// steps() calls step() for each batch. training_step.h computes; this file handles what happens between steps: signals, checkpoints,
// values that are not finite.  Contract: fit.h.
#include "train/fit.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>

#include "data/progress.h"
#include "inference/evaluate.h"
#include "runtime/error.h"
#include "runtime/resident.h"
#include "train/interruption.h"
#include "train/same_settings.h"
#include "train/schedule.h"

namespace mcnn {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

class Fit {
 public:
  Fit(Run& run, RunFolder& folder, Recorder& recorder, RunProgress progress, int64_t stop_after)
      : run_(run), folder_(folder), recorder_(recorder), progress_(std::move(progress)), stop_after_(stop_after) {}

  void run() {
    const int epochs = run_.config.train.epochs;
    if (progress_.epochs >= epochs) {
      say(fmt::format("{}: all {} epochs are done", folder_.path().string(), epochs));
      return;
    }
    const Interruption interruption;
    while (progress_.epochs < epochs) {
      epoch();
      if (is_stopped()) return;
      if (Interruption::signal() != 0 && progress_.epochs < epochs) end_by_signal();
    }
    say("run: " + folder_.path().string());
  }

 private:
  /// Whether the step limit of the command line is reached.
  bool is_stopped() const { return stop_after_ > 0 && progress_.steps >= stop_after_; }

  void epoch() {
    const auto start = Clock::now();
    EpochRecord record = steps();
    if (progress_.batches == 0) {
      const auto readable = static_cast<int64_t>(run_.split.training.photos.size()) - run_.training->broken();
      fail("[train] batch = {} is larger than the {} photos to train on that can be read", run_.config.train.batch, readable);
    }
    if (run_.profiler.enabled()) recorder_.profile(run_.profiler);
    if (is_stopped()) return;
    require_finite();
    record.epoch = ++progress_.epochs;
    record.steps = progress_.steps;
    record.loss = mean_loss();
    progress_.left_out = std::max(progress_.left_out, run_.training->broken());
    run_.optimizer->swap_averages();
    if (score(record)) folder_.save_best(run_.description, run_.engine->parameters(), progress_.steps);
    run_.optimizer->swap_averages();
    record.seconds = seconds_since(start);
    record.arena_peak_bytes = run_.engine->workspace().bytes();
    record.peak_resident_bytes = peak_resident_bytes();
    for (const Loader* loader : {run_.training.get(), run_.held_out.get()})
      if (loader) recorder_.left_out(loader->complaints());
    recorder_.log(record);  // before save(): on resuming a line of an unsaved epoch is removed, but a missing one cannot be recreated
    progress_.batches = 0;
    progress_.loss_sum = 0;
    save();
  }

  /// Trains on the rest of the epoch, or until is_stopped(). Fills in the record's learning rate (of the last step) and speed.
  EpochRecord steps() {
    run_.training->start_epoch(static_cast<uint32_t>(progress_.epochs));
    EpochRecord record;
    Batch batch;
    for (int64_t i = 0; i < progress_.batches; ++i)  // skip the batches trained on before the run stopped
      if (!run_.training->next(batch)) fail("{}: the epoch has fewer photos than when the run stopped", folder_.path().string());
    Progress line(fmt::format("epoch {}/{}", progress_.epochs + 1, run_.config.train.epochs), steps_per_epoch() - progress_.batches);
    auto saved = Clock::now();
    for (next(batch); batch.n > 0;) {
      const int64_t photos = batch.n;
      record.learning_rate = learning_rate();
      progress_.loss_sum += step(batch, record.learning_rate);
      ++progress_.batches;
      line.step(photos, fmt::format("loss {:.4f}", mean_loss()));
      if (is_stopped()) break;
      if (batch.n == 0) break;  // the epoch's end saves
      const double minutes = run_.config.train.checkpoint_minutes;
      const bool is_due = minutes > 0 && seconds_since(saved) >= 60 * minutes;
      if (!is_due && Interruption::signal() == 0) continue;
      require_finite();
      save();
      saved = Clock::now();
      if (Interruption::signal() != 0) end_by_signal();
    }
    record.images_per_second = line.photos_per_second();
    return record;
  }

  /// Of the epoch's batches so far.
  double mean_loss() const { return progress_.loss_sum / static_cast<double>(progress_.batches); }

  /// Without the photos found unreadable so far.
  int64_t steps_per_epoch() const {
    const auto photos = static_cast<int64_t>(run_.split.training.photos.size());
    return (photos - std::max(progress_.left_out, run_.training->broken())) / run_.config.train.batch;
  }

  /// Of the next step.
  double learning_rate() const {
    const TrainingOptions& train = run_.config.train;
    const int64_t per_epoch = steps_per_epoch();
    const CosineSchedule schedule{train.learning_rate, std::llround(train.warmup_epochs * static_cast<double>(per_epoch)),
                                  per_epoch * train.epochs};
    return schedule.at(progress_.steps);
  }

  /// Leaves `batch` empty at the end of the epoch.
  void next(Batch& batch) {
    const auto waiting = run_.profiler.operation("loader");
    if (!run_.training->next(batch)) batch = {};
    if (batch.n > 0) run_.step->upload(batch);
  }

  /// Runs one step over `batch`, and loads the next batch into it meanwhile. Returns the loss.
  double step(Batch& batch, double learning_rate) {
    const auto span = run_.profiler.step();
    const bool scaled = storage_type(run_.config.model) == DType::f16;
    run_.step->begin({run_.config.run.seed, static_cast<uint32_t>(progress_.steps), static_cast<float>(learning_rate),
                      scaled ? progress_.loss_scale.value : 1.f});
    next(batch);
    const auto [loss, norm] = run_.step->end();
    ++progress_.steps;
    if (!std::isfinite(loss)) diverged("the loss", loss);
    const bool finite = std::isfinite(norm);
    if (scaled) progress_.loss_scale.update(finite);
    if (!finite && (!scaled || progress_.loss_scale.value < 1.f)) diverged("the gradient's norm", norm);
    if (!finite) --progress_.steps;  // the step changed nothing: the next batch gets its number
    return loss;
  }

  /// Checks all weights, statistics and moments before they are saved: the loss can be finite although some of them are not.
  void require_finite() const {
    const auto check = [&](const std::string& name, const Tensor& tensor) {
      for (const float value : to_floats(*run_.backend.ops, tensor))
        if (!std::isfinite(value)) diverged(name, value);
    };
    for (const NamedTensor& t : run_.engine->parameters().tensors()) check(t.name, t.value);
    for (const Optimizer::State& s : run_.optimizer->state()) check(s.name, s.value);
  }

  [[noreturn]] void diverged(const std::string& what, double value) const {
    fail("step {}: {} is {}; nothing of this epoch was saved. A lower [train] learning_rate, warmup_epochs or clip_norm may help",
         progress_.steps, what, value);
  }

  /// Evaluates on the held-out people and reports the epoch. Returns whether these weights become best.safetensors.
  bool score(EpochRecord& record) {
    if (run_.held_out) record.held_out = evaluate(*run_.engine, *run_.held_out, "evaluating");
    recorder_.tell(record);
    if (!record.held_out) return true;
    const double macro_f1 = record.held_out->macro_f1();
    const bool better = macro_f1 > progress_.best_score;
    progress_.best_score = std::max(progress_.best_score, macro_f1);
    return better || run_.config.train.select == "last";
  }

  void save() {
    progress_.settings = settings_of(run_.config);
    folder_.save(run_.description, run_.engine->parameters(), *run_.optimizer, progress_);
  }

  /// Called after the state is saved.
  [[noreturn]] void end_by_signal() const {
    const int number = Interruption::signal();
    throw Interrupted(fmt::format("ended by signal {} ({}) after step {}; mcnn-train --resume {} continues from there", number,
                                  strsignal(number), progress_.steps, folder_.path().string()),
                      number);
  }

  Run& run_;
  RunFolder& folder_;
  Recorder& recorder_;
  RunProgress progress_;
  int64_t stop_after_;
};

}  // namespace

void fit(Run& run, RunFolder& folder, Recorder& recorder, RunProgress progress, int64_t stop_after) {
  Fit(run, folder, recorder, std::move(progress), stop_after).run();
}

}  // namespace mcnn
