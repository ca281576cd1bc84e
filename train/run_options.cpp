#include "train/run_options.h"

#include "kernels/backend.h"

namespace mcnn {

std::vector<Setting> settings(RunOptions& o) {
  SettingTable t("run");
  t.text("dir", o.dir, "folder the run is written to; one that holds a checkpoint is never overwritten");
  t.number<uint64_t>("seed", o.seed, 0, UINT64_MAX, "of every random number: weights, order, flips, dropout, split");
  t.choice(
      "device", o.device, devices(),
      "backend; auto: cuda where there is a GPU, else cpu; sim runs the CUDA kernels on the host and ref computes in double, for checking");
  t.number("threads", o.threads, 0, 4096,
           "0: as many as the process may use (affinity, CPU quota, OMP_NUM_THREADS); results do not depend on it");
  t.choice("products", o.products, product_choices(),
           "matrix products and dense convolutions on a GPU: own kernels, or cuBLAS and cuDNN (vendor, auto) where these are found");
  t.flag("allow_tf32", o.allow_tf32,
         "products in fp32 on a GPU: tensor cores may round operands to tf32 (11 bits); no effect on cpu, ref and GPUs before sm_80");
  return t.rows;
}

}  // namespace mcnn
