// A formula for each operation: what each of its launches reads and writes, in the order of its .cu file in kernels/cuda. Parts of
// sums are as many as the launch that leaves them has blocks for, and are read in the same launch.
#include "bench/traffic.h"

#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "emulator/counters.h"
#include "kernels/cuda/epilogues.cuh"
#include "kernels/cuda/multi_tensor.h"

namespace mcnn {
namespace {

using cuda::DepthSlices;

constexpr int64_t kFloat = sizeof(float);

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
  Launch& leaves_sums(const Feature& x, const InputGradient& dx) {
    return reads(x.norm.invstd).writes(dx.sum_du, dx.sum_du_xhat, dx.sum_dz_a, dx.sum_dz_slope, dx.sum_dz_slope_xhat);
  }
  /// A result's parts, of so many bytes each: written, read, and again where groups of them are merged first.
  Launch& merges(int64_t parts, int64_t bytes, const cuda::MergeTree& tree) {
    const int64_t all = (parts + tree.rewritten(static_cast<int>(parts))) * bytes;
    return reads_bytes(all).writes_bytes(all);
  }
  Launch& merges(int64_t parts, int64_t bytes) { return merges(parts, bytes, cuda::MergeTree(parts)); }
  /// Moments of y, from parts: a count for each tile of channels, and mean and m2.
  Launch& merges_moments(int64_t parts, int64_t channels, int64_t tiles) { return merges(parts, kFloat * (tiles + 2 * channels)); }
  /// The same launch makes two products: what both read counts for each.
  Launch& beside(const Launch& other) { return reads_bytes(other.read_).writes_bytes(other.written_); }
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

class TrafficOps final : public Ops {
 public:
  TrafficOps(Ops& inner, std::map<std::string, Traffic>& by_operation) : inner_(inner), by_operation_(by_operation) {}

  std::string name() const override { return inner_.name(); }
  Memory& memory() override { return inner_.memory(); }
  bool supports(DType storage) const override { return inner_.supports(storage); }
  void copy_from_host(const void* source, Tensor& target) override {
    settle();
    inner_.copy_from_host(source, target);
  }
  void copy_to_host(const Tensor& source, void* target) override {
    settle();
    inner_.copy_to_host(source, target);
  }
  void wait() override {
    settle();
    inner_.wait();
  }

  void begin_step(const StepState& state) override {
    begin();
    inner_.begin_step(state);
    end("begin_step", {Launch()});
    all_weights_changed();
  }
  void fill(Tensor& x, float value) override {
    begin();
    inner_.fill(x, value);
    end("fill", {Launch().writes(x)});
  }

  // z, w -> y, moments.
  void pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments) override {
    begin();
    inner_.pointwise_forward(x, w, y, moments);
    end_forward("pointwise_forward", moments, [=, this] { return product_forward(x, w, y, moments); });
  }
  // z, dy -> dw; dy, w, raw, add -> stored, sums.
  void pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx) override {
    begin();
    inner_.pointwise_backward(x, w, dy, dw, dx);
    end("pointwise_backward", product_backward(x, w, dy, dw, dx, false));
  }
  // z, w -> y, moments.
  void depthwise_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) override {
    begin();
    inner_.depthwise_forward(x, w, g, y, moments);
    end_forward("depthwise_forward", moments, [=] {
      const dim3 grid = launched(0);
      Launch launch = Launch().reads_feature(x).reads(w).writes(y);
      if (moments) launch.merges_moments(int64_t{grid.y} * grid.z, y.c(), grid.x);
      return std::vector{launch};
    });
  }
  // z, dy, w, add -> stored, dw, sums.
  void depthwise_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                          InputGradient* dx) override {
    begin();
    inner_.depthwise_backward(x, w, g, dy, dw, dx);
    const dim3 grid = launched(0);
    const int64_t of_sample = grid.y, parts = of_sample * grid.z;
    Launch both;
    both.reads_feature(x).reads_gradient(dy).reads(w);
    if (dw) both.merges(parts, kFloat * w.size()).writes(dw);
    if (dx) both.leaves(x, *dx);
    if (dx && cuda::wants_sums(*dx)) {
      const int64_t bytes = kFloat * x.raw.c();
      (x.gate ? both.merges(of_sample, 3 * bytes * grid.z) : both.merges(parts, 2 * bytes)).leaves_sums(x, *dx);
    }
    end("depthwise_backward", {both});
  }
  // As for pointwise: the patches are gathered from z on read.
  void dense_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) override {
    begin();
    inner_.dense_forward(x, w, g, y, moments);
    end_forward("dense_forward", moments, [=, this] { return product_forward(x, w, y, moments); });
  }
  void dense_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                      InputGradient* dx) override {
    begin();
    inner_.dense_backward(x, w, g, dy, dw, dx);
    end("dense_backward", product_backward(x, w, dy, dw, dx, true));
  }

  void batch_norm_forward(const Moments& moments, int64_t count, const Tensor& gamma, const Tensor& beta, float eps, float momentum,
                          Tensor& running_mean, Tensor& running_var, Norm& norm) override {
    const bool waits = waiting_.formula && waiting_.moments.mean.raw() == moments.mean.raw();
    if (!waits) begin();
    inner_.batch_norm_forward(moments, count, gamma, beta, eps, momentum, running_mean, running_var, norm);
    std::vector<Launch> all{Launch().reads(moments.mean, moments.m2)};
    if (waits) all = formula_of_waiting();
    all.back().reads(gamma, beta).writes_norm(norm).updates(running_mean).updates(running_var);
    end(waits ? waiting_.operation : "batch_norm_forward", all);
    waiting_ = {};
  }
  void batch_norm_frozen(const Tensor& running_mean, const Tensor& running_var, const Tensor& gamma, const Tensor& beta, float eps,
                         Norm& norm) override {
    begin();
    inner_.batch_norm_frozen(running_mean, running_var, gamma, beta, eps, norm);
    end("batch_norm_frozen", {Launch().reads(running_mean, running_var, gamma, beta).writes_norm(norm)});
  }
  // raw, stored -> sums.
  void batch_norm_sums(const Feature& x, const Tensor& stored, const Tensor& sample_scale, Tensor& sum_du, Tensor& sum_du_xhat) override {
    begin();
    inner_.batch_norm_sums(x, stored, sample_scale, sum_du, sum_du_xhat);
    end("batch_norm_sums", {Launch()
                                .reads(x.raw, stored, x.norm.mean, sample_scale)
                                .merges(launched(0).x, 2 * kFloat * x.raw.c())
                                .reads(x.norm.invstd)
                                .writes(sum_du, sum_du_xhat)});
  }
  void batch_norm_sums_gated(const Tensor& gate, const Tensor& sum_dz_slope, const Tensor& sum_dz_slope_xhat, const Tensor& pooled,
                             const Tensor& slope, const Tensor& slope_xhat, Tensor& sum_du, Tensor& sum_du_xhat) override {
    begin();
    inner_.batch_norm_sums_gated(gate, sum_dz_slope, sum_dz_slope_xhat, pooled, slope, slope_xhat, sum_du, sum_du_xhat);
    end("batch_norm_sums_gated",
        {Launch().reads(gate, sum_dz_slope, sum_dz_slope_xhat, pooled, slope, slope_xhat).writes(sum_du, sum_du_xhat)});
  }

  // raw -> the sums; of a high map by parts.
  void pool_forward(const Feature& x, Tensor& mean, Tensor& slope, Tensor& slope_xhat) override {
    begin();
    inner_.pool_forward(x, mean, slope, slope_xhat);
    Launch launch = Launch().reads(x.raw, x.norm.scale, x.norm.shift, x.norm.mean, x.norm.invstd).writes(mean, slope, slope_xhat);
    const int64_t parts = launched(0).x / x.raw.n();
    if (parts > 1) launch.merges(parts, kFloat * (slope || slope_xhat ? 3 : 1) * mean.size());
    end("pool_forward", {launch});
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
    all_weights_changed();
  }
  void sgd(const Sgd& options, const Tensor& clip, std::span<OptimizerSlot> slots) override {
    begin();
    inner_.sgd(options, clip, slots);
    end("sgd", update(clip, slots));
    all_weights_changed();
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
    all_weights_changed();
  }

 private:
  void begin() {
    settle();
    simt::noted_launches().clear();
  }
  /// A convolution that leaves moments is launched when the backend knows what follows it, and is counted then.
  void end_forward(const char* operation, const Moments* moments, std::function<std::vector<Launch>()> formula) {
    if (!moments) return end(operation, formula());
    waiting_ = {operation, *moments, std::move(formula)};
  }
  std::vector<Launch> formula_of_waiting() const {
    std::vector<Launch> all = waiting_.formula();
    all.back().writes(waiting_.moments.mean, waiting_.moments.m2);
    return all;
  }
  void settle() {
    if (!waiting_.formula) return;
    inner_.wait();
    end(waiting_.operation, formula_of_waiting());
    waiting_ = {};
  }
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

  /// As StoredWeights: of all weights that products have read so far, those that may have changed are made anew by one launch.
  void convert(const Tensor& w, DType storage, std::vector<Launch>& all) {
    if (storage == DType::f32) return;
    Weight& asked = weights_[w.raw()];
    asked.size = w.size();
    if (!asked.stale) return;
    Launch launch = chunk_table();
    for (auto& [memory, weight] : weights_)
      if (std::exchange(weight.stale, false)) launch.reads_bytes(weight.size * kFloat).writes_bytes(weight.size * size_in(storage));
    all.push_back(launch);
  }
  void all_weights_changed() {
    for (auto& [memory, weight] : weights_) weight.stale = true;
  }
  static int64_t size_in(DType storage) { return static_cast<int64_t>(size_of(storage)); }

  std::vector<Launch> product_forward(const Feature& x, const Tensor& w, const Tensor& y, const Moments* moments) {
    const DType storage = x.raw.dtype();
    std::vector<Launch> all;
    convert(w, storage, all);
    Launch launch = Launch().reads_feature(x).reads_bytes(w.size() * size_in(storage)).writes(y);
    if (moments) launch.merges_moments(cuda::product_row_tiles(y.rows()), y.c(), cuda::product_column_tiles(y.c()));
    all.push_back(launch);
    return all;
  }
  /// `input_first`: the data gradient reads weights in an order that a launch of their own has made.
  std::vector<Launch> product_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, const Tensor& dw,
                                       const InputGradient* dx, bool input_first) {
    const DType storage = x.raw.dtype();
    std::vector<Launch> all;
    if (dx && input_first)
      all.push_back(Launch().reads(w).writes_bytes(w.size() * size_in(storage)));
    else if (dx)
      convert(w, storage, all);
    Launch of_dw, of_dx;
    if (dw) {
      const int64_t out = dy.of->raw.c();
      const DepthSlices slices(w.size() / out, out, static_cast<int>(dy.of->raw.rows()));
      of_dw.reads_feature(x).reads_gradient(dy).writes(dw);
      if (slices.count > 1) of_dw.merges(slices.count, kFloat * w.size());
    }
    if (dx) {
      of_dx.reads_gradient(dy).leaves(x, *dx).reads_bytes(w.size() * size_in(storage));
      if (cuda::wants_sums(*dx)) merges_product_sums(of_dx, x, *dx).leaves_sums(x, *dx);
    }
    if (dw || dx) all.push_back(of_dw.beside(of_dx));
    return all;
  }
  /// A group's parts are the tiles of rows that meet it.
  static Launch& merges_product_sums(Launch& launch, const Feature& x, const InputGradient& dx) {
    const cuda::InputSumCut cut = cuda::cut_product_sums(x, &dx);
    const int64_t rows = x.raw.rows() / cut.groups;
    for (int64_t group = 0; group < cut.groups; ++group)
      launch.merges(cuda::product_row_tiles((group + 1) * rows) - group * rows / cuda::kProductRows, kFloat * cut.rows * cut.channels,
                    cuda::MergeTree(cut.most_parts));
    return launch;
  }

  struct Weight {
    int64_t size = 0;
    bool stale = true;
  };

  Ops& inner_;
  std::map<const void*, Weight> weights_;
  struct {
    const char* operation;
    Moments moments;
    std::function<std::vector<Launch>()> formula;
  } waiting_{};
  std::map<std::string, Traffic>& by_operation_;
};

}  // namespace

std::unique_ptr<Ops> counting_traffic(Ops& inner, std::map<std::string, Traffic>& by_operation) {
  return std::make_unique<TrafficOps>(inner, by_operation);
}

}  // namespace mcnn
