// Resident memory of this process, as the kernel counts it.
#pragma once
#include <cstddef>

namespace mcnn {

/// Now and at its highest (VmRSS, VmHWM), in bytes; 0 where it is not known.
std::size_t resident_bytes();
std::size_t peak_resident_bytes();

}  // namespace mcnn
