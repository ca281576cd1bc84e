// Describes a weights file for the user: container, naming, convention with the source of every field, tensors, metadata.
#pragma once
#include <string>

#include "formats/tensor_file.h"
#include "weights/convention.h"

namespace mcnn {

/// `convention`: the file's, from resolve_convention(). Names and values are escaped to be printable.
std::string inspect(const TensorFile& file, const Convention& convention);

}  // namespace mcnn
