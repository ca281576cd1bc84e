// Arbitrary config.ini files: read_config returns or throws Error, and the result can be written and read again.
// Next: train/config.cpp.
#include "train/config.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "runtime/error.h"

namespace {

/// A file in memory that read_config can open by name.
class MemoryFile {
 public:
  MemoryFile() : descriptor_(::memfd_create("config.ini", MFD_CLOEXEC)) {
    if (descriptor_ < 0) std::abort();
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(descriptor_); }
  void hold(std::string_view content) const {
    if (::ftruncate(descriptor_, 0) != 0) std::abort();
    if (::pwrite(descriptor_, content.data(), content.size(), 0) != static_cast<ssize_t>(content.size())) std::abort();
  }

 private:
  int descriptor_;
};

/// Every line as an argument of --set.
void override_with_lines(std::string_view text) {
  mcnn::Config config;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    try {
      mcnn::override_setting(config, std::string(line));
    } catch (const mcnn::Error&) {
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const MemoryFile file;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  override_with_lines(text);
  file.hold(text);
  mcnn::Config config;
  try {
    config = mcnn::read_config(file.path());
  } catch (const mcnn::Error&) {
    return 0;
  }
  const std::string written = mcnn::write_config(config);
  file.hold(written);
  if (mcnn::write_config(mcnn::read_config(file.path())) != written) std::abort();  // an Error here is a finding too
  return 0;
}
