// Where the golden cases are, and how the tests speak of one that is not there.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace mcnn {

/// The folder a variable names, or its default beside the checkout. Empty: an absent default.
/// Throws Error if the variable is set to a folder that is not there.
std::filesystem::path data_folder(const char* variable, const char* default_beside_checkout);

nlohmann::json read_json(const std::filesystem::path& path);

/// The small case kept with the tests, written by tests/make_golden.py.
std::filesystem::path kept_small_folder();

/// Folders of the form of golden/small: MCNN_GOLDEN's (default ../shared/golden), the small one kept with the tests, and those in it,
/// each of the network that its name says.
std::vector<std::filesystem::path> small_folders();
bool is_kept(const std::filesystem::path& small_folder);

/// A case's weights, once per container: safetensors, torch.save's zip and its legacy pickle. The folder kept with the tests has
/// the first alone; from any other folder none may be missing.
std::vector<std::filesystem::path> containers(const std::filesystem::path& folder, const std::string& golden_case);

/// MCNN_GOLDEN/real, or empty.
std::filesystem::path real_folder();

}  // namespace mcnn

/// Leaves the test, loudly, if `path` is empty.
#define SKIP_IF_ABSENT(path, variable) \
  if ((path).empty()) GTEST_SKIP() << "SKIPPED: " << (variable) << " is not set and its default folder is absent"
