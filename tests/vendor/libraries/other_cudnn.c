/* Under cuDNN 9's name, one that says it is MCNN_VERSION, for CUDA's MCNN_CUDART. */
#include <stddef.h>
size_t cudnnGetVersion(void) { return MCNN_VERSION; }
size_t cudnnGetCudartVersion(void) { return MCNN_CUDART; }
