// What a backend measured itself: a kernel of a recorded step.
#pragma once
#include <string>

namespace mcnn {

struct KernelTime {
  std::string kernel;  ///< "depthwise_rows<__half, 5, 1>"
  int operation = 0;   ///< the number that Ops::mark() gave before it
  double seconds = 0;  ///< from the end of the kernel before it, so that times sum to the step's
};

}  // namespace mcnn
