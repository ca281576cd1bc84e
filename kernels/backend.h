// Which backend carries out the contract, chosen by name when a program starts. ref and cpu are part of every program; cuda
// and sim are plugins, libmcnn_cuda.so and libmcnn_sim.so, so that one program runs with and without a GPU and its driver.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "kernels/ops.h"

namespace mcnn {

class Profiler;

struct Backend {
  std::unique_ptr<Ops> ops;
  std::string reason;  ///< one line for the user: what runs, and why
};

/// auto, cpu, cuda, sim, ref.
const std::vector<std::string>& devices();

/// own, vendor, auto.
const std::vector<std::string>& product_choices();

/// Matrix products on a GPU (docs/design.md); other backends have one way to make them.
struct ProductOptions {
  std::string products = "auto";  ///< who carries them out, one of product_choices()
  bool allow_tf32 = false;        ///< tensor cores may take fp32 operands for tf32, their upper 11 bits
};

/// `device` is one of devices(); auto: cuda where there is a GPU, else cpu. Shapes are checked, and times taken if `profiler`
/// is given. Plugins are looked for in the folder that MCNN_PLUGINS names, else beside the program and in ../lib/mcnn from
/// there.
/// Throws Error: one line that says why a backend named here cannot run.
Backend make_backend(const std::string& device, int threads, Profiler* profiler = nullptr, const ProductOptions& products = {});

}  // namespace mcnn
