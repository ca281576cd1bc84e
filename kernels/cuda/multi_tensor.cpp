#include "kernels/cuda/multi_tensor.h"

#include <algorithm>

#include "kernels/cuda/check.h"

namespace mcnn::cuda {

const Chunk* ChunkTable::of(std::vector<TensorGroup> groups, cudaStream_t stream) {
  for (const Table& known : tables_)
    if (known.groups == groups) {
      chunks_ = static_cast<unsigned>(known.chunks);
      return static_cast<const Chunk*>(known.buffer->at_least(known.chunks * sizeof(Chunk)));
    }
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
  if (!kept_) tables_.clear();
  auto buffer = std::make_unique<DeviceBuffer>();
  void* device = buffer->at_least(table.size() * sizeof(Chunk));
  MCNN_CUDA(cudaMemcpyAsync(device, table.data(), table.size() * sizeof(Chunk), cudaMemcpyHostToDevice, stream));
  MCNN_CUDA(cudaStreamSynchronize(stream));  // `table` must live until it has been read
  tables_.push_back({std::move(groups), std::move(buffer), table.size()});
  chunks_ = static_cast<unsigned>(table.size());
  return static_cast<const Chunk*>(device);
}

}  // namespace mcnn::cuda
