// One training step by hand: from a photo's file to updated weights, the way mcnn-train takes thousands of them.
//   one_step PHOTO.jpg CLASS        (0 to 17; the network is a small EfficientNet that starts from random weights)
// Next: layers/conv_norm.cpp adds a layer's calls; train/training_step.cpp is this step for every batch of a run.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "data/image.h"
#include "data/preprocess.h"
#include "kernels/backend.h"
#include "kernels/program.h"
#include "layers/cross_entropy.h"
#include "models/model.h"
#include "runtime/arena.h"

using namespace mcnn;

namespace {

constexpr int64_t kClasses = 18, kSide = 64, kBatch = 4;

void take_one_step(const char* path, int64_t label) {
  // The photo, decoded and cut to a square: (H,W,3) bytes. A batch of one has no statistics in the last layers, so it is repeated.
  const Image photo = preprocess(decode_image(path), {.resize = kSide, .crop = kSide}, path);

  // Who computes: the CPU, through the contract that every backend fulfils.
  Backend backend = make_backend("cpu", /*threads=*/0);
  Ops& ops = *backend.ops;
  std::printf("%s\n", backend.reason.c_str());

  // The batch in the backend's memory: pixels, whether to mirror each photo, and the distribution that the loss compares with.
  Arena arena(ops.memory());
  Tensor pixels = arena.tensor({kBatch, kSide, kSide, 3}, DType::u8), flips = arena.tensor({kBatch}, DType::u8);
  Tensor targets = arena.tensor({kBatch, kClasses});
  std::vector<uint8_t> bytes, mirrored = {0, 1, 0, 1};
  for (int64_t n = 0; n < kBatch; ++n) bytes.insert(bytes.end(), photo.rgb.begin(), photo.rgb.end());
  std::vector<float> one_hot(kBatch * kClasses, 0.f);
  for (int64_t n = 0; n < kBatch; ++n) one_hot[static_cast<std::size_t>(n * kClasses + label)] = 1.f;
  ops.copy_from_host(bytes.data(), pixels);
  ops.copy_from_host(mirrored.data(), flips);
  ops.copy_from_host(one_hot.data(), targets);

  // The network: a list of layers from a name, and tensors for them. b0 with a quarter of its channels and half of its blocks.
  NetworkSpec spec = network_spec("b0");
  spec.width = 0.25;
  spec.depth = 0.5;
  spec.classes = kClasses;
  Parameters parameters(ops, /*gradients=*/true);
  const Model model(spec, parameters);
  initialise(parameters, /*seed=*/1);
  std::printf("%s: %lld parameters\n", model.network().title.c_str(), static_cast<long long>(parameters.count()));

  // The step as a list of calls. Nothing is computed yet, and the program's tensors are no memory yet.
  Program step;
  Tape tape;  // each layer puts its backward here while its forward is added
  const Context ctx = Context::of(step, tape, parameters, DType::f32, /*training=*/true);

  // Forward. (pixels/255 - mean)/std is the network's input; every layer adds its calls and returns what it will have written.
  const Tensor images = ctx.feature_map({kBatch, kSide, kSide, 3});
  ctx.add(NormalizeImages{pixels, flips, {0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}, images});
  const Vectors logits = model.forward(ctx, images);
  const Tensor loss = cross_entropy(ctx, logits, targets, /*smoothing=*/0.1f);
  step.keep(loss);  // read behind the run: no later call may use its memory

  // Backward. The tape runs from its end: each layer adds the call that writes its weight's gradient and its input's.
  tape.backward();

  // The update. All parameters lie in one block of memory, and so do their gradients and moments: AdamW is one call.
  Tensor m = arena.tensor(parameters.trained_values().shape()), v = arena.tensor(m.shape());
  ops.run(Fill{m, 0.f});
  ops.run(Fill{v, 0.f});
  const Tensor norm = ctx.small({1}), clip = ctx.small({1});
  step.keep(norm);
  step.add(GradientNorm{parameters.gradients(), /*max_norm=*/1.f, norm, clip});
  step.add(AdamW{.weight_decay = 0.01f,
                 .clip = clip,
                 .values = parameters.trained_values(),
                 .gradients = parameters.gradients(),
                 .m = m,
                 .v = v,
                 .decayed = parameters.decaying()});

  // The plan: how long each tensor is in use decides where it lies, so that a step needs little memory.
  step.plan();
  Workspace workspace(ops.memory());
  step.place(workspace);
  std::printf("%zu calls over %.1f MB; the first and the last:\n", step.calls().size(), static_cast<double>(step.bytes()) / 1e6);
  const std::string listing = step.listing();
  std::printf("%s  ...\n%s", listing.substr(0, listing.find('\n') + 1).c_str(),
              listing.substr(listing.rfind('\n', listing.size() - 2) + 1).c_str());

  // The same list, ten times over the same photo: the loss falls.
  for (uint32_t number = 0; number < 10; ++number) {
    ops.begin_step({.seed = 1, .step = number, .learning_rate = 3e-3f});
    step.run(ops);
    std::printf("step %u: loss %.4f, norm of the gradients %.3f\n", number, scalar(ops, step.placed(loss)), scalar(ops, step.placed(norm)));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const long label = argc == 3 ? std::atol(argv[2]) : -1;
  if (label < 0 || label >= kClasses) {
    std::fprintf(stderr, "usage: one_step PHOTO CLASS, a class from 0 to %lld\n", static_cast<long long>(kClasses - 1));
    return 2;
  }
  try {
    take_one_step(argv[1], label);
  } catch (const Error& error) {
    std::fprintf(stderr, "one_step: %s\n", error.what());
    return 1;
  }
  return 0;
}
