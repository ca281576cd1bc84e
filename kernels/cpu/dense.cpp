// Dense convolution, forward and backward, as a matrix product.  Contract: kernels/operations/dense.h.
// A row of the left matrix holds the taps of one output pixel, t = (p,q,ci), 0 outside the image; a thread forms a tile of
// such rows at a time, which never leaves its cache.  Y = taps(x) W;  dW = taps(x)^T dY;  dz(x) = scatter(dY W^T).
// Next: gemm-inl.h multiplies; panel_rows-inl.h reads dy; output_writer-inl.h and gradient_panels-inl.h write.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/dense.cpp"
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
#include "kernels/cpu/writers/output_writer-inl.h"

HWY_BEFORE_NAMESPACE();
namespace mcnn::cpu::HWY_NAMESPACE {
namespace {

constexpr int64_t kTileRows = 192;
constexpr int64_t kParts = 32;

/// Calls tap(t, h, w) for the taps inside the image of output pixel (i,j); t counts taps, (h,w) is the input pixel.
template <class Tap>
HWY_INLINE void for_taps(const ConvGeometry& g, int64_t height, int64_t width, int64_t i, int64_t j, const Tap& tap) {
  for (int64_t p = 0; p < g.kernel; ++p) {
    const int64_t h = i * g.stride + p - g.pad_top;
    if (h < 0 || h >= height) continue;
    for (int64_t q = 0; q < g.kernel; ++q) {
      const int64_t w = j * g.stride + q - g.pad_left;
      if (w >= 0 && w < width) tap(p * g.kernel + q, h, w);
    }
  }
}

/// taps(x) for the output pixels [first, first + rows) of y's shape.
template <Activation kAct, class T, class E>
HWY_NOINLINE void read_taps(const Feature& x, const ConvGeometry& g, const Tensor& y, int64_t first, int64_t rows, const Operand<E>& out) {
  const int64_t height = x.raw.h(), width = x.raw.w(), channels = x.raw.c(), depth = g.kernel * g.kernel * channels;
  std::vector<float> taps(static_cast<std::size_t>(depth));
  for_samples(y, first, rows, [&](int64_t n, int64_t r, int64_t last) HWY_ATTR {
    const T* const raw = x.raw.data<T>() + n * height * width * channels;
    const FeatureSample sample = feature_sample(x, n);
    for (; r < last; ++r) {
      const int64_t pixel = (first + r) % (y.h() * y.w());
      std::fill(taps.begin(), taps.end(), 0.0f);
      for_taps(g, height, width, pixel / y.w(), pixel % y.w(), [&](int64_t t, int64_t h, int64_t w) HWY_ATTR {
        const T* const pixel_raw = raw + (h * width + w) * channels;
        for_lanes(channels, [&](auto d, int64_t c) HWY_ATTR {
          hn::StoreU(FeatureReader(d, sample, c).template z<kAct>(load(d, pixel_raw + c)), d, taps.data() + t * channels + c);
        });
      });
      for (int64_t t = 0; t < depth; t += kPanel) {
        const int64_t count = std::min(kPanel, depth - t);
        for_lanes(count, [&](auto d, int64_t i) HWY_ATTR { put_row(d, hn::LoadU(d, taps.data() + t + i), out, t / kPanel, r, i); });
        pad_rows(out, t / kPanel, count, r, r + 1);
      }
    }
  });
}
template <class T, class E>
void read_taps(const Feature& x, const ConvGeometry& g, const Tensor& y, int64_t first, int64_t rows, const Operand<E>& out) {
  with_activation(x.act, [&](auto act) HWY_ATTR { read_taps<act(), T>(x, g, y, first, rows, out); });
}

template <class T, class E>
void forward(const Feature& x, const Tensor& weights, const ConvGeometry& g, Tensor& y, Moments& moments, int threads, Scratch& shared) {
  const bool take_moments = moments.requested();
  const int64_t depth = g.kernel * g.kernel * x.raw.c(), out = y.c(), out_panels = panel_count(out);
  const RowCut cut = cut_rows(1, y.rows(), kTileRows, kParts);
  const Panels<E> w = panels<E>(shared.floats(panel_floats<E>(depth, out)), depth);
  parallel_for(threads, out_panels, [&](int64_t panel) { pack(weights.data<T>(), depth, out, panel, w); });

  PartialMoments partial(take_moments ? cut.parts : 0, out);
  parallel_for(threads, cut.parts, [&](int64_t part) {
    const std::size_t c_size = panel_floats<float>(cut.tile_rows, kPanel);
    float* const own = thread_scratch().floats(c_size + panel_floats<E>(cut.tile_rows, depth));
    const Panels<float> c = panels<float>(own, cut.tile_rows);
    const Operand<E> taps = left_operand(panels<E>(own + c_size, cut.tile_rows));
    Ahead ahead;
    int64_t done = 0;
    for (int64_t tile = cut.first_tile(part); tile < cut.last_tile(part); ++tile) {
      const int64_t first = cut.tile_begin(tile), rows = cut.tile_end(tile) - first;
      read_taps<T>(x, g, y, first, rows, taps);
      for (int64_t panel = 0; panel < out_panels; ++panel) {
        multiply(taps.rows, rows, depth, w, 0, out, panel, panel + 1, c, false, ahead);
        write_output_rows<T>(c.data, first, rows, panel, y, take_moments ? &partial : nullptr, part, done);
      }
      done += rows;
    }
    hwy::FlushStream();
    if (take_moments) partial.set_count(part, done);
  });
  if (take_moments) partial.merge_into(moments);
}

/// dw: each part of the rows sums its own, merged in order.
template <class T, class E>
void backward_weights(const Feature& x, const ConvGeometry& g, const OutputGradient& dy, const GradientCoefficients& coefficients,
                      Tensor& dw, int threads, Scratch& shared) {
  const Tensor& y = dy.of.raw;
  const int64_t depth = g.kernel * g.kernel * x.raw.c(), out = y.c(), out_panels = panel_count(out);
  const RowCut cut = cut_rows(1, y.rows(), kTileRows, kParts);
  const std::size_t dw_size = panel_floats<float>(depth, out);
  float* const memory = shared.floats(static_cast<std::size_t>(cut.parts) * dw_size);
  parallel_for(threads, cut.parts, [&](int64_t part) {
    const std::size_t dy_size = panel_floats<E>(cut.tile_rows, out);
    float* const own = thread_scratch().floats(dy_size + panel_floats<E>(cut.tile_rows, depth));
    const Operand<E> gradient = transposed_operand(panels<E>(own, cut.tile_rows));
    const Operand<E> taps = transposed_operand(panels<E>(own + dy_size, cut.tile_rows));
    Ahead ahead;
    const Panels<float> sum = panels<float>(memory + static_cast<std::size_t>(part) * dw_size, depth);
    for (int64_t tile = cut.first_tile(part); tile < cut.last_tile(part); ++tile) {
      const int64_t first = cut.tile_begin(tile), rows = cut.tile_end(tile) - first;
      read_gradient_rows<T>(dy, coefficients, first, rows, 0, out_panels, gradient);
      read_taps<T>(x, g, y, first, rows, taps);
      multiply_transposed(taps.transposed(), depth, 0, panel_count(depth), gradient.transposed(), out, 0, out_panels, rows, sum,
                          tile > cut.first_tile(part), ahead);
    }
  });
  merge_parts(memory, cut.parts, depth, out, dw.data<float>(), threads);
}

/// Adds columns [first, first + channels) of row r to row `to_row` of `to`. Neither run of columns keeps to a panel.
HWY_INLINE void add_channels(const Panels<float>& from, int64_t r, int64_t first, int64_t channels, const Panels<float>& to,
                             int64_t to_row) {
  for (int64_t c = 0; c < channels;) {
    const int64_t t = first + c, run = std::min({channels - c, kPanel - c % kPanel, kPanel - t % kPanel});
    const float* const source = from.at(t / kPanel, r) + t % kPanel;
    float* const target = to.at(c / kPanel, to_row) + c % kPanel;
    for_lanes(run,
              [&](auto d, int64_t i) HWY_ATTR { hn::StoreU(hn::Add(hn::LoadU(d, target + i), hn::LoadU(d, source + i)), d, target + i); });
    c += run;
  }
}

/// dz of one sample at a time, gathered in fp32 from the taps of its output pixels, in order.
template <class T, class E>
void backward_data(const Feature& x, const Tensor& weights, const ConvGeometry& g, const OutputGradient& dy,
                   const GradientCoefficients& coefficients, InputGradient& dx, int threads, Scratch& shared) {
  const Tensor& y = dy.of.raw;
  const int64_t height = x.raw.h(), width = x.raw.w(), channels = x.raw.c(), pixels = height * width, out = y.c();
  const int64_t depth = g.kernel * g.kernel * channels, depth_panels = panel_count(depth), y_pixels = y.h() * y.w();
  const Panels<E> w = panels<E>(shared.floats(panel_floats<E>(out, depth)), out);
  parallel_for(threads, depth_panels, [&](int64_t panel) { pack_transposed(weights.data<T>(), depth, out, panel, w); });

  const RowCut cut = cut_rows(x.raw.n(), pixels, round_up(pixels, 8), x.raw.n());  // a sample is a tile and a part
  InputSums sums(x, dx, cut);
  parallel_for(threads, x.raw.n(), [&](int64_t n) {
    const std::size_t dz_size = panel_floats<float>(pixels, channels), dy_size = panel_floats<E>(kTileRows, out);
    float* const own = thread_scratch().floats(dz_size + dy_size + panel_floats<float>(kTileRows, depth));
    const Panels<float> dz = panels<float>(own, pixels), taps = panels<float>(own + dz_size + dy_size, kTileRows);
    const Operand<E> gradient = left_operand(panels<E>(own + dz_size, kTileRows));
    Ahead ahead;
    std::fill_n(own, dz_size, 0.0f);
    for (int64_t begin = 0; begin < y_pixels; begin += kTileRows) {
      const int64_t rows = std::min(kTileRows, y_pixels - begin);
      read_gradient_rows<T>(dy, coefficients, n * y_pixels + begin, rows, 0, panel_count(out), gradient);
      multiply(gradient.rows, rows, out, w, 0, depth, 0, depth_panels, taps, false, ahead);
      for (int64_t r = 0; r < rows; ++r) {
        for_taps(g, height, width, (begin + r) / y.w(), (begin + r) % y.w(), [&](int64_t tap, int64_t h, int64_t column) HWY_ATTR {
          add_channels(taps, r, tap * channels, channels, dz, h * width + column);
        });
      }
    }
    for (int64_t panel = 0; panel < panel_count(channels); ++panel)
      write_gradient_rows<T>(Panels<float>{dz.at(panel), dz.rows}, x, dx, n * pixels, pixels, panel, sums, n);
  });
  sums.merge_into(x, dx);
}

void dense_forward(DenseForward& op, int threads, bool bf16_dots, Scratch& shared) {
  with_product_types<kBf16Dots>(op.y.dtype(), bf16_dots, [&](auto t, auto e) {
    forward<decltype(t), decltype(e)>(op.x, op.w, op.geometry, op.y, op.moments, threads, shared);
  });
}

void dense_backward(DenseBackward& op, int threads, bool bf16_dots, Scratch& shared) {
  const GradientCoefficients coefficients = gradient_coefficients(op.dy);
  with_product_types<kBf16Dots>(op.x.raw.dtype(), bf16_dots, [&](auto t, auto e) {
    using T = decltype(t);
    using E = decltype(e);
    if (op.dw.defined()) backward_weights<T, E>(op.x, op.geometry, op.dy, coefficients, op.dw, threads, shared);
    if (op.dx.requested()) backward_data<T, E>(op.x, op.w, op.geometry, op.dy, coefficients, op.dx, threads, shared);
  });
}

}  // namespace
}  // namespace mcnn::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace mcnn::cpu {
HWY_EXPORT(dense_forward);
HWY_EXPORT(dense_backward);

void CpuOps::execute(DenseForward& op) {
  HWY_DYNAMIC_DISPATCH(dense_forward)(op, threads_, bf16_dots_, scratch_);
  update_norm(op.moments, op.y.rows(), op.norm);
}
void CpuOps::execute(DenseBackward& op) { HWY_DYNAMIC_DISPATCH(dense_backward)(op, threads_, bf16_dots_, scratch_); }

}  // namespace mcnn::cpu
#endif
