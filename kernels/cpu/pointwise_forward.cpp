// 1x1 convolution, forward: a matrix product over rows.  Contract: kernels/ops.h.
// A thread transforms a tile of input rows once into panels that stay in its second-level cache, multiplies them by one
// panel of the weights after the other, and stores each result, its moments taken, while it is still in the first.
// Few rows (a small batch, late layers) are transformed by all threads first, and the output channels are shared out.
// Next: gemm-inl.h multiplies; matrix_rows-inl.h reads and stores; pointwise_backward.cpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pointwise_forward.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include <hwy/cache_control.h>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/matrix_rows-inl.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/row_cut.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

/// A tile of z takes at most half a MiB, half of the usual second-level cache, unless its rows would be too few to pay for
/// reading the weights once per tile.
int64_t forward_tile_rows(int64_t in) { return std::clamp<int64_t>((1 << 17) / in / 8 * 8, 48, 200); }

template <class T>
void forward(const Feature& x, const Tensor& weights, Tensor& y, Moments* moments, int threads, Scratch& shared) {
  const int64_t rows = x.raw.rows(), in = x.raw.c(), out = y.c();
  const int64_t in_panels = panel_count(in), out_panels = panel_count(out);
  const RowCut cut = cut_rows(1, rows, forward_tile_rows(in), 32);
  const int64_t groups = cut.tiles >= 8 ? 1 : std::min(out_panels, ceil_div(8, cut.tiles));
  const std::size_t z_size = panels_size(cut.tile_rows, in);

  const std::size_t w_size = panels_size(in, out);
  float* const memory = shared.floats(w_size + (groups > 1 ? z_size * static_cast<std::size_t>(cut.tiles) : 0));
  const Panels w = panels(memory, in);
  parallel_for(threads, out_panels, [&](int64_t panel) { pack(weights.data<float>(), in, out, panel, w); });
  const auto shared_z = [&](int64_t tile) { return panels(memory + w_size + static_cast<std::size_t>(tile) * z_size, cut.tile_rows); };
  if (groups > 1) {
    parallel_for(threads, cut.tiles * in_panels, [&](int64_t unit) {
      const int64_t tile = unit / in_panels, panel = unit % in_panels, first = cut.tile_begin(tile);
      read_feature_rows<T>(x, first, cut.tile_end(tile) - first, panel, panel + 1, shared_z(tile));
    });
  }

  PartialMoments partial(moments ? cut.parts : 0, out);
  parallel_for(threads, cut.parts * groups, [&](int64_t unit) {
    const int64_t part = unit / groups, group = unit % groups;
    const int64_t first_panel = group * out_panels / groups, last_panel = (group + 1) * out_panels / groups;
    const std::size_t c_size = panels_size(cut.tile_rows, kPanel);
    float* const own = thread_scratch().floats(c_size + (groups > 1 ? 0 : z_size));
    const Panels c = panels(own, cut.tile_rows);
    int64_t done = 0;
    for (int64_t tile = cut.first_tile(part); tile < cut.last_tile(part); ++tile) {
      const int64_t first = cut.tile_begin(tile), count = cut.tile_end(tile) - first;
      const Panels z = groups > 1 ? shared_z(tile) : panels(own + c_size, cut.tile_rows);
      if (groups == 1) read_feature_rows<T>(x, first, count, 0, in_panels, z);
      Ahead ahead;
      if (groups == 1 && tile + 1 < cut.last_tile(part)) {
        ahead.add(x.raw.data<T>() + (first + count) * in, (cut.tile_end(tile + 1) - first - count) * in * static_cast<int64_t>(sizeof(T)));
      }
      for (int64_t panel = first_panel; panel < last_panel; ++panel) {
        multiply(z, count, in, w, out, panel, panel + 1, c, ahead);
        store_output<T>(c, first, count, panel, y, moments ? &partial : nullptr, part, done);
      }
      done += count;
    }
    hwy::FlushStream();
    if (moments && group == 0) partial.set_count(part, done);
  });
  if (moments) partial.merge_into(*moments);
}

void pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments, int threads, Scratch& shared) {
  forward<float>(x, w, y, moments, threads, shared);
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(pointwise_forward);

void CpuOps::pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments) {
  HWY_DYNAMIC_DISPATCH(pointwise_forward)(x, w, y, moments, threads_, scratch_);
}

}  // namespace mcnn::cpu
#endif
