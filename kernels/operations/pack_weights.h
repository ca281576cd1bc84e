// Weights of a pointwise convolution in the order in which a backend's product reads them, made once where they do not change between
// calls (inference).
#pragma once
#include "kernels/operation.h"

namespace mcnn {

/// packed = w in the backend's own order. Only for backends whose packed_weight_bytes() is not 0.
struct PackWeights {
  static constexpr const char* kName = "pack_weights";
  Tensor w;       ///< (I,O) of product_weight_type
  Tensor packed;  ///< (packed_weight_bytes) bytes

  void operands(Operands& reader) {
    reader.rank("w", w, 2);
    reader.input("w", w, w.shape(), w.dtype());
    reader.rank("packed", packed, 1);
    reader.output("packed", packed, packed.shape(), DType::u8);
  }
};

}  // namespace mcnn
