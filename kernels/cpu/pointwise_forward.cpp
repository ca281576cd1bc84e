// 1x1 convolution, forward: a matrix product over rows.  Contract: kernels/operations/pointwise.h.
// A thread takes a tile of rows. What is larger, input or output, is taken in slices, so that all it works on stays in its
// second-level cache:
//   expand   all of z is formed; one panel of y after the other is multiplied, stored, and its moments taken
//   project  z is formed slice by slice and multiplied into a whole tile of y
// and the next rows are fetched meanwhile. Few rows (a small batch, late layers) are transformed by all threads first, and
// the output channels are shared out.
// Next: gemm-inl.h multiplies; panel_rows-inl.h reads; output_writer-inl.h writes; pointwise_backward.cpp.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/pointwise_forward.cpp"
#include <hwy/foreach_target.h>  // must come before the headers of vector code

#include <hwy/cache_control.h>

#include "kernels/cpu/cpu_ops.h"
#include "kernels/cpu/cuts/parallel.h"
#include "kernels/cpu/cuts/row_cut.h"
#include "kernels/cpu/products/gemm-inl.h"
#include "kernels/cpu/readers/panel_rows-inl.h"
#include "kernels/cpu/storage.h"
#include "kernels/cpu/writers/output_writer-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

/// Rows of a tile: few, and a panel of y stays in the first-level cache; more where reading the weights once per tile costs.
int64_t tile_rows(int64_t weights) { return weights <= 1 << 18 ? 80 : 160; }
constexpr int64_t kSlice = 3;       // panels of z in a slice
constexpr int64_t kWholeInput = 7;  // panels of z that are not worth slicing: 336 channels with AVX-512

template <class T, class E>
void forward(const Feature& x, const Tensor& weights, Tensor& packed, Tensor& y, Moments& moments, int threads, Scratch& shared) {
  const int64_t rows = x.raw.rows(), in = x.raw.c(), out = y.c();
  const int64_t in_panels = panel_count(in), out_panels = panel_count(out);
  const bool project = in > out;
  const RowCut cut = cut_rows(1, rows, tile_rows(in * out), 32);
  const bool few_rows = cut.tiles < 8;
  const int64_t groups = few_rows ? std::min(out_panels, ceil_div(8, cut.tiles)) : 1;
  const std::size_t z_size = panel_floats<E>(cut.tile_rows, in);

  const std::size_t w_size = packed ? 0 : panel_floats<E>(in, out);
  float* const memory = shared.floats(w_size + (few_rows ? z_size * static_cast<std::size_t>(cut.tiles) : 0));
  const Panels<E> w = panels<E>(packed ? reinterpret_cast<float*>(packed.data<uint8_t>()) : memory, in);
  if (!packed) parallel_for(threads, out_panels, [&](int64_t panel) { pack(weights.data<T>(), in, out, panel, w); });
  const auto shared_z = [&](int64_t tile) {
    return left_operand(panels<E>(memory + w_size + static_cast<std::size_t>(tile) * z_size, cut.tile_rows));
  };
  if (few_rows) {
    parallel_for(threads, cut.tiles * in_panels, [&](int64_t unit) {
      const int64_t tile = unit / in_panels, panel = unit % in_panels, first = cut.tile_begin(tile);
      read_feature_rows<T>(x, first, cut.tile_end(tile) - first, panel, panel + 1, shared_z(tile).at(panel));
    });
  }

  const bool take_moments = moments.requested();
  PartialMoments partial(take_moments ? cut.parts : 0, out);
  parallel_for(threads, cut.parts * groups, [&](int64_t unit) {
    const int64_t part = unit / groups, group = unit % groups;
    const int64_t first_panel = group * out_panels / groups, last_panel = (group + 1) * out_panels / groups;
    const int64_t slice = project && in_panels > kWholeInput ? kSlice : in_panels, y_panels = project ? last_panel - first_panel : 1;
    const std::size_t y_size = panel_floats<float>(cut.tile_rows, y_panels * kPanel);
    float* const own = thread_scratch().floats(y_size + (few_rows ? 0 : panel_floats<E>(cut.tile_rows, slice * kPanel)));
    const Panels<float> y_tile = panels<float>(own, cut.tile_rows);
    const Operand<E> own_z = left_operand(panels<E>(own + y_size, cut.tile_rows));
    const std::vector<uint32_t> x_lines = lines_of_rows<T>(in, cut.tile_rows, slice);
    Ahead ahead;
    int64_t done = 0;
    for (int64_t tile = cut.first_tile(part); tile < cut.last_tile(part); ++tile) {
      const int64_t first = cut.tile_begin(tile), count = cut.tile_end(tile) - first;
      for (int64_t from = 0; from < in_panels; from += slice) {
        const int64_t to = std::min(in_panels, from + slice), depth = std::min(in, to * kPanel) - from * kPanel;
        if (!few_rows) {
          read_feature_rows<T>(x, first, count, from, to, own_z);
          ahead.clear();
          if (to < in_panels) {
            expect_rows<T>(x.raw, first, count, to, x_lines, ahead);
          } else if (tile + 1 < cut.last_tile(part)) {
            expect_rows<T>(x.raw, first + count, cut.tile_end(tile + 1) - first - count, 0, x_lines, ahead);
          }
        }
        const Panels<E> z = (few_rows ? shared_z(tile).at(from) : own_z).rows;
        for (int64_t panel = first_panel; panel < last_panel; panel += y_panels) {
          multiply(z, count, depth, w, from * kPanel, out, panel, panel + y_panels, y_tile, from > 0, ahead);
          for (int64_t p = panel; to == in_panels && p < panel + y_panels; ++p) {
            write_output_rows<T>(y_tile.at(p - panel), first, count, p, y, take_moments ? &partial : nullptr, part, done);
          }
        }
      }
      done += count;
    }
    hwy::FlushStream();
    if (take_moments && group == 0) partial.set_count(part, done);
  });
  if (take_moments) partial.merge_into(moments);
}

void pointwise_forward(PointwiseForward& op, int threads, bool bf16_dots, Scratch& shared) {
  with_product_types<kBf16Dots>(op.y.dtype(), bf16_dots, [&](auto t, auto e) {
    forward<decltype(t), decltype(e)>(op.x, op.w, op.packed, op.y, op.moments, threads, shared);
  });
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(pointwise_forward);

void CpuOps::execute(PointwiseForward& op) {
  if (op.packed && op.packed.size() != packed_weight_bytes(op.w.dim(0), op.w.dim(1), op.w.dtype()))
    fail<ShapeError>("pointwise_forward: packed has {} bytes, expected {}", op.packed.size(),
                     packed_weight_bytes(op.w.dim(0), op.w.dim(1), op.w.dtype()));
  HWY_DYNAMIC_DISPATCH(pointwise_forward)(op, threads_, bf16_dots_, scratch_);
  update_norm(op.moments, op.y.rows(), op.norm);
}

}  // namespace mcnn::cpu
#endif
