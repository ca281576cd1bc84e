#include "weights/verify.h"

#include <cmath>

namespace mcnn {

Agreement agreement(const std::vector<float>& found, const std::vector<double>& reference) {
  if (found.size() != reference.size()) fail<ShapeError>("agreement: {} values against {}", found.size(), reference.size());
  double squares = 0, reference_squares = 0, largest = 0, largest_reference = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double error = std::abs(found[i] - reference[i]);
    squares += error * error;
    reference_squares += reference[i] * reference[i];
    if (!(error <= largest)) largest = error;  // a NaN stays
    largest_reference = std::max(largest_reference, std::abs(reference[i]));
  }
  const bool zero = largest_reference == 0;
  return {std::sqrt(squares) / (zero ? 1 : std::sqrt(reference_squares)), largest / (zero ? 1 : largest_reference)};
}

std::vector<float> logits_of(Ops& ops, const EfficientNet& model, const StoredTensor& images) {
  const std::vector<int64_t>& shape = images.shape;
  if (shape.size() != 4 || shape[1] != 3 || images.size() == 0)
    fail("tensor {} is {}, expected images (N,3,H,W)", printable(images.name), images.shape_str());
  const int64_t n = shape[0], c = shape[1], pixels = shape[2] * shape[3];
  const std::vector<float> nchw = as_floats(images);
  std::vector<float> nhwc(nchw.size());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < c; ++k)
      for (int64_t p = 0; p < pixels; ++p)
        nhwc[static_cast<std::size_t>((i * pixels + p) * c + k)] = nchw[static_cast<std::size_t>((i * c + k) * pixels + p)];

  Arena arena(ops.memory());
  Tape tape(false);
  const Context ctx{&ops, &arena, &tape, ops.parameter_type(), false};
  const Tensor input = ctx.feature_map({n, shape[2], shape[3], c});
  copy_floats(ops, nhwc, input);
  return to_floats(ops, model.forward(ctx, input).value);
}

}  // namespace mcnn
