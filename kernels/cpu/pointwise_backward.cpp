// 1x1 convolution, backward: dw = z^T dy and dz = dy w^T from one reading of both maps.  Contract: kernels/operations/pointwise.h.
// dz is written as InputGradient states, panel by panel, while the panel is in cache.
// What a thread works on has to fit its second-level cache, so the larger side of the weights is cut:
//   by inputs   a thread takes a part of the rows and a slice of x's channels. Tile by tile it forms z, adds to its own piece
//               of dw and writes its panels of dz. Early layers have one slice and many parts. With more slices than one,
//               dy, then the smaller map, is formed beforehand by all threads.
//   by outputs  for an expand with large weights dz is a sum over all slices of dy: a thread takes a tile of rows, forms
//               slice after slice of dy and adds to the tile's dz. It keeps z and dy, and dw is computed from them slice by
//               slice. This goes by chunks of rows that fit the third-level cache.
// Pieces of dw over different rows are added up in order.
// Next: gemm-inl.h multiplies; panel_rows-inl.h reads; gradient_panels-inl.h writes; row_cut.h cuts.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pointwise_backward.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include <hwy/cache_control.h>

#include <algorithm>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/row_cut.h"
#include "kernels/cpu/products/gemm-inl.h"
#include "kernels/cpu/readers/panel_rows-inl.h"
#include "kernels/cpu/storage.h"
#include "kernels/cpu/writers/gradient_panels-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

/// Rows of a tile: the more, the less often the weights pass; the fewer, the more of what is made of them stays in cache.
constexpr int64_t kTileRows = 200, kTileRowsSmallWeights = 96;
/// Floats: 256 KiB of weights and as much of dw leave half of a MiB of cache to the rows.
constexpr int64_t kSmallWeights = 1 << 16;

/// A call's operands.
struct Backward {
  const Feature& x;
  const Tensor& w;
  const OutputGradient& dy;
  const GradientCoefficients& coefficients;
  Tensor& dw;
  InputGradient& dx;
  int64_t in, out;  ///< I, O
  int threads;
};

/// w transposed (O,I), as the right operand of dz = dy w^T.
template <class T, class E>
Panels<E> pack_transposed_weights(const Backward& call, float* memory) {
  const Panels<E> w = panels<E>(memory, call.out);
  if (!call.dx.requested()) return w;
  parallel_for(call.threads, panel_count(call.in), [&](int64_t panel) { pack_transposed(call.w.data<T>(), call.in, call.out, panel, w); });
  return w;
}

/// Slices, in panels, of the side that is cut: 144 channels with AVX-512.
constexpr int64_t kSlice = 3;

/// Prefetches what dy is read from.
template <class T>
void expect_gradient_rows(const Backward& call, int64_t first, int64_t rows, int64_t from, const std::vector<uint32_t>& lines,
                          Ahead& ahead) {
  expect_rows<T>(call.dy.stored, first, rows, from, lines, ahead);
  if (gradient_form(call.dy) != GradientForm::scaled) expect_rows<T>(call.dy.of.raw, first, rows, from, lines, ahead);
}
/// Prefetches what z is read from and what dz is written with.
template <class T>
void expect_feature_rows(const Backward& call, int64_t first, int64_t rows, int64_t from, const std::vector<uint32_t>& lines,
                         Ahead& ahead) {
  expect_rows<T>(call.x.raw, first, rows, from, lines, ahead);
  if (call.dx.requested()) expect_rows<T>(call.dx.add, first, rows, from, lines, ahead);
}

template <class T, class E>
void backward_by_inputs(const Backward& call, int64_t slices, Scratch& shared) {
  const int64_t in = call.in, out = call.out, in_panels = panel_count(in), out_panels = panel_count(out);
  const int64_t slice = ceil_div(in_panels, slices);
  const bool sliced = slices > 1;
  // The activation and its slope cost more to form again than to keep.
  const bool keep_slopes = call.x.act != Activation::identity && call.dw.defined() && call.dx.requested();
  const RowCut cut = cut_rows(call.x.raw.n(), call.x.raw.h() * call.x.raw.w(), sliced ? kTileRows : kTileRowsSmallWeights,
                              sliced ? ceil_div(16, slices) : 32);
  InputSums sums(call.x, call.dx, cut);

  const std::size_t w_size = panel_floats<E>(out, in), dw_size = panel_floats<float>(in, out);
  const std::size_t dy_size = operand_floats<E>(cut.tile_rows, out);
  const std::size_t all_dw_size = static_cast<std::size_t>(cut.parts) * dw_size;
  float* const memory = shared.floats(w_size + all_dw_size + (sliced ? static_cast<std::size_t>(cut.tiles) * dy_size : 0));
  const Panels<E> w = pack_transposed_weights<T, E>(call, memory);
  float* const all_dw = memory + w_size;
  const auto shared_dy = [&](int64_t tile) {
    return operand<E>(all_dw + all_dw_size + static_cast<std::size_t>(tile) * dy_size, cut.tile_rows, out);
  };
  if (sliced) {
    parallel_for(call.threads, cut.tiles, [&](int64_t tile) {
      const int64_t first = cut.tile_begin(tile);
      read_gradient_rows<T>(call.dy, call.coefficients, first, cut.tile_end(tile) - first, 0, out_panels, shared_dy(tile));
    });
  }

  parallel_for(call.threads, cut.parts * slices, [&](int64_t unit) {
    const int64_t part = unit / slices, from = unit % slices * slice, to = std::min(in_panels, from + slice);
    const std::size_t z_size = panel_floats<E>(cut.tile_rows, slice * kPanel), dz_size = panel_floats<float>(cut.tile_rows, kPanel);
    const std::size_t slopes_size = keep_slopes ? panel_floats<float>(cut.tile_rows, slice * kPanel) : 0;
    float* const own = thread_scratch().floats(dz_size + 2 * slopes_size + z_size + (sliced ? 0 : dy_size));
    const Panels<float> dz = panels<float>(own, cut.tile_rows);
    const Slopes slopes = {panels<float>(own + dz_size, cut.tile_rows), panels<float>(own + dz_size + slopes_size, cut.tile_rows)};
    float* const operands = own + dz_size + 2 * slopes_size;
    const Operand<E> z = transposed_operand(panels<E>(operands, cut.tile_rows));
    const Operand<E> own_dy = operand<E>(operands + z_size, cut.tile_rows, out);
    const Panels<float> dw = panels<float>(all_dw + static_cast<std::size_t>(part) * dw_size, in);
    const std::vector<uint32_t> x_lines = lines_of_rows<T>(in, cut.tile_rows, slice);
    Ahead ahead;
    for (int64_t tile = cut.first_tile(part); tile < cut.last_tile(part); ++tile) {
      const int64_t first = cut.tile_begin(tile), end = cut.tile_end(tile), rows = end - first;
      const Operand<E> dy = sliced ? shared_dy(tile) : own_dy;
      if (!sliced) read_gradient_rows<T>(call.dy, call.coefficients, first, rows, 0, out_panels, dy);
      ahead.clear();
      if (tile + 1 < cut.last_tile(part)) {
        const int64_t next_rows = cut.tile_end(tile + 1) - end;
        expect_feature_rows<T>(call, end, next_rows, from, x_lines, ahead);
        if (sliced) ahead.add(shared_dy(tile + 1).rows.data, static_cast<int64_t>(dy_size * sizeof(float)));
        if (!sliced) expect_gradient_rows<T>(call, end, next_rows, 0, {}, ahead);
      }
      if (call.dw.defined()) {
        read_feature_rows<T>(call.x, first, rows, from, to, z, keep_slopes ? &slopes : nullptr);
        multiply_transposed(z.transposed(), in, from, to, dy.transposed(), out, 0, out_panels, rows, dw, tile > cut.first_tile(part),
                            ahead);
      }
      for (int64_t panel = from; call.dx.requested() && panel < to; ++panel) {
        multiply(dy.rows, rows, out, w, 0, in, panel, panel + 1, dz, false, ahead);
        write_gradient_rows<T>(dz, call.x, call.dx, first, rows, panel, sums, part, keep_slopes ? &slopes : nullptr, from);
      }
    }
    hwy::FlushStream();
  });
  if (call.dw.defined()) merge_parts(all_dw, cut.parts, in, out, call.dw.data<float>(), call.threads);
  if (call.dx.requested()) sums.merge_into(call.x, call.dx);
}

template <class T, class E>
void backward_by_outputs(const Backward& call, Scratch& shared) {
  const int64_t in = call.in, out = call.out, in_panels = panel_count(in), out_panels = panel_count(out);
  const RowCut cut = cut_rows(call.x.raw.n(), call.x.raw.h() * call.x.raw.w(), kTileRows, int64_t{1} << 32);  // parts are tiles
  InputSums sums(call.x, call.dx, cut);

  const std::size_t w_size = panel_floats<E>(out, in), dw_size = panel_floats<float>(in, out);
  const std::size_t z_size = panel_floats<E>(cut.tile_rows, in), dy_size = operand_floats<E>(cut.tile_rows, out);
  const int64_t chunk = std::clamp<int64_t>((12 << 20) / static_cast<int64_t>((z_size + dy_size) * sizeof(float)), 1, cut.tiles);
  const int64_t dw_slice = 2, dw_slices = ceil_div(out_panels, dw_slice);
  const int64_t in_slices = ceil_div(in_panels, 6);
  const int64_t dw_parts = std::min(chunk, ceil_div(16, dw_slices * in_slices));
  float* const memory =
      shared.floats(w_size + static_cast<std::size_t>(dw_parts) * dw_size + static_cast<std::size_t>(chunk) * (z_size + dy_size));
  const Panels<E> w = pack_transposed_weights<T, E>(call, memory);
  float* const all_dw = memory + w_size;
  float* const tiles = all_dw + static_cast<std::size_t>(dw_parts) * dw_size;
  const auto memory_of = [&](int64_t tile) { return tiles + static_cast<std::size_t>(tile % chunk) * (z_size + dy_size); };
  const auto z = [&](int64_t tile) { return transposed_operand(panels<E>(memory_of(tile), cut.tile_rows)); };
  const auto dy = [&](int64_t tile) { return operand<E>(memory_of(tile) + z_size, cut.tile_rows, out); };

  const std::vector<uint32_t> dy_lines = lines_of_rows<T>(out, cut.tile_rows, kSlice);
  for (int64_t begin = 0; begin < cut.tiles; begin += chunk) {
    const int64_t count = std::min(chunk, cut.tiles - begin);
    parallel_for(call.threads, count, [&](int64_t index) {
      const int64_t tile = begin + index, first = cut.tile_begin(tile), end = cut.tile_end(tile), rows = end - first;
      const Panels<float> dz = panels<float>(thread_scratch().floats(panel_floats<float>(cut.tile_rows, in)), cut.tile_rows);
      if (call.dw.defined()) read_feature_rows<T>(call.x, first, rows, 0, in_panels, z(tile));
      Ahead ahead;
      for (int64_t from = 0; from < out_panels; from += kSlice) {
        const int64_t to = std::min(out_panels, from + kSlice), depth = std::min(out, to * kPanel) - from * kPanel;
        const Operand<E> dy_slice = dy(tile).at(from);
        read_gradient_rows<T>(call.dy, call.coefficients, first, rows, from, to, dy_slice);
        if (!call.dx.requested()) continue;
        ahead.clear();
        if (to < out_panels) {
          expect_gradient_rows<T>(call, first, rows, to, dy_lines, ahead);
        } else {
          expect_feature_rows<T>(call, first, rows, 0, {}, ahead);
        }
        multiply(dy_slice.rows, rows, depth, w, from * kPanel, in, 0, in_panels, dz, from > 0, ahead);
      }
      for (int64_t panel = 0; call.dx.requested() && panel < in_panels; ++panel) {
        write_gradient_rows<T>(Panels<float>{dz.at(panel), dz.rows}, call.x, call.dx, first, rows, panel, sums, tile);
      }
      hwy::FlushStream();
    });
    if (!call.dw.defined()) continue;
    parallel_for(call.threads, dw_parts * dw_slices * in_slices, [&](int64_t unit) {
      const int64_t part = unit / in_slices / dw_slices, from = unit / in_slices % dw_slices * dw_slice,
                    to = std::min(out_panels, from + dw_slice);
      const int64_t in_from = unit % in_slices * in_panels / in_slices, in_to = (unit % in_slices + 1) * in_panels / in_slices;
      const Panels<float> dw = panels<float>(all_dw + static_cast<std::size_t>(part) * dw_size, in);
      const int64_t first = begin + part * count / dw_parts, last = begin + (part + 1) * count / dw_parts;
      Ahead ahead;
      for (int64_t tile = first; tile < last; ++tile) {
        const int64_t rows = cut.tile_end(tile) - cut.tile_begin(tile);
        ahead.clear();
        if (tile + 1 < last) {
          const int64_t panel_bytes = round_up(cut.tile_rows, kBlock) * kPanel * static_cast<int64_t>(sizeof(E));
          ahead.add(dy(tile + 1).transposed().at(from), (to - from) * panel_bytes);
          ahead.add(z(tile + 1).transposed().at(in_from), (in_to - in_from) * panel_bytes);
        }
        multiply_transposed(z(tile).at(in_from).transposed(), in, in_from, in_to, dy(tile).at(from).transposed(), out, from, to, rows, dw,
                            begin > 0 || tile > first, ahead);
      }
    });
  }
  if (call.dw.defined()) merge_parts(all_dw, dw_parts, in, out, call.dw.data<float>(), call.threads);
  if (call.dx.requested()) sums.merge_into(call.x, call.dx);
}

template <class T, class E>
void backward(PointwiseBackward& op, int threads, Scratch& shared) {
  const int64_t in = op.x.raw.c(), out = op.dy.of.raw.c();
  const GradientCoefficients coefficients = gradient_coefficients(op.dy);
  const Backward call{op.x, op.w, op.dy, coefficients, op.dw, op.dx, in, out, threads};
  const bool small = in * out <= kSmallWeights;
  if (in < out && !small && op.x.raw.rows() >= 8 * kTileRows) return backward_by_outputs<T, E>(call, shared);
  backward_by_inputs<T, E>(call, small ? 1 : ceil_div(panel_count(in), kSlice), shared);
}

void pointwise_backward(PointwiseBackward& op, int threads, bool bf16_dots, Scratch& shared) {
  with_product_types<kBf16Dots>(op.x.raw.dtype(), bf16_dots,
                                [&](auto t, auto e) { backward<decltype(t), decltype(e)>(op, threads, shared); });
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(pointwise_backward);

void CpuOps::execute(PointwiseBackward& op) { HWY_DYNAMIC_DISPATCH(pointwise_backward)(op, threads_, bf16_dots_, scratch_); }

}  // namespace mcnn::cpu
#endif
