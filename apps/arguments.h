// Parses command lines with CLI11. A mistake is reported in one line, like every other error, with the nearest valid name.
#pragma once
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "runtime/nearest.h"

namespace mcnn {

/// The names of all options and subcommands.
inline std::vector<std::string> names_in(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) names.push_back(option->get_name());
  for (const CLI::App* subcommand : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(subcommand->get_name());
    for (const CLI::Option* option : subcommand->get_options()) names.push_back(option->get_name());
  }
  return names;
}

/// Returns an exit code if the program should stop: after --help, --version, or a mistake.
inline std::optional<int> parse_arguments(CLI::App& app, int argc, char** argv, const char* program) {
  app.set_version_flag("--version", fmt::format("{} {}", program, MCNN_VERSION));
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& mistake) {
    const std::vector<std::string> unknown = app.remaining(true);
    std::string what = mistake.what();
    if (!unknown.empty()) what = fmt::format("unknown argument '{}'{}", unknown[0], did_you_mean(unknown[0], names_in(app)));
    std::fputs(fmt::format("{}: {}; see --help\n", program, what).c_str(), stderr);
  }
  return 1;
}

}  // namespace mcnn
