// What libmcnn_sim shows to the outside.
#include "kernels/plugin.h"

#include "kernels/cuda/cuda_ops.h"

const char* mcnn_backend_contract() { return MCNN_CONTRACT; }

mcnn::Ops* mcnn_backend_create(const char* products) {
  const auto wanted = mcnn::cuda::products_named(products);
  if (wanted == mcnn::cuda::Products::own) return new mcnn::cuda::CudaOps;
  return new mcnn::cuda::CudaOps(wanted, mcnn::cuda::find_vendor(mcnn::cuda::compiled_capability()));
}
