// mcnn-data: data sets on disk. `mcnn-data synth OUT` draws one.
// Arguments only; the work is in data/synthetic_dataset.cpp.
#include "apps/arguments.h"
#include "apps/entry.h"
#include "data/split.h"
#include "data/synthetic_dataset.h"
#include "runtime/error.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app{"Data sets for mcnn."};
  app.require_subcommand(1);

  mcnn::synthetic::DatasetPlan plan;
  CLI::App* synth =
      app.add_subcommand("synth", "Draw faces in the competition's layout: 18 classes of mask, gender and age, 7 photos per person");
  synth->add_option("OUT", plan.root, "folder to write; must be new or empty")->required();
  synth->add_option("--people", plan.people, "people under train/")->required();
  synth->add_option("--eval-people", plan.eval_people, "other people, under eval/ (default 0: no eval/)");
  synth->add_option("--seed", plan.seed, "the same seed draws the same bytes (default 0)");
  synth->add_flag("--irregular", plan.irregular, "with mixed extensions, stray files, odd and repeated ids, wrong folder names");
  if (const auto code = mcnn::parse_arguments(app, argc, argv, "mcnn-data")) return *code;

  const int64_t photos = mcnn::synthetic::write_dataset(plan);
  fmt::print("{}: {} photos of {}\n", plan.root, photos, mcnn::count_of_people(plan.people + plan.eval_people));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return mcnn::run_program("mcnn-data", [&] { return run(argc, argv); });
}
