#include "train/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "runtime/atomic_file.h"
#include "runtime/error.h"
#include "train/recorder.h"
#include "weights/load.h"

namespace mcnn {

namespace fs = std::filesystem;

FolderLock::FolderLock(const fs::path& dir) : descriptor_(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
  if (descriptor_ >= 0 && ::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 &&
      errno == EWOULDBLOCK) {  // other errors: the file system has no locks
    ::close(descriptor_);
    fail("[run] dir = {}: another run is going on there", dir.string());
  }
}

FolderLock::~FolderLock() { ::close(descriptor_); }

void RunFolder::require_no_checkpoint() const {
  if (!fs::is_directory(dir_)) return;
  const bool of_a_run = fs::exists(dir_ / "split.csv");
  for (const auto& entry : fs::directory_iterator(dir_)) {
    const std::string name = entry.path().filename().string();
    if (is_temporary(name)) continue;  // left by a run that was killed
    if (!of_a_run || (name != "split.csv" && name != "config.ini" && name != "trace.json"))
      fail("[run] dir = {} exists already and holds {}; runs are never overwritten", dir_.string(), name);
  }
}

void RunFolder::create(const std::string& split, const std::string& config) {
  std::error_code error;
  fs::create_directories(dir_, error);
  if (error) fail("[run] dir = {} cannot be made: {}", dir_.string(), error.message());
  lock_.emplace(dir_);
  require_no_checkpoint();
  remove_temporaries(dir_);
  if (fs::exists(dir_ / "split.csv")) say(dir_.string() + ": the run in it stopped before its first checkpoint; starting it again");
  write_file_atomically(file("split.csv"), split);  // first: its presence marks a run's folder; a config.ini may be the user's
  write_file_atomically(file("config.ini"), config);
}

void RunFolder::reopen(const std::string& split) {
  require_writable(file("last.safetensors"));
  if (!fs::exists(dir_ / "last.safetensors") && !fs::exists(dir_ / "previous.safetensors"))
    fail("{} has no last.safetensors: the run stopped in its first epoch; start it again", dir_.string());
  lock_.emplace(dir_);
  remove_temporaries(dir_);
  std::ifstream stream(dir_ / "split.csv");
  const std::string then((std::istreambuf_iterator<char>(stream)), {});
  if (then != split) fail("{}: the photos are not those the run began with", file("split.csv"));
}

RunProgress RunFolder::load(Parameters& parameters, Optimizer& optimizer) const {
  try {
    return load_state(file("last.safetensors"), parameters, optimizer);
  } catch (const Error& damage) {
    const std::string previous = file("previous.safetensors");
    if (!fs::exists(previous)) throw;
    say(fmt::format("{}; going on from {}", damage.what(), previous));
    return load_state(previous, parameters, optimizer);
  }
}

void RunFolder::save(const ModelDescription& description, Parameters& parameters, const Optimizer& optimizer,
                     const RunProgress& progress) const {
  const fs::path last = dir_ / "last.safetensors", before = dir_ / ".mcnn.previous.tmp";
  std::error_code absent;  // ignored: the first state has no predecessor, and some file systems have no hard links
  fs::create_hard_link(last, before, absent);
  try {
    save_state(last.string(), description, parameters, optimizer, progress);
  } catch (...) {
    fs::remove(before, absent);
    throw;
  }
  fs::rename(before, dir_ / "previous.safetensors", absent);
}

void RunFolder::save_best(const ModelDescription& description, Parameters& parameters, int64_t steps) const {
  save_weights(file("best.safetensors"), parameters, metadata_of(description), steps);
}

}  // namespace mcnn
