// Readable names of kernels.
#pragma once
#include <string>

namespace mcnn::cuda {

/// "void mcnn::cuda::(anonymous namespace)::pool_rows<float, (int)4>(float*)" -> "pool_rows<float, 4>"
std::string short_kernel_name(const std::string& demangled);

}  // namespace mcnn::cuda
