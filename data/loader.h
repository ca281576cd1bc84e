// Makes batches from a list of photos. Worker threads decode ahead of the trainer; decoded photos are cached up to a limit.
// The content of a batch depends only on (seed, epoch, dataset), not on the number of threads or the cache: an epoch is a sequence of
// photos, shuffled by Philox (stream::shuffle, step = epoch), and each photo's flip is drawn by its index in the dataset
// (stream::augment, step = epoch). Next: preprocess.h, permutation.h.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "data/batch.h"
#include "data/dataset.h"
#include "data/preprocess.h"

namespace mcnn {

struct LoaderOptions {
  int64_t batch = 32;
  bool shuffle = false;            ///< false: the dataset's order
  bool flip = false;               ///< mirror every photo with probability 1/2
  bool drop_last = false;          ///< leave out the last batch of an epoch if it is short
  int workers = 1;                 ///< threads; 0: next() decodes in its caller's thread
  int64_t cache_bytes = 0;         ///< for preprocessed photos, crop*crop*3 bytes each
  bool skip_broken = false;        ///< leave out photos that cannot be decoded, and count them; false: they are an Error
  bool may_be_all_broken = false;  ///< an epoch without any readable photo is allowed, because the dataset is one part of a longer list
  uint64_t seed = 0;
  Preprocess preprocess;
  int64_t classes = 0;                ///< width of Batch::targets
  int64_t most_pixels = kMostPixels;  ///< larger photos are refused
};

class Loader {
 public:
  /// Throws Error if an option or a label is out of range.
  Loader(Dataset dataset, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Begins epoch `epoch`; the rest of the previous one is dropped.
  void start_epoch(uint32_t epoch);
  /// The epoch's next batch; false at its end. A broken photo throws Error here, when it is its turn. With skip_broken it is left out: the
  /// epoch is shorter, and the order of the other photos is unchanged.
  bool next(Batch& batch);

  /// Batches per epoch if every photo is readable.
  int64_t batches() const;
  /// Photos left out so far, each counted once, and their error messages, in the order of the epochs.
  int64_t broken() const { return static_cast<int64_t>(complaints_.size()); }
  const std::vector<std::string>& complaints() const { return complaints_; }

  const Dataset& dataset() const { return dataset_; }

 private:
  using Pixels = std::shared_ptr<const std::vector<uint8_t>>;  ///< (crop, crop, 3)

  /// A worker's result for one position of the epoch: pixels or an error.
  struct Slot {
    bool ready = false;
    Pixels pixels;
    std::exception_ptr error;
  };

  Slot prepare(int64_t photo);
  void work();
  void stop_workers();
  Slot wait_for_slot();
  void advance();
  void leave_out(int64_t photo, const std::exception_ptr& error);
  void append(Batch& batch, int64_t photo, const std::vector<uint8_t>& pixels) const;

  const Dataset dataset_;
  const LoaderOptions options_;

  uint32_t epoch_ = 0;
  std::vector<int64_t> order_;  ///< the epoch's photos
  int64_t position_ = 0;        ///< in order_, of the photo that next() takes next
  bool any_good_ = false;       ///< whether this epoch had a readable photo
  std::vector<uint8_t> is_broken_;
  std::vector<std::string> complaints_;

  // Workers decode positions [position_, position_ + slots_.size()); position p uses slot p % slots_.size().
  std::mutex mutex_;  ///< guards all members below, and position_ while workers run
  std::condition_variable slot_ready_, slot_free_;
  std::vector<Slot> slots_;
  int64_t claimed_ = 0;  ///< the next position that no worker has claimed
  bool stopping_ = false;
  std::vector<Pixels> cache_;  ///< by photo; null: not cached
  int64_t cached_bytes_ = 0;
  std::vector<std::thread> workers_;
  bool can_make_workers_ = true;
};

}  // namespace mcnn
