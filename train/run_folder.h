// The folder of a run: which files it may hold, its lock, and the states that a run resumes from. trainer.h lists its files; recorder.h
// writes log.jsonl.
#pragma once
#include <filesystem>
#include <optional>
#include <string>

#include "train/checkpoint.h"

namespace mcnn {

/// Held by a run, so that no second run writes to its folder.
class FolderLock {
 public:
  /// Throws Error if another run holds it.
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

  /// Throws Error if the folder holds a checkpoint or files that do not belong to a run. Files of a run that stopped before its first
  /// checkpoint are accepted.
  void require_no_checkpoint() const;
  /// Prepares the folder of a new run: creates and locks it, writes split.csv and config.ini. Throws Error as require_no_checkpoint().
  void create(const std::string& split, const std::string& config);
  /// Locks the folder of a run that is resumed. Throws Error if it has no state, or if `split` differs from its split.csv: with added or
  /// removed photos the split changes, and people the network was trained on would be held out.
  void reopen(const std::string& split);

  /// Loads the last state, or, if that is damaged, the previous one and says so.
  RunProgress load(Parameters& parameters, Optimizer& optimizer) const;
  /// Saves a state; the state before it becomes previous.safetensors.
  void save(const ModelDescription& description, Parameters& parameters, const Optimizer& optimizer, const RunProgress& progress) const;
  /// Writes best.safetensors.
  void save_best(const ModelDescription& description, Parameters& parameters, int64_t steps) const;

 private:
  std::string file(const char* name) const { return (dir_ / name).string(); }

  std::filesystem::path dir_;
  std::optional<FolderLock> lock_;
};

}  // namespace mcnn
