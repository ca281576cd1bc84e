// Arbitrary checkpoints of torch.save: the zip directory, inflation, the object's pickle.  Next: formats/torch_zip.cpp.
#include "formats/torch_zip.h"

#include "tests/fuzz/read_tensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  mcnn::read_tensors(data, size, [](auto bytes) { return mcnn::read_torch_zip("input", bytes, nullptr); });
  return 0;
}
