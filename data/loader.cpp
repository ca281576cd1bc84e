// Worker threads claim positions of the epoch in order and put decoded photos into a ring of slots; next() takes them out in the same
// order. The ring's size limits memory and how far workers run ahead.  Contract: loader.h.
#include "data/loader.h"

#include <algorithm>
#include <numeric>
#include <system_error>

#include "data/file_bytes.h"
#include "data/permutation.h"
#include "runtime/error.h"

namespace mcnn {

Loader::Loader(Dataset dataset, LoaderOptions options)
    : dataset_(std::move(dataset)), options_(options), is_broken_(dataset_.photos.size()), cache_(dataset_.photos.size()) {
  check(options_.preprocess);
  if (options_.batch < 1) fail("batch = {}, expected at least 1", options_.batch);
  if (options_.workers < 0) fail("[data] workers = {}, expected 0 or more", options_.workers);
  for (const Photo& photo : dataset_.photos)
    if (photo.label < -1 || photo.label >= options_.classes)
      fail("{}: label {}, expected 0 to {}", photo.path, photo.label, options_.classes - 1);
  start_epoch(0);
}

Loader::~Loader() { stop_workers(); }

int64_t Loader::batches() const {
  const int64_t photos = static_cast<int64_t>(dataset_.photos.size());
  return options_.drop_last ? photos / options_.batch : (photos + options_.batch - 1) / options_.batch;
}

void Loader::start_epoch(uint32_t epoch) {
  stop_workers();
  const int64_t photos = static_cast<int64_t>(dataset_.photos.size());
  epoch_ = epoch;
  if (options_.shuffle) {
    order_ = permutation(photos, {options_.seed, stream::shuffle, epoch});
  } else {
    order_.resize(dataset_.photos.size());
    std::iota(order_.begin(), order_.end(), 0);
  }
  position_ = claimed_ = 0;
  any_good_ = false;
  constexpr int64_t kBatchesAhead = 2;
  slots_.assign(static_cast<std::size_t>(std::min(kBatchesAhead * options_.batch + options_.workers, std::max(photos, int64_t{1}))), {});
}

void Loader::stop_workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  slot_free_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  workers_.clear();
  stopping_ = false;
}

/// Reads a photo from the cache or the file. Never throws: errors are stored in the slot, and reported when it is the photo's turn.
Loader::Slot Loader::prepare(int64_t photo) {
  const std::size_t index = static_cast<std::size_t>(photo);
  Slot slot;
  slot.ready = true;
  {
    const std::lock_guard lock(mutex_);
    if (cache_[index]) {
      slot.pixels = cache_[index];
      return slot;
    }
  }
  try {
    const std::string& path = dataset_.photos[index].path;
    Image square = preprocess(decode_image(read_file(path), path, options_.most_pixels), options_.preprocess, path);
    slot.pixels = std::make_shared<const std::vector<uint8_t>>(std::move(square.rgb));
  } catch (...) {
    slot.error = std::current_exception();
    return slot;
  }
  const int64_t bytes = static_cast<int64_t>(slot.pixels->size());
  const std::lock_guard lock(mutex_);
  if (cached_bytes_ + bytes <= options_.cache_bytes) {
    cached_bytes_ += bytes;
    cache_[index] = slot.pixels;
  }
  return slot;
}

void Loader::work() {
  const int64_t ring = static_cast<int64_t>(slots_.size()), end = static_cast<int64_t>(order_.size());
  std::unique_lock lock(mutex_);
  while (true) {
    slot_free_.wait(lock, [&] { return stopping_ || claimed_ == end || claimed_ < position_ + ring; });
    if (stopping_ || claimed_ == end) return;
    const int64_t position = claimed_++;
    lock.unlock();
    Slot slot = prepare(order_[static_cast<std::size_t>(position)]);
    lock.lock();
    slots_[static_cast<std::size_t>(position % ring)] = std::move(slot);
    slot_ready_.notify_one();
  }
}

/// Waits for the photo at position_ and returns its slot; position_ does not move.
Loader::Slot Loader::wait_for_slot() {
  if (options_.workers == 0) return prepare(order_[static_cast<std::size_t>(position_)]);
  while (can_make_workers_ && static_cast<int>(workers_.size()) < options_.workers) {
    try {
      workers_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // no more threads can be made: the others do the work
      can_make_workers_ = false;
    }
  }
  if (workers_.empty()) return prepare(order_[static_cast<std::size_t>(position_)]);
  std::unique_lock lock(mutex_);
  const Slot& slot = slots_[static_cast<std::size_t>(position_) % slots_.size()];
  slot_ready_.wait(lock, [&] { return slot.ready; });
  return slot;
}

void Loader::advance() {
  {
    const std::lock_guard lock(mutex_);
    slots_[static_cast<std::size_t>(position_) % slots_.size()] = {};
    ++position_;
  }
  slot_free_.notify_one();
}

/// Counts a photo that cannot be decoded, or throws its Error if such photos are not skipped. Other exceptions (no memory) are always
/// rethrown.
void Loader::leave_out(int64_t photo, const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const Error& e) {
    if (!options_.skip_broken) fail("{} (data.skip_broken = true leaves such photos out; in mcnn-infer --skip-broken)", e.what());
    uint8_t& known = is_broken_[static_cast<std::size_t>(photo)];
    if (!known) complaints_.emplace_back(e.what());
    known = 1;
  }
}

void Loader::append(Batch& batch, int64_t photo, const std::vector<uint8_t>& pixels) const {
  const Philox random{options_.seed, stream::augment, epoch_};
  const int label = dataset_.photos[static_cast<std::size_t>(photo)].label;
  batch.pixels.insert(batch.pixels.end(), pixels.begin(), pixels.end());
  batch.flips.push_back(options_.flip ? random.bits(static_cast<uint64_t>(photo)) >> 31 : 0);
  batch.labels.push_back(label);
  batch.targets.resize(batch.targets.size() + static_cast<std::size_t>(options_.classes));
  if (label >= 0) batch.targets[static_cast<std::size_t>(batch.n * options_.classes + label)] = 1;
  batch.photos.push_back(photo);
  ++batch.n;
}

bool Loader::next(Batch& batch) {
  batch.n = 0;
  batch.h = batch.w = options_.preprocess.crop;
  batch.pixels.clear();
  batch.flips.clear();
  batch.labels.clear();
  batch.targets.clear();
  batch.photos.clear();
  const int64_t photos = static_cast<int64_t>(order_.size());
  while (position_ < photos && batch.n < options_.batch) {
    const int64_t photo = order_[static_cast<std::size_t>(position_)];
    const Slot slot = wait_for_slot();
    if (slot.error)
      leave_out(photo, slot.error);
    else
      append(batch, photo, *slot.pixels);
    advance();
  }
  any_good_ |= batch.n > 0;
  if (!any_good_ && photos > 0 && !options_.may_be_all_broken)
    fail("none of the {} photos can be decoded; the first: {}", photos, complaints_.front());
  return batch.n == options_.batch || (batch.n > 0 && !options_.drop_last);
}

}  // namespace mcnn
