// Compares with PIL, if MCNN_PYTHON names a Python that has it.
#pragma once
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "data/image.h"
#include "tests/data/temporary_folder.h"

namespace mcnn {

/// The Python in MCNN_PYTHON, if set.
inline std::optional<std::string> python_with_pil() {
  const char* python = std::getenv("MCNN_PYTHON");
  return python == nullptr ? std::nullopt : std::optional<std::string>(python);
}

/// PIL's pixels; `prepare` is "" or "RESIZE:CROP". Throws if the Python fails: if MCNN_PYTHON is set it must work.
inline std::vector<Image> pil_images(const std::string& python, const std::string& prepare, const std::vector<std::string>& paths) {
  const TemporaryFolder folder;
  const std::string out = folder / "pixels";
  std::string command = "'" + python + "' '" MCNN_SOURCE_DIR "/tests/data/pil_pixels.py' " + prepare + " '" + out + "'";
  for (const std::string& path : paths) command += " '" + path + "'";
  if (std::system(command.c_str()) != 0) throw std::runtime_error(python + " cannot decode with PIL");
  std::ifstream file(out, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::vector<Image> images;
  for (std::size_t at = 0; at < bytes.size();) {
    uint32_t size[2];
    std::memcpy(size, bytes.data() + at, sizeof size);
    at += sizeof size;
    Image& image = images.emplace_back(Image{static_cast<int>(size[0]), static_cast<int>(size[1]), {}});
    image.rgb.assign(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                     bytes.begin() + static_cast<std::ptrdiff_t>(at + std::size_t{3} * size[0] * size[1]));
    at += image.rgb.size();
  }
  if (images.size() != paths.size()) throw std::runtime_error("PIL decoded " + std::to_string(images.size()) + " photos");
  return images;
}

/// Largest difference in grey levels; 256 if the sizes differ.
inline int worst_difference(const Image& a, const Image& b) {
  if (a.width != b.width || a.height != b.height || a.rgb.size() != b.rgb.size()) return 256;
  int worst = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) worst = std::max(worst, std::abs(a.rgb[i] - b.rgb[i]));
  return worst;
}

}  // namespace mcnn

/// Skips the test, with a message, if MCNN_PYTHON is not set.
#define SKIP_WITHOUT_PIL(python) \
  if (!(python)) GTEST_SKIP() << "SKIPPED: MCNN_PYTHON does not name a Python with PIL"
