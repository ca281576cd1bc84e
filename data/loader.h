// From a list of photos to batches: threads decode ahead of the trainer, and what they made once is kept if there is room.
// The content of a batch depends on (seed, epoch, dataset) alone, never on the number of threads or on what is cached:
// an epoch is a sequence of photos, shuffled by Philox (stream::shuffle, step = epoch), and each photo's flip is drawn by
// its index in the dataset (stream::augment, step = epoch). Next: preprocess.h, permutation.h.
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
  bool shuffle = false;            ///< otherwise in the dataset's order
  bool flip = false;               ///< mirror every photo with probability 1/2
  bool drop_last = false;          ///< leave out the last batch of an epoch if it is short
  int workers = 1;                 ///< threads; 0: next() decodes by itself
  int64_t cache_bytes = 0;         ///< for preprocessed photos, crop*crop*3 bytes each
  bool skip_broken = false;        ///< leave out photos that cannot be decoded, and count them; otherwise they are an Error
  bool may_be_all_broken = false;  ///< an epoch without a readable photo is no Error: the dataset is a part of one
  uint64_t seed = 0;
  Preprocess preprocess;
  int64_t classes = 0;                ///< width of Batch::targets
  int64_t most_pixels = kMostPixels;  ///< of a photo; a larger one cannot be decoded
};

class Loader {
 public:
  /// Throws Error if the options or a label make no sense.
  Loader(Dataset dataset, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  /// Begins epoch `epoch`, whatever is left of the one before.
  void start_epoch(uint32_t epoch);
  /// The epoch's next batch; false where it ends. A broken photo is an Error here, when its turn comes; with skip_broken the
  /// photos behind it move up, so an epoch is shorter by the broken ones and keeps the order of all others.
  bool next(Batch& batch);

  /// Per epoch, counting every photo as readable.
  int64_t batches() const;
  /// Photos left out so far, each counted once, and what is wrong with each, in the order they were met.
  int64_t broken() const { return static_cast<int64_t>(complaints_.size()); }
  const std::vector<std::string>& complaints() const { return complaints_; }

  const Dataset& dataset() const { return dataset_; }

 private:
  using Pixels = std::shared_ptr<const std::vector<uint8_t>>;  ///< (crop, crop, 3)

  /// What a worker made of one position of the epoch: pixels, or a reason why not.
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
  int64_t position_ = 0;        ///< in order_: what next() reads next
  bool any_good_ = false;       ///< in this epoch
  std::vector<uint8_t> is_broken_;
  std::vector<std::string> complaints_;

  // Positions [position_, position_ + slots_.size()) are being worked on; position p lives in slot p % slots_.size().
  std::mutex mutex_;  ///< guards all below, and position_ while workers run
  std::condition_variable slot_ready_, slot_free_;
  std::vector<Slot> slots_;
  int64_t claimed_ = 0;  ///< next position no worker has taken
  bool stopping_ = false;
  std::vector<Pixels> cache_;  ///< by photo; null where not cached
  int64_t cached_bytes_ = 0;
  std::vector<std::thread> workers_;
  bool can_make_workers_ = true;
};

}  // namespace mcnn
