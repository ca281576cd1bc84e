// Times a network's pointwise products, forward, in mcnn and in libxsmm (1.17), per layer and in total.
//   libxsmm_products [MODEL RESOLUTION BATCH THREADS]            default: b4 224 8 1
// libxsmm: one JIT-compiled kernel per layer on tiles of 64 rows, as its authors recommend for small products; it only multiplies.
// mcnn: pointwise_forward with the moments of the result, timed twice: on a plain feature map, and as in training (batch norm on read for
// expand, also swish and gate for project). libxsmm would need extra passes for these.
// The best of several alternating runs, so that other programs disturb neither much.
#include <fmt/format.h>
#include <libxsmm.h>
#include <omp.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>

#include "models/layer_table.h"
#include "models/published_networks.h"
#include "tests/cases/cases.h"

namespace {
using namespace mcnn;

constexpr libxsmm_blasint kRows = 64;

double seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// y (rows,out) = x (rows,in) w (in,out), all with rows contiguous: in libxsmm's column-major terms y' = w' x'.
std::function<void()> libxsmm_product(int64_t rows, int64_t in, int64_t out) {
  const auto i = static_cast<libxsmm_blasint>(in), o = static_cast<libxsmm_blasint>(out);
  const float one = 1.f, zero = 0.f;
  const auto tile = libxsmm_smmdispatch(o, kRows, i, &o, &i, &o, &one, &zero, nullptr, nullptr);
  const auto rest = libxsmm_smmdispatch(o, static_cast<libxsmm_blasint>(rows % kRows), i, &o, &i, &o, &one, &zero, nullptr, nullptr);
  if (!tile) throw std::runtime_error(fmt::format("libxsmm has no kernel for {}x{}x{}", o, kRows, i));
  auto x = std::make_shared<std::vector<float>>(rows * in, 0.5f), w = std::make_shared<std::vector<float>>(in * out, 0.25f);
  auto y = std::make_shared<std::vector<float>>(rows * out);
  return [=] {
    const int64_t whole = rows / kRows;
#pragma omp parallel for schedule(static)
    for (int64_t t = 0; t < whole; ++t) tile(w->data(), x->data() + t * kRows * in, y->data() + t * kRows * out);
    if (rest && rows % kRows) rest(w->data(), x->data() + whole * kRows * in, y->data() + whole * kRows * out);
  };
}

/// A case with its tensors.
std::function<void()> mcnn_product(Ops& ops, const cases::Case& row) {
  const auto workspace = std::make_shared<cases::Workspace>(ops, DType::f32, DType::f32);
  return [&ops, workspace, operation = row.prepare(*workspace)] { ops.run(operation); };
}

struct Visits {
  std::function<void()> work;
  double best = 1e9;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string model = argc > 1 ? argv[1] : "b4";
  const int64_t resolution = argc > 2 ? std::stoll(argv[2]) : 224, batch = argc > 3 ? std::stoll(argv[3]) : 8;
  const int threads = argc > 4 ? std::stoi(argv[4]) : 1;
  omp_set_num_threads(threads);
  const auto ops = make_cpu_ops(threads);
  fmt::print("{}, {}@{}, batch {}; GFLOP/s\n{:36} {:>9} {:>9} {:>9}\n", ops->name(), model, resolution, batch, "rows x in -> out, layers",
             "libxsmm", "plain", "training");

  std::map<std::vector<int64_t>, int> layers;
  for (const LayerRow& row : layer_table(build_network(network_spec(model)), batch, resolution, resolution))
    if (row.kind == LayerKind::pointwise) ++layers[{row.in[1], row.in[2], row.in[3], row.out[3]}];

  double flops_of_all = 0, seconds_of[3] = {};
  for (const auto& [shape, count] : layers) {
    const auto& s = shape;  // clang 14 cannot capture structured bindings in lambdas
    const int64_t rows = batch * s[0] * s[1];
    const auto pointwise = [&](const cases::Reading& x) {
      return cases::pointwise_forward({.n = batch, .h = s[0], .w = s[1], .in = s[2], .out = s[3], .x = x});
    };
    const cases::Case plain = pointwise(cases::kImage), training = pointwise(s[2] > s[3] ? cases::kGated : cases::kLinear);
    Visits ways[] = {{libxsmm_product(rows, s[2], s[3])}, {mcnn_product(*ops, plain)}, {mcnn_product(*ops, training)}};
    for (int visit = 0; visit < 9; ++visit)
      for (Visits& way : ways) way.best = std::min(way.best, seconds(way.work));
    const double flops = 2.0 * static_cast<double>(rows * s[2] * s[3]);
    flops_of_all += count * flops;
    for (int w = 0; w < 3; ++w) seconds_of[w] += count * ways[w].best;
    fmt::print("{:36} {:9.1f} {:9.1f} {:9.1f}\n", fmt::format("{} x {} -> {}, {}", rows, s[2], s[3], count), flops / ways[0].best / 1e9,
               flops / ways[1].best / 1e9, flops / ways[2].best / 1e9);
  }
  fmt::print("{:36} {:9.1f} {:9.1f} {:9.1f}\n", "all layers", flops_of_all / seconds_of[0] / 1e9, flops_of_all / seconds_of[1] / 1e9,
             flops_of_all / seconds_of[2] / 1e9);
}
