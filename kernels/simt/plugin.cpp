// What libmcnn_sim shows to the outside.
#include "kernels/plugin.h"

#include "kernels/cuda/cuda_ops.h"

const char* mcnn_backend_contract() { return MCNN_CONTRACT; }

mcnn::Ops* mcnn_backend_create() { return new mcnn::cuda::CudaOps; }
