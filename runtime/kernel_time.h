// The time of one kernel of a recorded step, measured by the backend.
#pragma once
#include <string>

namespace mcnn {

struct KernelTime {
  std::string kernel;  ///< "depthwise_rows<__half, 5, 1>"
  int operation = 0;   ///< the number set by Ops::mark() before the launch
  double seconds = 0;  ///< from the end of the kernel before it to its own, so that the times sum to the step's
};

}  // namespace mcnn
