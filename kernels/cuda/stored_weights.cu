// Copies of weights in the storage type: bandwidth-bound, two bytes written for four read, all in one launch (multi_tensor.h).
#include "kernels/cuda/stored_weights.h"

#include <algorithm>

#include "kernels/cuda/dispatch.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/multi_tensor.cuh"

namespace mcnn::cuda {
namespace {

/// A chunk's tensors: the weight, and its copy, which holds T.
template <class T>
__global__ void store_chunk(const Chunk* chunks) {
  const Chunk chunk = chunks[blockIdx.x];
  T* const copy = reinterpret_cast<T*>(chunk.tensors[1]);
  for_each_element(chunk, [&](auto width, int i) {
    constexpr int kWidth = decltype(width)::value;
    store<T, kWidth>(copy + i, load<float, kWidth>(chunk.tensors[0] + i));
  });
}

}  // namespace

const void* StoredWeights::of(const Tensor& w, DType storage, cudaStream_t stream) {
  Copy& copy = copies_[{w.raw(), storage}];
  if (copy.w.shape() != w.shape()) copy.stale = true;
  copy.w = w;
  copy.asked = true;
  void* const memory = copy.memory.at_least(static_cast<std::size_t>(w.size()) * size_of(storage));
  if (copy.stale) make_stale_ones(storage, stream);
  return memory;
}

void StoredWeights::changed(const Tensor& target) {
  const auto* begin = static_cast<const std::byte*>(target.raw());
  for (auto& [key, copy] : copies_)
    if (key.first >= begin && key.first < begin + target.bytes()) copy.stale = true;
}

void StoredWeights::all_changed() {
  for (auto& [key, copy] : copies_) copy.stale = true;
}

void StoredWeights::begin_step() {
  if (!kept_) std::erase_if(copies_, [](const auto& entry) { return !entry.second.asked; });
  for (auto& [key, copy] : copies_) copy.asked = false;
  all_changed();
}

void StoredWeights::keep(cudaStream_t stream) {
  kept_ = true;
  chunks_.keep();
  for (auto& [key, copy] : copies_) copy.memory.keep();
  all_changed();
  for (const DType storage : {DType::bf16, DType::f16}) make_stale_ones(storage, stream);
  all_changed();
}

// Groups are chunks already: a copy's elements are not as far apart as the weight's, which the table takes for granted.
void StoredWeights::make_stale_ones(DType storage, cudaStream_t stream) {
  std::vector<TensorGroup> groups;
  for (auto& [key, copy] : copies_) {
    if (key.second != storage || !copy.stale) continue;
    copy.stale = false;
    const int64_t size = copy.w.size();
    auto* const to = static_cast<uint16_t*>(copy.memory.at_least(static_cast<std::size_t>(size) * sizeof(uint16_t)));
    for (int64_t first = 0; first < size; first += Chunk::kElements)
      groups.push_back(
          {{copy.w.data<float>() + first, reinterpret_cast<const float*>(to + first)}, std::min<int64_t>(Chunk::kElements, size - first)});
  }
  if (groups.empty()) return;
  const Chunk* chunks = chunks_.of(std::move(groups), stream);
  const auto kernel = storage == DType::bf16 ? store_chunk<__nv_bfloat16> : store_chunk<__half>;
  launch(kernel, {chunks_.chunks(), kChunkThreads}, stream, chunks);
}

}  // namespace mcnn::cuda
