// A formula for each operation: what each of its launches reads and writes, in the order of its .cu file in kernels/cuda. Parts of
// sums are as many as the launch that leaves them has blocks for.
#include "bench/traffic.h"

#include <set>
#include <vector>

#include "kernels/cuda/epilogues.cuh"
#include "kernels/cuda/multi_tensor.h"
#include "kernels/simt/counters.h"

namespace mcnn {
namespace {

using cuda::DepthSlices;

/// What one launch reads and writes. Absent tensors are none.
class Launch {
 public:
  template <class... Tensors>
  Launch& reads(const Tensors&... tensors) {
    (add(tensors, seen_reading_, read_), ...);
    return *this;
  }
  template <class... Tensors>
  Launch& writes(const Tensors&... tensors) {
    (add(tensors, seen_writing_, written_), ...);
    return *this;
  }
  Launch& updates(const Tensor& x) { return reads(x).writes(x); }
  /// Scratch memory and other bytes that no tensor stands for.
  Launch& reads_bytes(int64_t bytes) {
    read_ += bytes;
    return *this;
  }
  Launch& writes_bytes(int64_t bytes) {
    written_ += bytes;
    return *this;
  }
  /// z = act(scale*raw + shift) * gate
  Launch& reads_feature(const Feature& x) { return reads(x.raw, x.norm.scale, x.norm.shift, x.gate); }
  /// dy, with raw only where dy depends on it: OutputGradientView::reads_raw().
  Launch& reads_gradient(const OutputGradient& dy) {
    const Feature& y = *dy.of;
    reads(dy.stored, dy.sample_scale, y.norm.scale);
    const bool statistics = y.norm.defined() && !dy.frozen, through_act = dy.pooled && y.act != Activation::identity;
    if (statistics || through_act) reads(y.raw);
    if (dy.pooled) reads(y.gate, dy.pooled, y.norm.shift);
    if (statistics) reads(dy.sum_du, dy.sum_du_xhat, y.norm.mean, y.norm.invstd);
    return *this;
  }
  /// dz is completed with x's raw values and leaves as `stored`; the sums leave as parts.
  Launch& leaves(const Feature& x, const InputGradient& dx) {
    return reads(x.raw, x.norm.scale, x.norm.shift, x.norm.mean, dx.add).writes(dx.stored);
  }
  Launch& merges_sums(const Feature& x, const InputGradient& dx) {
    return reads(x.norm.invstd).writes(dx.sum_du, dx.sum_du_xhat, dx.sum_dz_a, dx.sum_dz_slope, dx.sum_dz_slope_xhat);
  }
  Launch& writes_norm(const Norm& n) { return writes(n.mean, n.invstd, n.scale, n.shift); }

  int64_t read() const { return read_; }
  int64_t written() const { return written_; }

 private:
  static void add(const Tensor& x, std::set<const void*>& seen, int64_t& bytes) {
    if (x.defined() && seen.insert(x.raw()).second) bytes += static_cast<int64_t>(x.bytes());
  }
  std::set<const void*> seen_reading_, seen_writing_;
  int64_t read_ = 0, written_ = 0;
};

constexpr int64_t kFloat = sizeof(float);
/// Count, mean and m2, as MomentParts.
int64_t moment_part_bytes(int64_t parts, int64_t channels) { return kFloat * parts * (1 + 2 * channels); }

class TrafficOps final : public Ops {
 public:
  TrafficOps(Ops& inner, std::map<std::string, Traffic>& by_operation) : inner_(inner), by_operation_(by_operation) {}

  std::string name() const override { return inner_.name(); }
  Memory& memory() override { return inner_.memory(); }
  bool supports(DType storage) const override { return inner_.supports(storage); }
  void copy_from_host(const void* source, Tensor& target) override { inner_.copy_from_host(source, target); }
  void copy_to_host(const Tensor& source, void* target) override { inner_.copy_to_host(source, target); }
  void wait() override { inner_.wait(); }

  void begin_step(const StepState& state) override {
    begin();
    inner_.begin_step(state);
    end("begin_step", {Launch()});
  }
  void fill(Tensor& x, float value) override {
    begin();
    inner_.fill(x, value);
    end("fill", {Launch().writes(x)});
  }

  // z, w -> y, parts of moments; parts -> moments.
  void pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments) override {
    begin();
    inner_.pointwise_forward(x, w, y, moments);
    end("pointwise_forward", product_forward(x, w, y, moments));
  }
  // z, dy -> slices of dw; dy, w, raw, add -> stored, parts of sums; slices -> dw; parts -> sums.
  void pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx) override {
    begin();
    inner_.pointwise_backward(x, w, dy, dw, dx);
    end("pointwise_backward", product_backward(x, w, dy, dw, dx, x.raw.dtype() != DType::f32));
  }
  // z, w -> y, parts of moments; parts -> moments.
  void depthwise_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) override {
    begin();
    inner_.depthwise_forward(x, w, g, y, moments);
    const dim3 grid = launched(0);
    const int64_t parts = moments ? moment_part_bytes(int64_t{grid.y} * grid.z, y.c()) : 0;
    std::vector<Launch> all{Launch().reads_feature(x).reads(w).writes(y).writes_bytes(parts)};
    if (moments) all.push_back(Launch().reads_bytes(parts).writes(moments->mean, moments->m2));
    end("depthwise_forward", all);
  }
  // z, dy, w, add -> stored, parts of dw and of sums; parts -> dw; parts -> sums.
  void depthwise_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                          InputGradient* dx) override {
    begin();
    inner_.depthwise_backward(x, w, g, dy, dw, dx);
    const dim3 grid = launched(0);
    const int64_t parts = int64_t{grid.y} * grid.z, sums_per_channel = x.gate ? 3 : 2;
    const int64_t of_dw = dw ? kFloat * parts * w.size() : 0;
    const int64_t of_sums = dx && cuda::wants_sums(*dx) ? kFloat * parts * sums_per_channel * x.raw.c() : 0;
    Launch both;
    both.reads_feature(x).reads_gradient(dy).reads(w).writes_bytes(of_dw + of_sums);
    if (dx) both.leaves(x, *dx);
    std::vector<Launch> all{both};
    if (of_dw) all.push_back(Launch().reads_bytes(of_dw).writes(dw));
    if (of_sums) all.push_back(Launch().reads_bytes(of_sums).merges_sums(x, *dx));
    end("depthwise_backward", all);
  }
  // As for pointwise: the patches are gathered from z on read.
  void dense_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) override {
    begin();
    inner_.dense_forward(x, w, g, y, moments);
    end("dense_forward", product_forward(x, w, y, moments));
  }
  void dense_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                      InputGradient* dx) override {
    begin();
    inner_.dense_backward(x, w, g, dy, dw, dx);
    end("dense_backward", product_backward(x, w, dy, dw, dx, true));
  }

  void batch_norm_forward(const Moments& moments, int64_t count, const Tensor& gamma, const Tensor& beta, float eps, float momentum,
                          Tensor& running_mean, Tensor& running_var, Norm& norm) override {
    begin();
    inner_.batch_norm_forward(moments, count, gamma, beta, eps, momentum, running_mean, running_var, norm);
    end("batch_norm_forward",
        {Launch().reads(moments.mean, moments.m2, gamma, beta).writes_norm(norm).updates(running_mean).updates(running_var)});
  }
  void batch_norm_frozen(const Tensor& running_mean, const Tensor& running_var, const Tensor& gamma, const Tensor& beta, float eps,
                         Norm& norm) override {
    begin();
    inner_.batch_norm_frozen(running_mean, running_var, gamma, beta, eps, norm);
    end("batch_norm_frozen", {Launch().reads(running_mean, running_var, gamma, beta).writes_norm(norm)});
  }
  // raw, stored -> parts; parts -> sums.
  void batch_norm_sums(const Feature& x, const Tensor& stored, const Tensor& sample_scale, Tensor& sum_du, Tensor& sum_du_xhat) override {
    begin();
    inner_.batch_norm_sums(x, stored, sample_scale, sum_du, sum_du_xhat);
    const int64_t parts = kFloat * launched(0).x * 2 * x.raw.c();
    end("batch_norm_sums", {Launch().reads(x.raw, stored, x.norm.mean, sample_scale).writes_bytes(parts),
                            Launch().reads_bytes(parts).reads(x.norm.invstd).writes(sum_du, sum_du_xhat)});
  }
  void batch_norm_sums_gated(const Tensor& gate, const Tensor& sum_dz_slope, const Tensor& sum_dz_slope_xhat, const Tensor& pooled,
                             const Tensor& slope, const Tensor& slope_xhat, Tensor& sum_du, Tensor& sum_du_xhat) override {
    begin();
    inner_.batch_norm_sums_gated(gate, sum_dz_slope, sum_dz_slope_xhat, pooled, slope, slope_xhat, sum_du, sum_du_xhat);
    end("batch_norm_sums_gated",
        {Launch().reads(gate, sum_dz_slope, sum_dz_slope_xhat, pooled, slope, slope_xhat).writes(sum_du, sum_du_xhat)});
  }

  // raw -> the sums; or, of a high map, raw -> parts, parts -> the sums.
  void pool_forward(const Feature& x, Tensor& mean, Tensor& slope, Tensor& slope_xhat) override {
    begin();
    inner_.pool_forward(x, mean, slope, slope_xhat);
    Launch rows, merge;
    rows.reads(x.raw, x.norm.scale, x.norm.shift, x.norm.mean);
    const bool in_parts = launches() == 2;
    (in_parts ? merge : rows).reads(x.norm.invstd).writes(mean, slope, slope_xhat);
    std::vector<Launch> all{rows};
    if (in_parts) {
      const int64_t parts = kFloat * launched(0).x * (slope || slope_xhat ? 3 : 1) * x.raw.c();
      all = {rows.writes_bytes(parts), merge.reads_bytes(parts)};
    }
    end("pool_forward", all);
  }
  // s, w1 -> parts of hidden; parts, w2 -> hidden, gate.
  void squeeze_excite_forward(const Tensor& s, const Tensor& w1, const Tensor& b1, const Tensor& w2, const Tensor& b2, Tensor& hidden,
                              Tensor& gate) override {
    begin();
    inner_.squeeze_excite_forward(s, w1, b1, w2, b2, hidden, gate);
    const int64_t parts = kFloat * launched(0).y * hidden.size();
    end("squeeze_excite_forward",
        {Launch().reads(s, w1).writes_bytes(parts), Launch().reads_bytes(parts).reads(b1, w2, b2).writes(hidden, gate)});
  }
  // gate, dg, w2 -> parts of dh; all that and s, w1 -> the gradients.
  void squeeze_excite_backward(const Tensor& s, const Tensor& w1, const Tensor& w2, const Tensor& hidden, const Tensor& gate,
                               const Tensor& sum_dz_a, int64_t pixels, Tensor& dw1, Tensor& db1, Tensor& dw2, Tensor& db2,
                               Tensor& pooled) override {
    begin();
    inner_.squeeze_excite_backward(s, w1, w2, hidden, gate, sum_dz_a, pixels, dw1, db1, dw2, db2, pooled);
    const int64_t parts = kFloat * launched(0).y * hidden.size();
    end("squeeze_excite_backward", {Launch().reads(gate, sum_dz_a, w2).writes_bytes(parts),
                                    Launch().reads_bytes(parts).reads(hidden, gate, sum_dz_a, s, w1).writes(dw1, db1, dw2, db2, pooled)});
  }

  void residual_forward(const Feature& x, const Feature& branch, const Tensor& sample_scale, Tensor& y) override {
    begin();
    inner_.residual_forward(x, branch, sample_scale, y);
    end("residual_forward", {Launch().reads_feature(x).reads_feature(branch).reads(sample_scale).writes(y)});
  }
  void drop_path_scale(uint32_t stream, float drop, Tensor& scale) override {
    begin();
    inner_.drop_path_scale(stream, drop, scale);
    end("drop_path_scale", {Launch().writes(scale)});
  }
  void dropout(const Tensor& x, uint32_t stream, float drop, Tensor& y) override {
    begin();
    inner_.dropout(x, stream, drop, y);
    end("dropout", {Launch().reads(x).writes(y)});
  }
  // x, w -> parts of y; parts, b -> y.
  void linear_forward(const Tensor& x, const Tensor& w, const Tensor& b, Tensor& y) override {
    begin();
    inner_.linear_forward(x, w, b, y);
    const int64_t parts = kFloat * launched(0).y * y.size();
    end("linear_forward", {Launch().reads(x, w).writes_bytes(parts), Launch().reads_bytes(parts).reads(b).writes(y)});
  }
  void linear_backward(const Tensor& x, const Tensor& w, const Tensor& dy, float input_scale, Tensor& dw, Tensor& db, Tensor& dx) override {
    begin();
    inner_.linear_backward(x, w, dy, input_scale, dw, db, dx);
    std::vector<Launch> all;
    if (dw || db || dx) {
      Launch both;
      both.reads(dy).writes(dw, db, dx);
      if (dw || db) both.reads(x);
      if (dx) both.reads(w);
      all.push_back(both);
    }
    end("linear_backward", all);
  }
  // logits, targets -> each sample's loss, dlogits; losses -> loss.
  void cross_entropy(const Tensor& logits, const Tensor& targets, float smoothing, Tensor& loss, Tensor& dlogits) override {
    begin();
    inner_.cross_entropy(logits, targets, smoothing, loss, dlogits);
    const int64_t losses = kFloat * logits.dim(0);
    end("cross_entropy", {Launch().reads(logits, targets).writes(dlogits).writes_bytes(losses), Launch().reads_bytes(losses).writes(loss)});
  }

  void normalize_images(const Tensor& pixels, const Tensor& flip, const float (&mean)[3], const float (&std)[3], Tensor& y) override {
    begin();
    inner_.normalize_images(pixels, flip, mean, std, y);
    end("normalize_images", {Launch().reads(pixels, flip).writes(y)});
  }

  // The multi-tensor launches read their table of chunks too, a block each.
  void gradient_norm(std::span<const Tensor> gradients, float max_norm, Tensor& norm, Tensor& clip) override {
    begin();
    inner_.gradient_norm(gradients, max_norm, norm, clip);
    std::vector<Launch> all;
    int64_t sums = 0;
    if (!gradients.empty()) {
      sums = static_cast<int64_t>(sizeof(double)) * launched(0).x;
      Launch squares = chunk_table().writes_bytes(sums);
      for (const Tensor& g : gradients) squares.reads(g);
      all.push_back(squares);
    }
    all.push_back(Launch().reads_bytes(sums).writes(norm, clip));
    end("gradient_norm", all);
  }
  void adamw(const AdamW& options, const Tensor& clip, std::span<OptimizerSlot> slots) override {
    begin();
    inner_.adamw(options, clip, slots);
    end("adamw", update(clip, slots));
  }
  void sgd(const Sgd& options, const Tensor& clip, std::span<OptimizerSlot> slots) override {
    begin();
    inner_.sgd(options, clip, slots);
    end("sgd", update(clip, slots));
  }
  void ema(float decay, const Tensor& clip, std::span<const Tensor> values, std::span<Tensor> averages) override {
    begin();
    inner_.ema(decay, clip, values, averages);
    std::vector<Launch> all;
    if (!values.empty()) {
      Launch launch = chunk_table();
      for (const Tensor& value : values) launch.reads(value);
      for (const Tensor& average : averages) launch.updates(average);
      all.push_back(launch);
    }
    end("ema", all);
  }

 private:
  void begin() const { simt::noted_launches().clear(); }
  /// Of the operation that is being counted.
  static std::size_t launches() { return simt::noted_launches().size(); }
  static dim3 launched(std::size_t i) {
    if (i >= launches()) fail("there is no launch {}: kernels are not noted while they run", i);
    return simt::noted_launches()[i];
  }
  void end(const char* operation, const std::vector<Launch>& formula) {
    if (formula.size() != launches()) fail("{}: {} launches, the formula for its bytes has {}", operation, launches(), formula.size());
    Traffic& traffic = by_operation_[operation];
    traffic.launches += static_cast<int64_t>(launches());
    for (const Launch& launch : formula) {
      traffic.read += launch.read();
      traffic.written += launch.written();
    }
  }

  static Launch chunk_table() { return Launch().reads_bytes(static_cast<int64_t>(sizeof(cuda::Chunk)) * launched(0).x); }
  static std::vector<Launch> update(const Tensor& clip, std::span<OptimizerSlot> slots) {
    if (slots.empty()) return {};
    Launch launch = chunk_table().reads(clip);
    for (const OptimizerSlot& slot : slots) {
      launch.updates(slot.value).reads(slot.gradient).updates(slot.m).updates(slot.v);
    }
    return {launch};
  }

  /// Weights of the storage type are made in scratch memory first: fp32 in, T out.
  static Launch converted(const Tensor& w, DType storage) { return Launch().reads(w).writes_bytes(w.size() * size_in(storage)); }
  static int64_t size_in(DType storage) { return static_cast<int64_t>(size_of(storage)); }

  static std::vector<Launch> product_forward(const Feature& x, const Tensor& w, const Tensor& y, const Moments* moments) {
    const DType storage = x.raw.dtype();
    const int64_t parts = moments ? moment_part_bytes(cuda::product_row_tiles(y.rows()), y.c()) : 0;
    std::vector<Launch> all;
    if (storage != DType::f32) all.push_back(converted(w, storage));
    all.push_back(Launch().reads_feature(x).reads_bytes(w.size() * size_in(storage)).writes(y).writes_bytes(parts));
    if (moments) all.push_back(Launch().reads_bytes(parts).writes(moments->mean, moments->m2));
    return all;
  }
  /// `converts`: the data gradient reads weights that a launch of their own has made.
  static std::vector<Launch> product_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, const Tensor& dw,
                                              const InputGradient* dx, bool converts) {
    const DType storage = x.raw.dtype();
    const int64_t out = dy.of->raw.c();
    const DepthSlices slices(w.size() / out, out, static_cast<int>(dy.of->raw.rows()));
    const int64_t of_dw = slices.count > 1 ? kFloat * slices.count * w.size() : 0,
                  of_sums = kFloat * cuda::product_input_sums(x, dx).floats();
    std::vector<Launch> all;
    if (dx && converts) all.push_back(converted(w, storage));
    if (dw) {
      Launch product = Launch().reads_feature(x).reads_gradient(dy).writes_bytes(of_dw);
      all.push_back(of_dw ? product : product.writes(dw));
    }
    if (dx) all.push_back(Launch().reads_gradient(dy).leaves(x, *dx).reads_bytes(w.size() * size_in(storage)).writes_bytes(of_sums));
    if (dw && of_dw) all.push_back(Launch().reads_bytes(of_dw).writes(dw));
    if (of_sums) all.push_back(Launch().reads_bytes(of_sums).merges_sums(x, *dx));
    return all;
  }

  Ops& inner_;
  std::map<std::string, Traffic>& by_operation_;
};

}  // namespace

std::unique_ptr<Ops> counting_traffic(Ops& inner, std::map<std::string, Traffic>& by_operation) {
  return std::make_unique<TrafficOps>(inner, by_operation);
}

}  // namespace mcnn
