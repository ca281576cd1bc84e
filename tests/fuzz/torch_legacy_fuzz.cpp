// Arbitrary checkpoints of torch.save before 1.6. Without checksums, mutations reach the unpickler and the layout of tensors in storages.
// Next: formats/torch_legacy.cpp.
#include "formats/torch_legacy.h"

#include "tests/fuzz/read_tensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  mcnn::read_tensors(data, size, [](auto bytes) { return mcnn::read_torch_legacy("input", bytes, nullptr); });
  return 0;
}
