// Names of kernels, from the symbol table of the running program.
#pragma once
#include <string>

namespace simt {

/// "depthwise_forward<float, 4>": without return type, parameters and namespaces.
const std::string& kernel_name(const void* kernel);

}  // namespace simt
