// Copies of weights in the storage type, for the products that read them.
#pragma once
#include "kernels/operation.h"

namespace mcnn {

/// stored = values, rounded to stored's type.
struct StoreWeights {
  static constexpr const char* kName = "store_weights";
  Tensor values;  ///< (P) fp32
  Tensor stored;  ///< (P) storage type

  void operands(Operands& reader) {
    reader.rank("values", values, 1);
    reader.input("values", values, values.shape());
    if (stored.defined()) reader.storage({"", "stored"}, stored.dtype());
    reader.output("stored", stored, values.shape(), stored.dtype());
  }
};

}  // namespace mcnn
