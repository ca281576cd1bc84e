#include "weights/verify.h"

namespace mcnn {

Tensor images_of(Ops& ops, Arena& arena, const StoredTensor& stored) {
  const int64_t n = stored.shape[0], c = stored.shape[1], h = stored.shape[2], w = stored.shape[3];
  const std::vector<float> nchw = as_floats(stored);
  std::vector<float> nhwc(nchw.size());
  for (int64_t i = 0; i < n; ++i)
    for (int64_t k = 0; k < c; ++k)
      for (int64_t p = 0; p < h * w; ++p)
        nhwc[static_cast<std::size_t>((i * h * w + p) * c + k)] = nchw[static_cast<std::size_t>((i * c + k) * h * w + p)];
  Tensor images = arena.tensor({n, h, w, c}, ops.parameter_type());
  copy_floats(ops, nhwc, images);
  return images;
}

std::vector<float> logits_of(const Model& model, Parameters& parameters, const StoredTensor& images) {
  Ops& ops = parameters.ops();
  if (images.shape.size() != 4 || images.shape[1] != 3 || images.size() == 0)
    fail("tensor {} is {}, expected images (N,3,H,W)", printable(images.name), images.shape_str());
  Arena arena(ops.memory());
  Workspace workspace(ops.memory());
  Program program;
  Tape tape(false);
  const Tensor logits =
      model.forward(Context::of(program, tape, parameters, ops.parameter_type(), false), images_of(ops, arena, images))->value;
  program.keep(logits);
  program.run_once(ops, workspace);
  return to_floats(ops, program.placed(logits));
}

}  // namespace mcnn
