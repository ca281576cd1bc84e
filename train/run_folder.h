// The folder of a run: what may lie in it, who writes to it, and the states that a run goes on from. trainer.h lists its files;
// log.jsonl is the recorder's.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "train/checkpoint.h"

namespace mcnn {

/// Held while a run is going on in a folder: a second one would write over the first.
class FolderLock {
 public:
  /// Throws Error if another run is going on there.
  explicit FolderLock(const std::filesystem::path& dir);
  FolderLock(const FolderLock&) = delete;
  ~FolderLock();

 private:
  int descriptor_;
};

class RunFolder {
 public:
  explicit RunFolder(std::filesystem::path dir) : dir_(std::move(dir)) {}
  const std::filesystem::path& path() const { return dir_; }

  /// Throws Error if it is there and holds anything but what a run leaves that stopped before its first checkpoint.
  void require_no_checkpoint() const;
  /// For a new run: made if need be, locked, with split.csv and config.ini. Throws Error as require_no_checkpoint().
  void create(const std::string& split, const std::string& config);
  /// For a run that goes on: locked. Throws Error if there is no state, or if `split` is not the one that the run began with: a photo that
  /// came or went would deal the people anew, and faces the network was trained on would be held out.
  void reopen(const std::string& split);

  /// The last state, or the one before where that is damaged, which is said.
  RunProgress load(Parameters& parameters, Optimizer& optimizer) const;
  /// The state before stays as previous.safetensors until this one is whole.
  void save(const ModelDescription& description, Parameters& parameters, const Optimizer& optimizer, const RunProgress& progress) const;
  /// best.safetensors.
  void save_best(const ModelDescription& description, Parameters& parameters, int64_t steps) const;

 private:
  std::string file(const char* name) const { return (dir_ / name).string(); }

  std::filesystem::path dir_;
  std::optional<FolderLock> lock_;
};

}  // namespace mcnn
