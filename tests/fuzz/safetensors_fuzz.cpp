// Arbitrary safetensors files: the reader returns or throws Error.  Next: formats/safetensors.cpp.
#include "formats/safetensors.h"

#include "tests/fuzz/read_tensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  mcnn::read_tensors(data, size, [](auto bytes) { return mcnn::read_safetensors("input", bytes, nullptr); });
  return 0;
}
