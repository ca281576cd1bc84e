// mcnn-infer: classifies photos with a weights file; network, classes and preprocessing come from the file.
// infer() is the program; inference/engine.h runs the network, inference/answers.h writes the answers.
#include <fmt/ranges.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <unordered_map>

#include "apps/entry.h"
#include "apps/network_flags.h"
#include "data/csv.h"
#include "data/layouts.h"
#include "data/loader.h"
#include "data/photo_walk.h"
#include "inference/answers.h"
#include "inference/evaluate.h"
#include "kernels/backend.h"
#include "runtime/atomic_file.h"
#include "runtime/error.h"
#include "weights/load.h"

namespace {

namespace fs = std::filesystem;
using namespace mcnn;

struct Arguments {
  std::string run, checkpoint, state_dict, images, info, output, ground_truth, probabilities, device = "auto";
  std::vector<std::string> photos;
  NetworkFlags network;
  ProductOptions products;
  int batch = 16, threads = 0, workers = 1;
  bool skip_broken = false, json = false, resume = false;
  double max_megapixels = 100;

  std::string weights() const { return run.empty() ? checkpoint : (fs::path(run) / "best.safetensors").string(); }
};

/// Checks the arguments before the work begins.
void check(const Arguments& a) {
  if (a.run.empty() == a.checkpoint.empty()) fail("give either --run DIR or --checkpoint FILE");
  if (a.info.empty() == a.photos.empty()) fail("give either photos and folders, or --info CSV with --images DIR");
  if (!a.info.empty() && a.images.empty()) fail("--info needs --images DIR");
  if (!a.info.empty() && a.output.empty() && a.probabilities.empty() && !a.json) fail("--info needs --output CSV, --probs CSV or --json");
  if (!a.output.empty() && a.info.empty()) fail("--output needs --info");
  if (!a.ground_truth.empty() && a.info.empty()) fail("--gt needs --info");
  if (a.resume && a.probabilities.empty()) fail("--resume needs --probs: it continues that table");
  if (a.resume && !a.output.empty()) fail("--output needs all answers of one run; --resume computes only the missing ones");
  if (a.resume && !a.ground_truth.empty()) fail("--gt needs all answers of one run; --resume computes only the missing ones");
  for (const auto& [file, option] : {std::pair(a.output, "--output "), std::pair(a.probabilities, "--probs ")}) {
    if (file.empty()) continue;
    require_writable(file, option);
    require_no_overwriting(file, {a.info, a.ground_truth, a.weights()});
  }
  std::error_code unknown;  // ignored: a pipe has no canonical path
  if (!a.output.empty() && !a.probabilities.empty() &&
      fs::weakly_canonical(a.output, unknown) == fs::weakly_canonical(a.probabilities, unknown))
    fail("--output and --probs are one file, {}", a.output);
}

/// The photos to classify, one at a time. Photo::person is their name in the answers: the ImageID if --info lists them, else the path.
class PhotoList {
 public:
  explicit PhotoList(const Arguments& a)
      : walk_(a.photos, a.skip_broken), listed_(a.info.empty() ? Dataset{} : read_info(a.info, a.images, 0, a.skip_broken)) {}

  bool next(Photo& photo) {
    if (at_ < listed_.photos.size()) {
      photo = listed_.photos[at_++];
      return true;
    }
    if (!walk_.next(photo.path)) return false;
    photo.person = photo.path;
    return true;
  }
  const Skipped& skipped() const { return walk_.skipped(); }

 private:
  PhotoWalk walk_;
  Dataset listed_;
  std::size_t at_ = 0;
};

/// Compares answers with the true classes in --gt and prints the scores.
void print_scores(const Arguments& a, const ModelDescription& d, const Dataset& truths,
                  const std::vector<std::pair<std::string, int>>& answers) {
  std::unordered_map<std::string, int> predicted;
  for (const auto& [photo, answer] : answers)
    if (answer >= 0) predicted[photo] = answer;
  Confusion confusion(d.spec.classes);
  for (const Photo& truth : truths.photos)
    if (const auto found = predicted.find(truth.person); found != predicted.end()) confusion.add(truth.label, found->second);
  if (confusion.total() < static_cast<int64_t>(answers.size()))
    std::fprintf(stderr, "scored: %lld of %zu photos, the others lack a true class or an answer\n",
                 static_cast<long long>(confusion.total()), answers.size());
  std::fprintf(a.json ? stderr : stdout, "%s\n", score_line(confusion, d.classes == competition_classes()).c_str());
}

void infer(const Arguments& a) {
  check(a);
  const TensorFile file = open_tensor_file(a.weights(), a.state_dict);
  std::vector<std::string> notes;
  const ModelDescription d = a.network.describe(file, notes);
  PhotoList list(a);
  const Dataset truths =  // read before the work, so that its mistakes are reported early
      a.ground_truth.empty() ? Dataset{} : read_info(a.ground_truth, a.images, d.spec.classes, a.skip_broken);

  const Backend backend = make_backend(a.device, a.threads, nullptr, a.products);
  Engine engine(*backend.ops, d.spec, d.normalisation, false);
  const LoadReport report = load_weights(file, engine.model().network(), engine.parameters(), {a.network.allow_missing, 0});
  require_head_of_file(report, file, d.spec.classes);
  for (const std::string& line : report.lines()) notes.push_back(line);
  std::fprintf(stderr, "%s\n", backend.reason.c_str());
  for (const std::string& note : notes) std::fprintf(stderr, "%s: %s\n", file.path().c_str(), note.c_str());

  std::vector<std::unique_ptr<Answers>> sinks;
  if (a.json) sinks.push_back(json_answers(d.classes, stdout));
  if (!a.json && a.info.empty()) sinks.push_back(text_answers(d.classes, stdout));
  ProbabilityTable* table = nullptr;
  if (!a.probabilities.empty()) {
    sinks.push_back(std::make_unique<ProbabilityTable>(a.probabilities, d.classes, a.resume));
    table = static_cast<ProbabilityTable*>(sinks.back().get());
  }
  const LoaderOptions options{.batch = a.batch,
                              .workers = a.workers,
                              .skip_broken = a.skip_broken,
                              .may_be_all_broken = true,
                              .preprocess = d.preprocess,
                              .classes = static_cast<int64_t>(d.classes.size()),
                              .most_pixels = std::llround(a.max_megapixels * 1e6)};

  // The list is processed in pieces, so that memory does not grow with it (except for names: those of a folder, or of --info).
  const std::size_t piece = static_cast<std::size_t>((4096 + a.batch - 1) / a.batch * a.batch);
  const bool keeps_answers = !a.output.empty() || !a.ground_truth.empty();
  std::vector<std::pair<std::string, int>> answers;
  int64_t done = 0, had = 0, broken = 0;
  std::optional<Photo> probe;  // the last photo with an answer in the table: it is classified again, and the answer must be the same
  for (;;) {
    Dataset photos;
    std::size_t probes = 0;
    for (Photo photo; photos.photos.size() < piece && list.next(photo);) {
      if (table && table->has(photo.person)) {
        ++had;
        if (table->had_answer()) probe = photo;
        continue;
      }
      if (probe) photos.photos.push_back(*std::exchange(probe, {})), probes = 1;
      photos.photos.push_back(std::move(photo));
    }
    if (photos.photos.empty()) break;
    Loader loader(photos, options);
    std::size_t next = 0, complaint = 0;
    const auto leave_out = [&](std::size_t end) {
      for (; next < end; ++next, ++complaint) {
        if (next < probes) continue;
        for (const auto& sink : sinks) sink->add_broken(photos.photos[next].person, loader.complaints()[complaint]);
        if (keeps_answers) answers.emplace_back(photos.photos[next].person, -1);
      }
    };
    const std::string title = done > 0 ? fmt::format("inferring, {} done", done) : "inferring";
    for_each_prediction(engine, loader, title, [&](const Batch& batch, const std::vector<float>& logits) {
      const std::vector<int> predicted = argmax_rows(logits, d.spec.classes);
      for (std::size_t i = 0; i < predicted.size(); ++i, ++next) {
        leave_out(static_cast<std::size_t>(batch.photos[i]));
        if (next < probes) {
          table->require_same(logits.data() + i * d.classes.size());
          continue;
        }
        for (const auto& sink : sinks) sink->add(photos.photos[next].person, logits.data() + i * d.classes.size());
        if (keeps_answers) answers.emplace_back(photos.photos[next].person, predicted[i]);
      }
      for (const auto& sink : sinks) sink->flush();
    });
    leave_out(photos.photos.size());
    for (const auto& sink : sinks) sink->flush();
    for (const std::string& why : loader.complaints()) std::fprintf(stderr, "left out: %s\n", why.c_str());
    done += static_cast<int64_t>(photos.photos.size() - probes);
    broken += loader.broken();
  }
  if (table) table->finish();
  if (a.resume)
    std::fprintf(stderr, "%s: had %lld rows, %lld were added\n", a.probabilities.c_str(), static_cast<long long>(had),
                 static_cast<long long>(done));
  for (const auto& [what, count] : list.skipped()) std::fprintf(stderr, "skipped: %lld %s\n", static_cast<long long>(count), what.c_str());
  if (broken > 0) std::fprintf(stderr, "%lld photos could not be read and have no answer\n", static_cast<long long>(broken));
  if (done == 0 && had == 0) fail("there are no photos in {}", a.info.empty() ? fmt::format("{}", fmt::join(a.photos, ", ")) : a.info);
  if (done > 0 && had == 0 && broken == done) fail("none of the {} photos can be decoded", done);

  if (!a.output.empty()) {
    std::string rows = "ImageID,ans\n";
    for (const auto& [photo, answer] : answers)
      rows += fmt::format("{},{}\n", csv_field(photo), answer < 0 ? std::string() : std::to_string(answer));
    write_file_atomically(a.output, rows);
  }
  if (!a.ground_truth.empty()) print_scores(a, d, truths, answers);
}

int run(int argc, char** argv) {
  CLI::App app("Classifies photos with a weights file.");
  Arguments a;
  app.add_option("photos", a.photos, "photos, and folders of photos, to classify: prints the three most likely classes of each");
  app.add_option("--run", a.run, "folder of a run: its best.safetensors is used");
  app.add_option("--checkpoint", a.checkpoint, "weights file: safetensors or torch.save's");
  app.add_option("--state-dict", a.state_dict, "which dictionary of a checkpoint that holds several: state_dict, ema/module");
  app.add_option("--images", a.images, "folder of the photos that --info lists");
  app.add_option("--info", a.info, "CSV with a column ImageID");
  app.add_option("--output,--out", a.output, "CSV to write: ImageID,ans in the order of --info");
  app.add_flag("--json", a.json, "prints one JSON object per line with all probabilities; for broken photos (--skip-broken) the reason");
  app.add_option("--probs", a.probabilities, "CSV to write as answers come: photo,answer and every class's probability");
  app.add_flag("--resume", a.resume,
               "continue a --probs table that was interrupted, with the same list, network and settings: its rows are kept, also those "
               "without an answer");
  app.add_option("--gt", a.ground_truth, "CSV with the true classes (ImageID,ans): prints the scores");
  a.network.add_numerics(app);
  a.network.add_preprocessing(app);
  app.add_option("--device", a.device, "auto (cuda where there is a GPU, else cpu), cpu, cuda, sim or ref")->capture_default_str();
  app.add_option("--products", a.products.products,
                 "matrix products on a GPU: own kernels, or cuBLAS and cuDNN (vendor, auto) where these are found");
  app.add_flag("--allow-tf32", a.products.allow_tf32,
               "tensor cores may round fp32 operands to tf32; no effect on cpu, ref and GPUs before sm_80");
  app.add_option("--threads", a.threads, "0: as many as the process may use")->check(CLI::Range(0, 4096))->capture_default_str();
  app.add_option("--batch", a.batch, "photos per pass")->check(CLI::Range(1, 65536))->capture_default_str();
  app.add_option("--workers", a.workers, "threads that decode ahead")->check(CLI::Range(0, 256))->capture_default_str();
  app.add_option("--max-megapixels", a.max_megapixels, "larger photos are refused (default: 100)")->check(CLI::Range(0.001, 1e5));
  app.add_flag("--skip-broken", a.skip_broken, "leave unreadable photos without an answer instead of stopping");
  if (const auto code = parse_arguments(app, argc, argv, "mcnn-infer")) return *code;
  infer(a);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return mcnn::run_program("mcnn-infer", [&] { return run(argc, argv); });
}
