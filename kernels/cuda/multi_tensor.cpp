#include "kernels/cuda/multi_tensor.h"

#include <algorithm>

#include "kernels/cuda/check.h"

namespace mcnn::cuda {

const Chunk* ChunkTable::of(std::vector<TensorGroup> groups, cudaStream_t stream) {
  if (groups == groups_) return static_cast<const Chunk*>(buffer_.at_least(chunks_ * sizeof(Chunk)));
  std::vector<Chunk> table;
  for (const TensorGroup& group : groups)
    for (int64_t first = 0; first < group.count; first += Chunk::kElements) {
      Chunk chunk{};
      chunk.count = static_cast<int>(std::min<int64_t>(Chunk::kElements, group.count - first));
      chunk.decay = group.decay;
      chunk.whole_vectors = true;
      for (std::size_t i = 0; i < group.tensors.size(); ++i) {
        if (!group.tensors[i]) continue;
        chunk.tensors[i] = const_cast<float*>(group.tensors[i]) + first;
        chunk.whole_vectors &= reinterpret_cast<std::uintptr_t>(chunk.tensors[i]) % 16 == 0;
      }
      table.push_back(chunk);
    }
  groups_.clear();  // should what follows fail, the buffer holds no table
  chunks_ = 0;
  void* device = buffer_.at_least(table.size() * sizeof(Chunk));
  MCNN_CUDA(cudaMemcpyAsync(device, table.data(), table.size() * sizeof(Chunk), cudaMemcpyHostToDevice, stream));
  MCNN_CUDA(cudaStreamSynchronize(stream));  // `table` must live until it has been read
  groups_ = std::move(groups);
  chunks_ = static_cast<unsigned>(table.size());
  return static_cast<const Chunk*>(device);
}

}  // namespace mcnn::cuda
