// mcnn-train: fine-tunes an EfficientNet as a config.ini says.  What a run does: train/trainer.h.
#include "apps/arguments.h"
#include "apps/entry.h"
#include "runtime/error.h"
#include "train/interruption.h"
#include "train/trainer.h"

namespace {

int run(int argc, char** argv) {
  CLI::App app("Trains an EfficientNet from a configuration file.");
  std::string config_path, resume_dir;
  std::vector<std::string> overrides;
  bool describe_only = false, describe_step = false, help_config = false;
  mcnn::CommandOptions options;
  app.add_option("config", config_path, "configuration file (see --help-config)");
  app.add_option("--set", overrides, "section.key=value in place of the file's (may be repeated)");
  app.add_option("--resume", resume_dir, "continue the run in this folder");
  app.add_flag("--describe", describe_only, "print the network's layers, parameters, MACs and memory, and stop");
  app.add_flag("--describe-step", describe_step, "print every operation of one training step, in order, and stop");
  app.add_flag("--help-config", help_config, "print every configuration key with its default and meaning");
  app.add_flag("--profile", options.profile, "time per operation and layer after an epoch; trace.json in the run's folder");
  app.add_option("--steps", options.stop_after, "stop after this many steps, for measurements: an unfinished epoch is not saved")
      ->check(CLI::Range(1, 1 << 30));
  if (const auto code = mcnn::parse_arguments(app, argc, argv, "mcnn-train")) return *code;

  if (help_config) {
    std::fputs(mcnn::write_config({}).c_str(), stdout);
  } else if (!resume_dir.empty()) {
    if (!config_path.empty() || !overrides.empty())
      mcnn::fail("--resume takes its configuration from the run's folder; give neither a file nor --set");
    mcnn::resume(resume_dir, options);
  } else {
    if (config_path.empty()) mcnn::fail("no configuration file given; see --help");
    mcnn::Config config = mcnn::read_config(config_path);
    for (const std::string& assignment : overrides) mcnn::override_setting(config, assignment);
    if (describe_only) {
      std::fputs(mcnn::describe(config).c_str(), stdout);
    } else if (describe_step) {
      std::fputs(mcnn::describe_step(config).c_str(), stdout);
    } else {
      mcnn::train(config, options);
    }
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return mcnn::run_program(
      "mcnn-train",
      [&] {
        try {
          return run(argc, argv);
        } catch (const mcnn::Interrupted& interrupted) {
          std::fprintf(stderr, "mcnn-train: %s\n", interrupted.what());
          return 128 + interrupted.signal;  // the shell's convention
        }
      },
      /*prints_answers=*/false);
}
