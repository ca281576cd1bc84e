// Common to the fuzz targets of tensor containers: reads every value of a file, and checks the message of an Error.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

#include "formats/tensor_file.h"
#include "runtime/error.h"

namespace mcnn {

/// open(bytes) -> TensorFile. Aborts if a message is not one line that begins with the file's name.
template <class Open>
void read_tensors(const uint8_t* data, std::size_t size, const Open& open) {
  constexpr std::size_t kMostValues = 1 << 20;  // names may share a storage: enough is enough
  try {
    const TensorFile file = open(std::as_bytes(std::span(data, size)));
    std::size_t read = 0;
    for (const StoredTensor& t : file.tensors()) {
      if (read > kMostValues) break;
      read += as_floats(t).size();
    }
  } catch (const Error& e) {
    const std::string_view line = e.what();
    if (!line.starts_with("input") || line.find('\n') != std::string_view::npos) std::abort();
  }
}

}  // namespace mcnn
