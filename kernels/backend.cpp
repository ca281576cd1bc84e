// Finds and loads a backend's plugin; device = auto falls back to the CPU.  Contract: backend.h; the plugin's side: plugin.h.
#include "kernels/backend.h"

#include <dlfcn.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "kernels/checked_ops.h"
#include "kernels/plugin.h"
#include "runtime/error.h"
#include "runtime/nearest.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

std::vector<fs::path> plugin_folders() {
  if (const char* named = std::getenv("MCNN_PLUGINS"); named && *named) return {named};
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  return {program, program.parent_path() / "lib" / "mcnn"};
}

fs::path find_plugin(const std::string& device) {
  const std::string file = "libmcnn_" + device + ".so";
  std::string places;
  for (const fs::path& folder : plugin_folders()) {
    if (fs::exists(folder / file)) return folder / file;
    places += (places.empty() ? "" : " or ") + folder.string();
  }
  fail("there is no {} in {} (MCNN_PLUGINS names another folder)", file, places);
}

template <class Function>
Function* symbol(void* library, const char* name, const fs::path& path) {
  void* found = dlsym(library, name);
  if (!found) fail("{} is no backend: it has no {}", path.string(), name);
  return reinterpret_cast<Function*>(found);
}

/// The library stays loaded: it contains the backend's code.
std::unique_ptr<Ops> load_plugin(const std::string& device, const ProductOptions& options) {
  const fs::path path = find_plugin(device);
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) fail("{}", dlerror());
  const char* contract = symbol<decltype(mcnn_backend_contract)>(library, "mcnn_backend_contract", path)();
  if (std::strcmp(contract, MCNN_CONTRACT) != 0)
    fail("{} belongs to another build: its contract is {}, this program's {}", path.string(), contract, MCNN_CONTRACT);
  const auto create = symbol<decltype(mcnn_backend_create)>(library, "mcnn_backend_create", path);
  return std::unique_ptr<Ops>(create(options.products.c_str(), options.allow_tf32));
}

void require_one_of(const std::vector<std::string>& names, const char* what, const std::string& given) {
  if (std::find(names.begin(), names.end(), given) == names.end()) fail("{} '{}' is unknown{}", what, given, did_you_mean(given, names));
}

Backend named(std::unique_ptr<Ops> ops, const std::string& why, Profiler* profiler) {
  std::string reason = fmt::format("backend: {} ({})", ops->name(), why);
  return {checked(std::move(ops), profiler), std::move(reason)};
}

}  // namespace

const std::vector<std::string>& devices() {
  static const std::vector<std::string> names = {"auto", "cpu", "cuda", "sim", "ref"};
  return names;
}

const std::vector<std::string>& product_choices() {
  static const std::vector<std::string> names = {"own", "vendor", "auto"};
  return names;
}

Backend make_backend(const std::string& device, int threads, Profiler* profiler, const ProductOptions& products) {
  require_one_of(devices(), "device", device);
  require_one_of(product_choices(), "products", products.products);
  if (device == "ref") return named(make_ref_ops(), "device = ref", profiler);
  if (device == "cpu") return named(make_cpu_ops(threads), "device = cpu", profiler);
  try {
    const bool automatic = device == "auto";
    return named(load_plugin(automatic ? "cuda" : device, products), automatic ? "device = auto" : "device = " + device, profiler);
  } catch (const Error& e) {
    if (device != "auto") fail("device = {}: {}", device, e.what());
    return named(make_cpu_ops(threads), std::string("device = auto: ") + e.what(), profiler);
  }
}

}  // namespace mcnn
