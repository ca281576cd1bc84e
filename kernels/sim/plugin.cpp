// The functions that libmcnn_sim exports.  Contract: kernels/plugin.h.
#include "kernels/plugin.h"

#include "kernels/cuda/cuda_ops.h"

const char* mcnn_backend_contract() { return MCNN_CONTRACT; }

mcnn::Ops* mcnn_backend_create(const char* products, bool allow_tf32) { return mcnn::cuda::make_cuda_ops(products, allow_tf32).release(); }
