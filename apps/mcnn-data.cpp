// mcnn-data: works on data sets on disk. Argument parsing only; the headers named do the work.
//   mcnn-data check DIR          reports contents and problems of a data set                       data/dataset_check.h
//   mcnn-data split CONFIG       prints the split that a training with this configuration makes    data/configured_data.h
//   mcnn-data synth OUT          draws a synthetic data set                                        drawn_faces/dataset.h
#include <cmath>

#include "apps/arguments.h"
#include "apps/entry.h"
#include "data/configured_data.h"
#include "data/dataset_check.h"
#include "data/folder_listing.h"
#include "data/layouts.h"
#include "data/progress.h"
#include "data/split.h"
#include "drawn_faces/dataset.h"
#include "runtime/allowance.h"
#include "runtime/atomic_file.h"
#include "runtime/error.h"
#include "train/config.h"

namespace {

using namespace mcnn;
constexpr int kProblems = 2;  // exit code if the data set has problems

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

struct CheckArguments {
  std::string root, layout = "auto", csv;
  bool json = false, all = false;
  double max_megapixels = 100;
  int threads = 0;
};

Dataset dataset_of(const CheckArguments& a) {
  const bool is_competition = a.layout == "competition" || (a.layout == "auto" && a.csv.empty() && is_folder(a.root + "/images"));
  if (!a.csv.empty()) return read_csv(a.csv, a.root, {});
  return is_competition ? read_competition(a.root) : read_folders(a.root);
}

DatasetCheck checked(const CheckArguments& a) {
  Dataset dataset;
  try {
    dataset = dataset_of(a);
  } catch (const Error& fault) {  // a training would stop with this error
    DatasetCheck none;
    none.obstacles.push_back(fault.what());
    return none;
  }
  std::unique_ptr<Progress> line;
  return check_dataset(std::move(dataset), a.threads > 0 ? a.threads : usable_threads(), std::llround(a.max_megapixels * 1e6),
                       [&, done = int64_t{0}](int64_t now, int64_t all) mutable {
                         if (!line) line = std::make_unique<Progress>("checking", all);
                         for (; done < now; ++done) line->step(1, "");
                       });
}

int check(const CheckArguments& a) {
  if (!is_folder(a.root)) fail("{}: is no folder", a.root);
  if (a.layout == "csv" && a.csv.empty()) fail("--layout csv needs --csv FILE");
  if (!a.csv.empty() && a.layout != "auto" && a.layout != "csv") fail("--csv is for --layout csv, not for {}", a.layout);
  const DatasetCheck found = checked(a);
  constexpr std::size_t kShown = 20;
  print(a.json ? json_of(found) : table_of(found, a.all ? SIZE_MAX : kShown));
  return found.problems() > 0 ? kProblems : 0;
}

int split(const std::string& config_path, const std::vector<std::string>& overrides, const std::string& output) {
  Config config = read_config(config_path);
  for (const std::string& assignment : overrides) override_setting(config, assignment);
  if (!output.empty()) {
    require_writable(output, "--output ");
    require_no_overwriting(output, {config_path, config.data.csv});
  }
  config = with_absolute_paths(std::move(config));
  const Split dealt = split_by_person(read_dataset(config.data), config.data.holdout, config.run.seed);
  if (output.empty())
    print(split_table(dealt));
  else
    write_file_atomically(output, split_table(dealt));
  if (const std::string note = holdout_note(dealt, config.data.holdout); !note.empty()) std::fprintf(stderr, "%s\n", note.c_str());
  std::fprintf(stderr, "%zu photos of %s to train on, %zu of %lld held out\n", dealt.training.photos.size(),
               count_of_people(dealt.training_people).c_str(), dealt.holdout.photos.size(), static_cast<long long>(dealt.holdout_people));
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app{"Data sets for mcnn."};
  app.require_subcommand(1);

  CheckArguments checks;
  CLI::App* check_command = app.add_subcommand(
      "check", "Report a data set's contents and problems: counts, sizes, broken, alike and odd photos. Exit code 2 if there are problems");
  check_command->add_option("DIR", checks.root, "its folder, [data] root")->required();
  check_command
      ->add_option("--layout", checks.layout, "competition, folders or csv, as [data] layout; auto: competition where there is DIR/images")
      ->check(CLI::IsMember({"auto", "competition", "folders", "csv"}));
  check_command->add_option("--csv", checks.csv, "the table of layout csv");
  check_command->add_flag("--json", checks.json, "one object with everything, in place of the table");
  check_command->add_flag("--all", checks.all, "print complete lists in the table");
  check_command->add_option("--max-megapixels", checks.max_megapixels, "larger photos count as broken (default: 100)")
      ->check(CLI::Range(0.001, 1e5));
  check_command->add_option("--threads", checks.threads, "0: as many as the process may use")->check(CLI::Range(0, 4096));

  std::string config, output;
  std::vector<std::string> overrides;
  CLI::App* split_command = app.add_subcommand("split", "Print who would be trained on and who held out: the split.csv of a training");
  split_command->add_option("CONFIG", config, "configuration file of mcnn-train")->required();
  split_command->add_option("--set", overrides, "section.key=value in place of the file's (may be repeated)");
  split_command->add_option("--output,--out", output, "file to write (default: standard output)");

  synthetic::DatasetPlan plan;
  CLI::App* synth =
      app.add_subcommand("synth", "Draw faces in the competition's layout: 18 classes of mask, gender and age, 7 photos per person");
  synth->add_option("OUT", plan.root, "folder to write; must be new or empty")->required();
  synth->add_option("--people", plan.people, "people under train/")->required();
  synth->add_option("--eval-people", plan.eval_people, "other people, under eval/ (default 0: no eval/)");
  synth->add_option("--seed", plan.seed, "the same seed draws the same bytes (default 0)");
  synth->add_flag("--irregular", plan.irregular, "add mixed extensions, stray files, odd and repeated ids, wrong folder names");
  if (const auto code = parse_arguments(app, argc, argv, "mcnn-data")) return *code;

  if (check_command->parsed()) return check(checks);
  if (split_command->parsed()) return split(config, overrides, output);
  const int64_t photos = synthetic::write_dataset(plan);
  fmt::print("{}: {} photos of {}\n", plan.root, photos, count_of_people(plan.people + plan.eval_people));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return mcnn::run_program("mcnn-data", [&] { return run(argc, argv); });
}
