#include "tests/golden/golden_folder.h"

#include <cstdlib>
#include <fstream>

#include "runtime/error.h"

namespace mcnn {

namespace fs = std::filesystem;

fs::path data_folder(const char* variable, const char* default_beside_checkout) {
  if (const char* given = std::getenv(variable)) {
    if (!fs::is_directory(given)) fail("{} = {} is not a folder", variable, given);
    return given;
  }
  const fs::path beside = fs::path(MCNN_SOURCE_DIR) / ".." / "shared" / default_beside_checkout;
  return fs::is_directory(beside) ? beside : fs::path();
}

nlohmann::json read_json(const fs::path& path) {
  std::ifstream file(path);
  if (!file) fail("{}: cannot be read", path.string());
  return nlohmann::json::parse(file);
}

fs::path kept_small_folder() { return fs::path(MCNN_SOURCE_DIR) / "tests" / "golden" / "small"; }

std::vector<fs::path> small_folders() {
  const fs::path kept = kept_small_folder();
  std::vector<fs::path> folders{kept, kept / "efficientnetv2_s", kept / "mobilenetv3_large"};
  if (const fs::path golden = data_folder("MCNN_GOLDEN", "golden"); !golden.empty()) folders.push_back(golden / "small");
  return folders;
}

bool is_kept(const fs::path& small_folder) {
  return small_folder == kept_small_folder() || small_folder.parent_path() == kept_small_folder();
}

std::vector<fs::path> containers(const fs::path& folder, const std::string& golden_case) {
  std::vector<fs::path> files = {folder / (golden_case + ".safetensors")};
  if (!is_kept(folder))
    for (const char* torch : {".zip.pth", ".legacy.pth"}) files.push_back(folder / (golden_case + torch));
  return files;
}

fs::path real_folder() {
  const fs::path golden = data_folder("MCNN_GOLDEN", "golden");
  return golden.empty() ? golden : golden / "real";
}

}  // namespace mcnn
