// What a weights file is, as text for a person: container, naming, convention with the source of every field, tensors,
// metadata.
#pragma once
#include <string>

#include "formats/tensor_file.h"
#include "weights/convention.h"

namespace mcnn {

/// `convention` is what the file's was resolved to (convention.h). Names and values are made printable.
std::string inspect(const TensorFile& file, const Convention& convention);

}  // namespace mcnn
