// Every parameter of a network in one launch: the host's side. Hundreds of tensors, most of them tiny, are cut into chunks of
// one size; a table of the chunks lies in device memory, one block of the launch for each. The tensors are the same from step to
// step, so the table is uploaded once, and a recorded step needs nothing from the host.
// Next: multi_tensor.cuh walks a chunk.
#pragma once
#include <cuda_runtime.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/cuda/device_memory.h"

namespace mcnn::cuda {

/// Tensors of one shape, fp32, that are read and written element by element together.
struct TensorGroup {
  std::array<const float*, 4> tensors{};  // what each is for is the kernel's own; null: not there
  int64_t count = 0;                      // elements
  bool decay = false;                     // weight decay applies
  bool operator==(const TensorGroup&) const = default;
};

struct Chunk {
  static constexpr int kElements = 4096;  // 16 KB of each tensor: 256 threads, four vectors each

  float* tensors[4];  // kernels write those alone that their operation gives them to
  int count;
  bool decay;
  bool whole_vectors;  // all begin on 16 bytes
};

class ChunkTable {
 public:
  /// The chunks of `groups` in device memory, uploaded on `stream` unless they are there already.
  const Chunk* of(std::vector<TensorGroup> groups, cudaStream_t stream);
  /// In the table of the last call.
  unsigned chunks() const { return chunks_; }
  /// From now on the table of each set of groups stays, for the recorded steps that read it; before, the last one.
  void keep() { kept_ = true; }

 private:
  struct Table {
    std::vector<TensorGroup> groups;
    std::unique_ptr<DeviceBuffer> buffer;
    std::size_t chunks;
  };
  std::vector<Table> tables_;
  unsigned chunks_ = 0;
  bool kept_ = false;
};

}  // namespace mcnn::cuda
