// Contract and search order: libraries.h.
#include "kernels/cuda/vendor/libraries.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include "runtime/error.h"

namespace mcnn::cuda {
namespace {

namespace fs = std::filesystem;

const char* named_folder() {
  const char* named = std::getenv("MCNN_CUDA_LIBS");
  return named && *named ? named : nullptr;
}

/// Adds `folder` and the places below it where PyPI's nvidia packages keep libraries.
void add_with_packages(const fs::path& folder, std::vector<fs::path>& folders) {
  for (const char* inside : {"", "cu13/lib", "cublas/lib", "cudnn/lib"}) folders.push_back(*inside ? folder / inside : folder);
}

/// PREFIX/lib/python3.*/{site,dist}-packages/nvidia
void add_pythons(const char* prefix, const char* below, std::vector<fs::path>& folders) {
  if (!prefix || !*prefix) return;
  std::error_code none;
  for (const auto& python : fs::directory_iterator(fs::path(prefix) / below / "lib", none))
    if (python.path().filename().string().starts_with("python3"))
      for (const char* packages : {"site-packages", "dist-packages"}) add_with_packages(python.path() / packages / "nvidia", folders);
}

/// The prefix of the first python3 on PATH: also that of a virtual environment that was not activated.
std::string prefix_of_python() {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path ? path : "");
  std::error_code none;
  for (std::string folder; std::getline(folders, folder, ':');)
    if (!folder.empty() && fs::exists(fs::path(folder) / "python3", none)) return fs::path(folder).parent_path().string();
  return {};
}

std::vector<fs::path> folders_to_search() {
  std::vector<fs::path> folders;
  if (const char* named = named_folder()) {
    add_with_packages(named, folders);
    return folders;
  }
  folders = {"/usr/local/cuda/lib64"};
  add_pythons(std::getenv("VIRTUAL_ENV"), "", folders);
  add_pythons(prefix_of_python().c_str(), "", folders);
  add_pythons(std::getenv("HOME"), ".local", folders);
  add_pythons("/usr/local", "", folders);
  add_pythons("/usr", "", folders);
  return folders;
}

/// Empty if no folder has it.
fs::path find(const std::string& file) {
  std::error_code none;
  for (const fs::path& folder : folders_to_search())
    if (fs::exists(folder / file, none)) return folder / file;
  return {};
}

}  // namespace

Library::Library(const std::string& file) : path_(file) {
  if (!named_folder()) handle_ = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_) return;
  const fs::path found = find(file);
  if (found.empty()) {
    if (const char* named = named_folder()) fail("there is no {} in {} (MCNN_CUDA_LIBS)", file, named);
    fail("{} (MCNN_CUDA_LIBS names a folder)", dlerror());  // the file, or a library that it needs, is absent
  }
  path_ = found;
  handle_ = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle_) fail("{}", dlerror());
}

void* Library::symbol(const char* name) const {
  void* found = dlsym(handle_, name);
  if (!found) fail("{} has no {}", path_, name);
  return found;
}

void check_named_folder(const std::string& file, const std::string& or_file) {
  const char* named = named_folder();
  if (!named) return;
  if (!fs::is_directory(named)) fail("MCNN_CUDA_LIBS names {}, which is no folder", named);
  if (find(file).empty() && find(or_file).empty()) fail("MCNN_CUDA_LIBS names {}, which has neither {} nor {}", named, file, or_file);
}

}  // namespace mcnn::cuda
