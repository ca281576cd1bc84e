// Chooses a backend by name when a program starts. ref and cpu are part of every program; cuda and sim are plugins, libmcnn_cuda.so
// and libmcnn_sim.so, so that the same program runs with and without a GPU and its driver.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kernels/ops.h"

namespace mcnn {

class Profiler;

struct Backend {
  std::unique_ptr<Ops> ops;
  std::string reason;  ///< one line for the user: which backend runs, and why
};

/// auto, cpu, cuda, sim, ref.
const std::vector<std::string>& devices();

/// own, vendor, auto.
const std::vector<std::string>& product_choices();

/// How a GPU computes matrix products (docs/design.md). Other backends ignore both.
struct ProductOptions {
  std::string products = "auto";  ///< own kernels or NVIDIA's libraries, one of product_choices()
  bool allow_tf32 = false;        ///< tensor cores may multiply fp32 operands as tf32: their upper 11 bits
};

/// `device` is one of devices(); auto: cuda if there is a usable GPU, else cpu. Operands are checked (checked_ops.h); operations are timed
/// if `profiler` is given. Plugins are searched for in the folder MCNN_PLUGINS, else in the program's folder and in its ../lib/mcnn.
/// Throws Error with one line that states why the named backend cannot run.
Backend make_backend(const std::string& device, int threads, Profiler* profiler = nullptr, const ProductOptions& products = {});

}  // namespace mcnn
