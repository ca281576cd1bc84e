// Which backend carries out the contract, chosen by name when a program starts.
#pragma once
#include <memory>
#include <string>

#include "kernels/ops.h"

namespace mcnn {

class Profiler;

struct Backend {
  std::unique_ptr<Ops> ops;
  std::string reason;  ///< one line for the user: what runs, and why
};

/// device: auto, cpu or ref. Shapes are checked, and times taken if `profiler` is given.
Backend make_backend(const std::string& device, int threads, Profiler* profiler = nullptr);

}  // namespace mcnn
