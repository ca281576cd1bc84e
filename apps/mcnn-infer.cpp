// mcnn-infer: classifies photos with a weights file; network, classes and preprocessing come from the file.
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <numeric>
#include <unordered_map>

#include "apps/entry.h"
#include "apps/network_flags.h"
#include "data/csv.h"
#include "data/layouts.h"
#include "data/loader.h"
#include "kernels/backend.h"
#include "runtime/error.h"
#include "train/evaluate.h"
#include "weights/atomic_file.h"
#include "weights/load.h"

namespace {

namespace fs = std::filesystem;
using namespace mcnn;

struct Arguments {
  std::string run, checkpoint, state_dict, images, info, output, ground_truth, device = "auto";
  std::vector<std::string> photos;
  NetworkFlags network;
  ProductOptions products;
  int batch = 16, threads = 0, workers = 1;
  bool skip_broken = false;
  double max_megapixels = 100;
};

Dataset photos_of(const Arguments& a) {
  if (!a.info.empty()) return read_info(a.info, a.images);
  Dataset photos;
  for (const std::string& path : a.photos) photos.photos.push_back({path});
  return photos;
}

/// What would be noticed only when all the work is done, or too late.
void check_output(const Arguments& a, const std::string& weights) {
  if (a.info.empty()) fail("--output needs --info");
  require_writable(a.output, "--output ");
  require_no_overwriting(a.output, {a.info, a.ground_truth, weights});
}

/// "photo.jpg: wear/female/30-59 0.91, wear/female/<30 0.05, ..." from one row of logits.
std::string best_three(const std::string& path, const float* logits, const std::vector<std::string>& classes) {
  const std::vector<double> p = softmax(logits, classes.size());
  std::vector<std::size_t> order(classes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) { return logits[x] > logits[y]; });
  std::string line = path + ":";
  for (std::size_t i = 0; i < std::min<std::size_t>(3, order.size()); ++i)
    line += fmt::format("{} {} {:.3f}", i ? "," : "", classes[order[i]], p[order[i]]);
  return line;
}

void infer(const Arguments& a) {
  if (a.run.empty() == a.checkpoint.empty()) fail("give either --run DIR or --checkpoint FILE");
  if (a.info.empty() == a.photos.empty()) fail("give either photos or --info CSV with --images DIR and --output CSV");
  if (!a.info.empty() && (a.images.empty() || a.output.empty())) fail("--info needs --images DIR and --output CSV");
  if (!a.ground_truth.empty() && a.info.empty()) fail("--gt needs --info");
  const std::string weights = a.run.empty() ? a.checkpoint : (fs::path(a.run) / "best.safetensors").string();
  if (!a.output.empty()) check_output(a, weights);

  const TensorFile file = open_tensor_file(weights, a.state_dict);
  std::vector<std::string> notes;
  const ModelDescription d = a.network.describe(file, notes);
  const Dataset photos = photos_of(a);
  const Dataset truths = a.ground_truth.empty() ? Dataset{} : read_info(a.ground_truth, a.images, d.spec.classes);

  const Backend backend = make_backend(a.device, a.threads, nullptr, a.products);
  Engine engine(*backend.ops, d.spec, d.normalisation, false);
  const LoadReport report = load_weights(file, engine.model().architecture(), engine.parameters(), {a.network.allow_missing, 0});
  for (const std::string& line : report.lines()) notes.push_back(line);

  Loader loader(photos, {.batch = a.batch,
                         .workers = a.workers,
                         .skip_broken = a.skip_broken,
                         .preprocess = d.preprocess,
                         .classes = static_cast<int64_t>(d.classes.size()),
                         .most_pixels = std::llround(a.max_megapixels * 1e6)});
  std::fprintf(stderr, "%s\n", backend.reason.c_str());
  for (const std::string& note : notes) std::fprintf(stderr, "%s: %s\n", file.path().c_str(), note.c_str());
  std::vector<int> answers(photos.photos.size(), -1);
  for_each_prediction(engine, loader, "inferring", [&](const Batch& batch, const std::vector<float>& logits) {
    const std::vector<int> predicted = argmax_rows(logits, d.spec.classes);
    for (std::size_t i = 0; i < predicted.size(); ++i) {
      const auto photo = static_cast<std::size_t>(batch.photos[i]);
      answers[photo] = predicted[i];
      if (a.info.empty())
        std::printf("%s\n", best_three(photos.photos[photo].path, logits.data() + i * d.classes.size(), d.classes).c_str());
    }
  });
  for (const std::string& complaint : loader.complaints()) std::fprintf(stderr, "left out: %s\n", complaint.c_str());
  if (loader.broken() > 0)
    std::fprintf(stderr, "%lld photos could not be read and have no answer\n", static_cast<long long>(loader.broken()));
  if (a.info.empty()) return;

  std::string rows = "ImageID,ans\n";
  for (std::size_t i = 0; i < answers.size(); ++i)
    rows += fmt::format("{},{}\n", csv_field(photos.photos[i].person), answers[i] < 0 ? std::string() : std::to_string(answers[i]));
  write_file_atomically(a.output, rows);
  if (a.ground_truth.empty()) return;
  std::unordered_map<std::string, int> predicted;
  for (std::size_t i = 0; i < answers.size(); ++i)
    if (answers[i] >= 0) predicted[photos.photos[i].person] = answers[i];
  Confusion confusion(d.spec.classes);
  for (const Photo& truth : truths.photos)
    if (const auto found = predicted.find(truth.person); found != predicted.end()) confusion.add(truth.label, found->second);
  if (confusion.total() < static_cast<int64_t>(answers.size()))
    std::fprintf(stderr, "scored: %lld of %zu photos, the others lack a true class or an answer\n",
                 static_cast<long long>(confusion.total()), answers.size());
  std::printf("%s\n", score_line(confusion, d.classes == competition_classes()).c_str());
}

int run(int argc, char** argv) {
  CLI::App app("Classifies photos with a weights file.");
  Arguments a;
  app.add_option("photos", a.photos, "photos to classify: prints the three most likely classes of each");
  app.add_option("--run", a.run, "folder of a run: its best.safetensors is used");
  app.add_option("--checkpoint", a.checkpoint, "weights file: safetensors or torch.save's");
  app.add_option("--state-dict", a.state_dict, "which dictionary of a checkpoint that holds several: state_dict, ema/module");
  app.add_option("--images", a.images, "folder of the photos that --info lists");
  app.add_option("--info", a.info, "CSV with a column ImageID");
  app.add_option("--output,--out", a.output, "CSV to write: ImageID,ans in the order of --info");
  app.add_option("--gt", a.ground_truth, "CSV with the true classes (ImageID,ans): prints the scores");
  a.network.add_numerics(app);
  a.network.add_preprocessing(app);
  app.add_option("--device", a.device, "auto (cuda where there is a GPU, else cpu), cpu, cuda, sim or ref");
  app.add_option("--products", a.products.products,
                 "matrix products on a GPU: own kernels, or cuBLAS and cuDNN (vendor, auto) where these are found");
  app.add_flag("--allow-tf32", a.products.allow_tf32,
               "tensor cores may take fp32 operands for tf32; no effect on cpu, ref and GPUs before sm_80");
  app.add_option("--threads", a.threads, "0: as many as the process may use")->check(CLI::Range(0, 4096));
  app.add_option("--batch", a.batch, "photos per pass")->check(CLI::Range(1, 65536));
  app.add_option("--workers", a.workers, "threads that decode ahead")->check(CLI::Range(0, 256));
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
