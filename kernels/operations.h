// The list of all operations. A backend has a function `execute` for each struct.
// A new operation: its struct in kernels/operations/, a line here, a file in each backend, rows in tests/cases/.
#pragma once
#include "kernels/operations/batch_norm.h"
#include "kernels/operations/cross_entropy.h"
#include "kernels/operations/dense.h"
#include "kernels/operations/depthwise.h"
#include "kernels/operations/dropout.h"
#include "kernels/operations/fill.h"
#include "kernels/operations/linear.h"
#include "kernels/operations/normalize_images.h"
#include "kernels/operations/optimizers.h"
#include "kernels/operations/pack_weights.h"
#include "kernels/operations/pointwise.h"
#include "kernels/operations/pool.h"
#include "kernels/operations/residual.h"
#include "kernels/operations/squeeze_excite.h"
#include "kernels/operations/store_weights.h"

/// Calls X(Struct) for each.
#define MCNN_OPERATIONS(X) \
  X(Fill)                  \
  X(NormalizeImages)       \
  X(PointwiseForward)      \
  X(PointwiseBackward)     \
  X(DepthwiseForward)      \
  X(DepthwiseBackward)     \
  X(DenseForward)          \
  X(DenseBackward)         \
  X(BatchNormForward)      \
  X(BatchNormFrozen)       \
  X(BatchNormSums)         \
  X(BatchNormSumsGated)    \
  X(PoolForward)           \
  X(SqueezeExciteForward)  \
  X(SqueezeExciteBackward) \
  X(ResidualForward)       \
  X(DropPathScale)         \
  X(Dropout)               \
  X(LinearForward)         \
  X(LinearBackward)        \
  X(CrossEntropy)          \
  X(StoreWeights)          \
  X(PackWeights)           \
  X(GradientNorm)          \
  X(AdamW)                 \
  X(Sgd)                   \
  X(Ema)
