// 1x1 convolution, backward: dw = z^T dy and dz = dy w^T from one reading of both maps.  Contract: kernels/ops.h.
// dz is completed into what x's producer wants (InputGradient) panel by panel, while the panel is in cache.
//   small weights  a part of the rows is one thread's: tile by tile it forms z and dy, adds to the part's own dw and does
//                  dz. Parts are merged in order. The early layers: many rows, few channels.
//   large weights  a sum of their own for each part would not fit the cache. A chunk of rows, small enough for the
//                  third-level cache, is formed by all threads; then tiles of dz and blocks of dw are shared out. The
//                  late layers. A block of dw is summed by one thread, in the order of the rows.
// Next: gemm-inl.h multiplies; matrix_rows-inl.h reads; input_gradient-inl.h completes dz; row_cut.h cuts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pointwise_backward.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include <hwy/cache_control.h>

#include <algorithm>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/gradient_coefficients.h"
#include "kernels/cpu/input_gradient-inl.h"
#include "kernels/cpu/matrix_rows-inl.h"
#include "kernels/cpu/parallel.h"
#include "kernels/cpu/row_cut.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

/// A call's operands; what is null or absent is not wanted.
struct Backward {
  const Feature& x;
  const OutputGradient& dy;
  const GradientCoefficients& folded;
  Tensor& dw;
  InputGradient* dx;
  int64_t in, out;  ///< I, O
  Panels w_transposed;
  int threads;
};

/// What is read of rows [first, first + rows).
template <class T>
void expect(const Backward& call, int64_t first, int64_t rows, Ahead& ahead) {
  const auto add = [&](const Tensor& map) {
    if (map.defined()) ahead.add(map.data<T>() + first * map.c(), rows * map.c() * static_cast<int64_t>(sizeof(T)));
  };
  add(call.x.raw);
  add(call.dy.stored);
  if (!call.folded.centre.empty() || call.dy.pooled.defined()) add(call.dy.of->raw);
  if (call.dx) add(call.dx->add);
}

/// The scheme for small weights. `memory` holds a sum of dw for each part.
template <class T>
void backward_in_parts(const Backward& call, const RowCut& cut, InputSums& sums, float* memory) {
  const int64_t in = call.in, out = call.out, in_panels = panel_count(in), out_panels = panel_count(out);
  const std::size_t dw_size = panels_size(in, out);
  const std::size_t z_size = panels_size(cut.tile_rows, in), dy_size = panels_size(cut.tile_rows, out);
  parallel_for(call.threads, cut.parts, [&](int64_t part) {
    float* const own = thread_scratch().floats(z_size + dy_size + panels_size(cut.tile_rows, kPanel));
    const Panels z = panels(own, cut.tile_rows), dy = panels(own + z_size, cut.tile_rows);
    const Panels dz = panels(own + z_size + dy_size, cut.tile_rows);
    const Panels dw = panels(memory + static_cast<std::size_t>(part) * dw_size, in);
    for (int64_t tile = cut.first_tile(part); tile < cut.last_tile(part); ++tile) {
      const int64_t first = cut.tile_begin(tile), rows = cut.tile_end(tile) - first;
      read_gradient_rows<T>(call.dy, call.folded, first, rows, dy);
      Ahead ahead;
      if (tile + 1 < cut.last_tile(part)) expect<T>(call, first + rows, cut.tile_end(tile + 1) - first - rows, ahead);
      if (call.dw.defined()) {
        read_feature_rows<T>(call.x, first, rows, 0, in_panels, z);
        multiply_transposed(z, in, 0, in_panels, dy, out, 0, out_panels, rows, dw, tile > cut.first_tile(part), ahead);
      }
      for (int64_t panel = 0; call.dx && panel < in_panels; ++panel) {
        multiply(dy, rows, out, call.w_transposed, in, panel, panel + 1, dz, ahead);
        store_gradient<T>(dz.data, call.x, *call.dx, first, rows, panel, sums, part);
      }
    }
    hwy::FlushStream();
  });
  if (call.dw.defined()) merge_parts(memory, cut.parts, in, out, call.dw.data<float>(), call.threads);
}

/// The scheme for large weights: parts are tiles. `memory` holds dw, then z and dy of `chunk` tiles.
template <class T>
void backward_in_chunks(const Backward& call, const RowCut& cut, InputSums& sums, float* memory, int64_t chunk) {
  const int64_t in = call.in, out = call.out, in_panels = panel_count(in), out_panels = panel_count(out);
  const std::size_t z_size = panels_size(cut.tile_rows, in), dy_size = panels_size(cut.tile_rows, out);
  const Panels dw = panels(memory, in);
  float* const tiles = memory + panels_size(in, out);
  const auto z = [&](int64_t tile) { return panels(tiles + static_cast<std::size_t>(tile % chunk) * (z_size + dy_size), cut.tile_rows); };
  const auto dy = [&](int64_t tile) { return panels(z(tile).data + z_size, cut.tile_rows); };
  const auto rows = [&](int64_t tile) { return cut.tile_end(tile) - cut.tile_begin(tile); };

  const int64_t dz_group = 8;  // panels of dz that stay in the second-level cache while dy and w run past
  const int64_t dz_groups = ceil_div(in_panels, dz_group);
  const int64_t dw_group = in_panels * out_panels >= 144 ? 3 : 2;  // a block of dw: so many panels both ways
  const int64_t dw_rows = ceil_div(in_panels, dw_group), dw_columns = ceil_div(out_panels, dw_group);

  for (int64_t begin = 0; begin < cut.tiles; begin += chunk) {
    const int64_t count = std::min(chunk, cut.tiles - begin), end = begin + count;
    parallel_for(call.threads, 2 * count, [&](int64_t unit) {
      const int64_t tile = begin + unit / 2, first = cut.tile_begin(tile);
      if (unit % 2 == 0) read_gradient_rows<T>(call.dy, call.folded, first, rows(tile), dy(tile));
      if (unit % 2 == 1 && call.dw.defined()) read_feature_rows<T>(call.x, first, rows(tile), 0, in_panels, z(tile));
    });
    if (call.dx) {
      parallel_for(call.threads, count * dz_groups, [&](int64_t unit) {
        const int64_t tile = begin + unit / dz_groups, group = unit % dz_groups;
        const int64_t from = group * dz_group, to = std::min(in_panels, from + dz_group);
        const Panels dz = panels(thread_scratch().floats(panels_size(cut.tile_rows, dz_group * kPanel)), cut.tile_rows);
        Ahead ahead;
        multiply(dy(tile), rows(tile), out, call.w_transposed, in, from, to, dz, ahead);
        for (int64_t panel = from; panel < to; ++panel) {
          store_gradient<T>(dz.at(panel - from), call.x, *call.dx, cut.tile_begin(tile), rows(tile), panel, sums, tile);
        }
        hwy::FlushStream();
      });
    }
    if (call.dw.defined()) {
      parallel_for(call.threads, dw_rows * dw_columns, [&](int64_t unit) {
        const int64_t i = unit % dw_rows * dw_group, o = unit / dw_rows * dw_group;
        Ahead ahead;
        for (int64_t tile = begin; tile < end; ++tile) {
          multiply_transposed(z(tile), in, i, std::min(in_panels, i + dw_group), dy(tile), out, o, std::min(out_panels, o + dw_group),
                              rows(tile), dw, tile > 0, ahead);
        }
      });
    }
  }
  if (call.dw.defined()) merge_parts(memory, 1, in, out, call.dw.data<float>(), call.threads);
}

template <class T>
void backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx, int threads, Scratch& shared) {
  const int64_t in = x.raw.c(), out = dy.of->raw.c();
  const std::size_t w_size = panels_size(out, in), dw_size = panels_size(in, out);
  const bool small = dw_size * sizeof(float) <= 256 << 10;

  const RowCut cut = cut_rows(x.raw.n(), x.raw.h() * x.raw.w(), 200, small ? 32 : int64_t{1} << 32);
  const std::size_t tile_size = panels_size(cut.tile_rows, in) + panels_size(cut.tile_rows, out);
  const auto chunk = std::clamp<int64_t>((3 << 20) / static_cast<int64_t>(tile_size), 1, cut.tiles);  // 12 MiB
  const std::size_t rest = small ? static_cast<std::size_t>(cut.parts) * dw_size : dw_size + static_cast<std::size_t>(chunk) * tile_size;
  float* const memory = shared.floats((dx ? w_size : 0) + rest);
  float* const after_w = memory + (dx ? w_size : 0);

  const GradientCoefficients folded = gradient_coefficients(dy);
  InputSums sums(x, dx, cut);
  const Backward call{x, dy, folded, dw, dx, in, out, panels(memory, out), threads};
  if (dx) {
    parallel_for(threads, panel_count(in), [&](int64_t panel) { pack_transposed(w.data<float>(), in, out, panel, call.w_transposed); });
  }
  if (small) {
    backward_in_parts<T>(call, cut, sums, after_w);
  } else {
    backward_in_chunks<T>(call, cut, sums, after_w, chunk);
  }
  if (dx) sums.merge_into(x, *dx);
}

void pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx, int threads,
                        Scratch& shared) {
  backward<float>(x, w, dy, dw, dx, threads, shared);
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(pointwise_backward);

void CpuOps::pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx) {
  HWY_DYNAMIC_DISPATCH(pointwise_backward)(x, w, dy, dw, dx, threads_, scratch_);
}

}  // namespace mcnn::cpu
#endif
