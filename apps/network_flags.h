// Command-line options that replace what a weights file states about its network; the same in every program that opens one.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "apps/arguments.h"
#include "inference/description.h"
#include "runtime/number.h"

namespace mcnn {

inline const CLI::Validator kPositive(
    [](const std::string& text) {
      const auto number = number_in<double>(text);
      return number && *number > 0 ? std::string() : fmt::format("'{}' is not a positive number", text);
    },
    "");

struct NetworkFlags {
  Metadata convention;  ///< in the keys of weights/convention.h
  double width = 0, depth = 0;
  int classes = 0;
  std::vector<std::string> allow_missing;

  void add_convention(CLI::App& app, const std::string& option, const std::string& help) {
    std::string key = option.substr(2);
    std::replace(key.begin(), key.end(), '-', '_');
    app.add_option_function<std::string>(
        option, [this, key](const std::string& text) { convention[key] = text; }, help);
  }
  void add_multipliers(CLI::App& app) {
    add_convention(app, "--model", fmt::format("network, where the file does not say: {}", fmt::join(network_names(), ", ")));
    app.add_option("--width", width, "its width multiplier, in place of the published one")->check(kPositive);
    app.add_option("--depth", depth, "its depth multiplier, in place of the published one")->check(kPositive);
  }
  void add_numerics(CLI::App& app) {
    add_multipliers(app);
    add_convention(app, "--padding", "same, same:HxW or symmetric, in place of what the file says");
    add_convention(app, "--bn-eps", "batch norm's epsilon, in place of what the file says");
    app.add_option("--allow-missing", allow_missing, "tensor (name or glob) the file may lack or have in excess; may be repeated")
        ->allow_extra_args(false);
  }
  void add_classes(CLI::App& app) { app.add_option("--classes", classes, "rows of the classifier")->check(kPositive); }
  void add_preprocessing(CLI::App& app) {
    add_convention(app, "--mean", "mean of channels in [0,1], three numbers with commas, in place of what the file says");
    add_convention(app, "--std", "standard deviation of channels in [0,1], three numbers with commas, in place of what the file says");
    add_convention(app, "--resolution", "side of the square that the network sees, in place of what the file says");
    add_convention(app, "--crop-pct", "side of that square by the photo's shorter side, in place of what the file says");
    add_convention(app, "--interpolation", "bicubic or bilinear, in place of what the file says");
    add_convention(app, "--crop-rule", "timm, torchvision or tensorflow, in place of what the file says");
  }

  ModelDescription describe(const TensorFile& file, std::vector<std::string>& notes) const {
    ModelDescription d = describe_file(file, convention_of_flags(convention), notes);
    if (width > 0) d.spec.width = width;
    if (depth > 0) d.spec.depth = depth;
    if (classes > 0 && classes != d.spec.classes) {
      d.spec.classes = classes;
      d.classes.clear();
      for (int k = 0; k < classes; ++k) d.classes.push_back(std::to_string(k));
    }
    return d;
  }
};

}  // namespace mcnn
