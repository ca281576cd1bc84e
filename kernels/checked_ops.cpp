// One decorator over all operations: an Operand list per call, then the backend under a profiler span.
#include "kernels/checked_ops.h"

#include <chrono>
#include <vector>

#include "runtime/profiler.h"

namespace mcnn {
namespace {

/// The operands of one call, checked one by one.
class Check {
 public:
  Check(const char* operation, const Ops& ops) : operation_(operation), ops_(ops), parameter_(ops.parameter_type()) {}

  template <class... Args>
  void require(bool holds, fmt::format_string<Args...> format, Args&&... args) const {
    if (!holds) fail<ShapeError>("{}: {}", operation_, fmt::format(format, std::forward<Args>(args)...));
  }

  void input(const std::string& name, const Tensor& x, const Shape& shape, DType type, const std::string& because = "") {
    is(name, x, shape, type, because);
    add(name, x, false);
  }
  void output(const std::string& name, const Tensor& x, const Shape& shape, DType type, const std::string& because = "") {
    is(name, x, shape, type, because);
    add(name, x, true);
  }
  // Parameters, statistics, gates and sums: of the parameter type.
  void input(const std::string& name, const Tensor& x, const Shape& shape) { input(name, x, shape, parameter_); }
  void output(const std::string& name, const Tensor& x, const Shape& shape) { output(name, x, shape, parameter_); }
  void optional_input(const std::string& name, const Tensor& x, const Shape& shape) {
    if (x.defined()) input(name, x, shape);
  }
  void optional_output(const std::string& name, const Tensor& x, const Shape& shape) {
    if (x.defined()) output(name, x, shape);
  }
  /// What the call must read and write at least, once each.
  int64_t bytes() const { return bytes_; }
  void count(const Tensor& x, int visits) { bytes_ += visits * static_cast<int64_t>(x.bytes()); }
  const char* operation() const { return operation_; }

  void absent(const std::string& name, const Tensor& x, const char* because) const {
    require(!x.defined(), "{} is given, but {}", name, because);
  }
  void rank(const std::string& name, const Tensor& x, int rank) const {
    require(x.defined(), "{} is absent", name);
    require(x.shape().rank() == rank && x.size() > 0, "{} is {}, expected {} axes, none of length 0", name, x.shape().str(), rank);
  }

  /// A shape's own rules, to be called before anything is compared with raw's shape.
  void feature(const std::string& name, const Feature& x) {
    rank(name + ".raw", x.raw, 4);
    const DType type = x.raw.dtype();
    require(type != DType::u8 && ops_.supports(type), "{}.raw holds {}, which backend {} does not store features as", name, name_of(type),
            ops_.name());
    add(name + ".raw", x.raw, false);
    const Shape channels = {x.raw.c()};
    const Norm& n = x.norm;
    if (n.mean.defined() || n.invstd.defined() || n.scale.defined() || n.shift.defined()) {
      input(name + ".norm.mean", n.mean, channels);
      input(name + ".norm.invstd", n.invstd, channels);
      input(name + ".norm.scale", n.scale, channels);
      input(name + ".norm.shift", n.shift, channels);
    }
    optional_input(name + ".gate", x.gate, {x.raw.n(), x.raw.c()});
  }

  void gradient(const OutputGradient& dy, const Shape& shape, DType storage) {
    require(dy.of != nullptr, "dy.of is null");
    const Feature& y = *dy.of;
    feature("dy.of", y);
    is("dy.of.raw", y.raw, shape, storage, "the output's shape");
    const Shape per_sample = {shape[0], shape[3]}, channels = {shape[3]};
    if (dy.pooled.defined()) {
      input("dy.pooled", dy.pooled, per_sample);
      absent("dy.sample_scale", dy.sample_scale, "du is formed through a gate or a pooling");
      require(dy.stored.defined() || !y.gate.defined(), "dy.stored is absent, but dy.of has a gate");
    } else {
      absent("dy.of.gate", y.gate, "dy.pooled is not");
    }
    if (dy.stored.defined() || !dy.pooled.defined()) input("dy.stored", dy.stored, shape, storage);
    optional_input("dy.sample_scale", dy.sample_scale, {shape[0]});
    if (!y.norm.defined() || dy.frozen) return;
    input("dy.sum_du", dy.sum_du, channels);
    input("dy.sum_du_xhat", dy.sum_du_xhat, channels);
  }

  void input_gradient(const InputGradient* dx, const Feature& x) {
    if (!dx) return;
    const Shape shape = x.raw.shape(), per_sample = {shape[0], shape[3]}, channels = {shape[3]};
    output("dx.stored", dx->stored, shape, x.raw.dtype());
    if (dx->add.defined()) input("dx.add", dx->add, shape, x.raw.dtype());
    if (x.gate.defined()) {
      absent("dx.sum_du", dx->sum_du, "x has a gate");
      absent("dx.sum_du_xhat", dx->sum_du_xhat, "x has a gate");
    } else {
      absent("dx.sum_dz_a", dx->sum_dz_a, "x has no gate");
      absent("dx.sum_dz_slope", dx->sum_dz_slope, "x has no gate");
      absent("dx.sum_dz_slope_xhat", dx->sum_dz_slope_xhat, "x has no gate");
    }
    if (!x.norm.defined()) {
      absent("dx.sum_du", dx->sum_du, "x has no norm");
      absent("dx.sum_du_xhat", dx->sum_du_xhat, "x has no norm");
      absent("dx.sum_dz_slope_xhat", dx->sum_dz_slope_xhat, "x has no norm");
    }
    optional_output("dx.sum_du", dx->sum_du, channels);
    optional_output("dx.sum_du_xhat", dx->sum_du_xhat, channels);
    optional_output("dx.sum_dz_a", dx->sum_dz_a, per_sample);
    optional_output("dx.sum_dz_slope", dx->sum_dz_slope, per_sample);
    optional_output("dx.sum_dz_slope_xhat", dx->sum_dz_slope_xhat, per_sample);
  }

  void moments(const Moments* m, int64_t channels) {
    if (!m) return;
    output("moments.mean", m->mean, {channels});
    output("moments.m2", m->m2, {channels});
  }

  void norm_output(const Norm& norm, const Shape& channels) {
    output("norm.mean", norm.mean, channels);
    output("norm.invstd", norm.invstd, channels);
    output("norm.scale", norm.scale, channels);
    output("norm.shift", norm.shift, channels);
  }

  /// The first and the last window of each axis meet the image.
  void geometry(const ConvGeometry& g, const Shape& x, const Shape& y) const {
    require(g.kernel >= 1 && g.stride >= 1, "kernel {} and stride {}, expected 1 or more", g.kernel, g.stride);
    const auto axis = [&](const char* name, int pad, int64_t in, int64_t out) {
      require(pad >= 0 && pad < g.kernel, "pad_{} is {}, expected 0 to {}", name, pad, g.kernel - 1);
      require((out - 1) * g.stride - pad < in, "{} outputs along {} reach past an image of {} (kernel {}, stride {}, pad {})", out, name,
              in, g.kernel, g.stride, pad);
    };
    axis("top", g.pad_top, x[1], y[1]);
    axis("left", g.pad_left, x[2], y[2]);
  }

 private:
  void is(const std::string& name, const Tensor& x, const Shape& shape, DType type, const std::string& because) const {
    const char* space = because.empty() ? "" : " ";
    require(x.defined(), "{} is absent, expected {}{}{}", name, shape.str(), space, because);
    require(x.shape() == shape, "{} is {}, expected {}{}{}", name, x.shape().str(), shape.str(), space, because);
    require(x.dtype() == type, "{} holds {}, expected {}", name, name_of(x.dtype()), name_of(type));
  }

  // Inputs may share memory with each other, an output with nothing.
  void add(const std::string& name, const Tensor& x, bool written) {
    const auto* begin = static_cast<const std::byte*>(x.raw());
    const std::byte* end = begin + x.bytes();
    for (const Operand& other : operands_)
      require(!(written || other.written) || end <= other.begin || other.end <= begin, "{} shares memory with {}", name, other.name);
    operands_.push_back({name, begin, end, written});
    bytes_ += static_cast<int64_t>(x.bytes());
  }

  struct Operand {
    std::string name;
    const std::byte *begin, *end;
    bool written;
  };
  const char* operation_;
  const Ops& ops_;
  DType parameter_;
  std::vector<Operand> operands_;
  int64_t bytes_ = 0;
};

/// Tells the profiler of each replay's kernels.
class TimedRecording final : public Recording {
 public:
  TimedRecording(std::unique_ptr<Recording> inner, std::vector<Profiler::Operation> operations, Profiler& profiler)
      : inner_(std::move(inner)), operations_(std::move(operations)), profiler_(profiler) {}
  void replay() override {
    const auto begin = std::chrono::steady_clock::now();
    inner_->replay();
    if (profiler_.enabled()) profiler_.add(begin, operations_, inner_->times());
  }

 private:
  std::unique_ptr<Recording> inner_;
  std::vector<Profiler::Operation> operations_;
  Profiler& profiler_;
};

class CheckedOps final : public Ops {
 public:
  CheckedOps(std::unique_ptr<Ops> inner, Profiler* profiler) : inner_(std::move(inner)), profiler_(profiler) {}

  std::string name() const override { return inner_->name(); }
  Memory& memory() override { return inner_->memory(); }
  DType parameter_type() const override { return inner_->parameter_type(); }
  bool supports(DType storage) const override { return inner_->supports(storage); }
  void begin_step(const StepState& state) override { inner_->begin_step(state); }

  void copy_from_host(const void* source, Tensor& target) override {
    check("copy_from_host").require(target.defined(), "target is absent");
    const auto span = timed("copy_from_host", static_cast<int64_t>(target.bytes()));
    inner_->copy_from_host(source, target);
  }
  void copy_ahead(const void* source, Tensor& target) override {
    check("copy_ahead").require(target.defined(), "target is absent");
    const auto span = timed("copy_ahead", static_cast<int64_t>(target.bytes()));
    inner_->copy_ahead(source, target);
  }
  void copy_to_host(const Tensor& source, void* target) override {
    check("copy_to_host").require(source.defined(), "source is absent");
    const auto span = timed("copy_to_host", static_cast<int64_t>(source.bytes()));
    inner_->copy_to_host(source, target);
  }
  void fill(Tensor& x, float value) override {
    check("fill").require(x.defined(), "x is absent");
    const auto span = timed("fill", static_cast<int64_t>(x.bytes()));
    inner_->fill(x, value);
  }
  void wait() override { inner_->wait(); }
  bool records() const override { return inner_->records(); }
  /// While times are taken a step is recorded only by a backend that times the kernels itself; else each operation is waited for.
  std::unique_ptr<Recording> record(const std::function<void()>& step) override {
    const bool timed = profiler_ && profiler_->enabled();
    const bool by_backend = inner_->time_kernels(timed);
    if (!timed) return inner_->record(step);
    if (!by_backend) return Ops::record(step);
    std::vector<Profiler::Operation> operations;
    recorded_ = &operations;
    std::unique_ptr<Recording> recording;
    try {
      recording = inner_->record([&] {
        operations.clear();
        step();
      });
    } catch (...) {
      recorded_ = nullptr;
      throw;
    }
    recorded_ = nullptr;
    return std::make_unique<TimedRecording>(std::move(recording), std::move(operations), *profiler_);
  }

  void pointwise_forward(const Feature& x, const Tensor& w, Tensor& y, Moments* moments) override {
    Check c = check("pointwise_forward");
    c.feature("x", x);
    const int64_t out = pointwise_weight(c, w, x);
    c.output("y", y, {x.raw.n(), x.raw.h(), x.raw.w(), out}, x.raw.dtype());
    c.moments(moments, out);
    const auto span = timed(c);
    inner_->pointwise_forward(x, w, y, moments);
  }
  void pointwise_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, InputGradient* dx) override {
    Check c = check("pointwise_backward");
    c.feature("x", x);
    const int64_t out = pointwise_weight(c, w, x);
    c.gradient(dy, {x.raw.n(), x.raw.h(), x.raw.w(), out}, x.raw.dtype());
    c.optional_output("dw", dw, w.shape());
    c.input_gradient(dx, x);
    const auto span = timed(c);
    inner_->pointwise_backward(x, w, dy, dw, dx);
  }

  void depthwise_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) override {
    Check c = check("depthwise_forward");
    c.feature("x", x);
    depthwise_weight(c, w, g, x);
    c.rank("y", y, 4);
    c.output("y", y, {x.raw.n(), y.h(), y.w(), x.raw.c()}, x.raw.dtype());
    c.geometry(g, x.raw.shape(), y.shape());
    c.moments(moments, x.raw.c());
    const auto span = timed(c);
    inner_->depthwise_forward(x, w, g, y, moments);
  }
  void depthwise_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                          InputGradient* dx) override {
    Check c = check("depthwise_backward");
    c.feature("x", x);
    depthwise_weight(c, w, g, x);
    convolution_gradient(c, x, g, dy, x.raw.c());
    c.optional_output("dw", dw, w.shape());
    c.input_gradient(dx, x);
    const auto span = timed(c);
    inner_->depthwise_backward(x, w, g, dy, dw, dx);
  }

  void dense_forward(const Feature& x, const Tensor& w, const ConvGeometry& g, Tensor& y, Moments* moments) override {
    Check c = check("dense_forward");
    c.feature("x", x);
    const int64_t out = dense_weight(c, w, g, x);
    c.rank("y", y, 4);
    c.output("y", y, {x.raw.n(), y.h(), y.w(), out}, x.raw.dtype());
    c.geometry(g, x.raw.shape(), y.shape());
    c.moments(moments, out);
    const auto span = timed(c);
    inner_->dense_forward(x, w, g, y, moments);
  }
  void dense_backward(const Feature& x, const Tensor& w, const ConvGeometry& g, const OutputGradient& dy, Tensor& dw,
                      InputGradient* dx) override {
    Check c = check("dense_backward");
    c.feature("x", x);
    convolution_gradient(c, x, g, dy, dense_weight(c, w, g, x));
    c.optional_output("dw", dw, w.shape());
    c.input_gradient(dx, x);
    const auto span = timed(c);
    inner_->dense_backward(x, w, g, dy, dw, dx);
  }

  void batch_norm_forward(const Moments& moments, int64_t count, const Tensor& gamma, const Tensor& beta, float eps, float momentum,
                          Tensor& running_mean, Tensor& running_var, Norm& norm) override {
    Check c = check("batch_norm_forward");
    c.rank("gamma", gamma, 1);
    const Shape channels = gamma.shape();
    c.require(count >= 2, "count is {}, expected 2 or more: one value has no variance", count);
    c.input("gamma", gamma, channels);
    c.input("beta", beta, channels);
    c.input("moments.mean", moments.mean, channels);
    c.input("moments.m2", moments.m2, channels);
    c.optional_output("running_mean", running_mean, channels);
    c.optional_output("running_var", running_var, channels);
    c.norm_output(norm, channels);
    const auto span = timed(c);
    inner_->batch_norm_forward(moments, count, gamma, beta, eps, momentum, running_mean, running_var, norm);
  }
  void batch_norm_frozen(const Tensor& running_mean, const Tensor& running_var, const Tensor& gamma, const Tensor& beta, float eps,
                         Norm& norm) override {
    Check c = check("batch_norm_frozen");
    c.rank("gamma", gamma, 1);
    const Shape channels = gamma.shape();
    c.input("gamma", gamma, channels);
    c.input("beta", beta, channels);
    c.input("running_mean", running_mean, channels);
    c.input("running_var", running_var, channels);
    c.norm_output(norm, channels);
    const auto span = timed(c);
    inner_->batch_norm_frozen(running_mean, running_var, gamma, beta, eps, norm);
  }
  void batch_norm_sums(const Feature& x, const Tensor& stored, const Tensor& sample_scale, Tensor& sum_du, Tensor& sum_du_xhat) override {
    Check c = check("batch_norm_sums");
    c.feature("x", x);
    c.require(x.norm.defined(), "x has no norm");
    c.input("stored", stored, x.raw.shape(), x.raw.dtype());
    c.optional_input("sample_scale", sample_scale, {x.raw.n()});
    c.optional_output("sum_du", sum_du, {x.raw.c()});
    c.optional_output("sum_du_xhat", sum_du_xhat, {x.raw.c()});
    const auto span = timed(c);
    inner_->batch_norm_sums(x, stored, sample_scale, sum_du, sum_du_xhat);
  }
  void batch_norm_sums_gated(const Tensor& gate, const Tensor& sum_dz_slope, const Tensor& sum_dz_slope_xhat, const Tensor& pooled,
                             const Tensor& slope, const Tensor& slope_xhat, Tensor& sum_du, Tensor& sum_du_xhat) override {
    Check c = check("batch_norm_sums_gated");
    c.rank("pooled", pooled, 2);
    const Shape per_sample = pooled.shape(), channels = {per_sample[1]};
    c.input("pooled", pooled, per_sample);
    c.require(gate.defined() == sum_dz_slope.defined() && gate.defined() == sum_dz_slope_xhat.defined(),
              "of gate, sum_dz_slope and sum_dz_slope_xhat some are absent and some are not");
    c.optional_input("gate", gate, per_sample);
    c.optional_input("sum_dz_slope", sum_dz_slope, per_sample);
    c.optional_input("sum_dz_slope_xhat", sum_dz_slope_xhat, per_sample);
    c.input("slope", slope, per_sample);
    c.input("slope_xhat", slope_xhat, per_sample);
    c.optional_output("sum_du", sum_du, channels);
    c.optional_output("sum_du_xhat", sum_du_xhat, channels);
    const auto span = timed(c);
    inner_->batch_norm_sums_gated(gate, sum_dz_slope, sum_dz_slope_xhat, pooled, slope, slope_xhat, sum_du, sum_du_xhat);
  }

  void pool_forward(const Feature& x, Tensor& mean, Tensor& slope, Tensor& slope_xhat) override {
    Check c = check("pool_forward");
    c.feature("x", x);
    const Shape per_sample = {x.raw.n(), x.raw.c()};
    c.output("mean", mean, per_sample);
    c.optional_output("slope", slope, per_sample);
    if (!x.norm.defined()) c.absent("slope_xhat", slope_xhat, "x has no norm");
    c.optional_output("slope_xhat", slope_xhat, per_sample);
    const auto span = timed(c);
    inner_->pool_forward(x, mean, slope, slope_xhat);
  }
  void squeeze_excite_forward(const Tensor& s, const Tensor& w1, const Tensor& b1, const Tensor& w2, const Tensor& b2, Tensor& hidden,
                              Tensor& gate) override {
    Check c = check("squeeze_excite_forward");
    const auto [n, channels, reduced] = squeeze_excite_weights(c, s, w1, w2);
    c.input("b1", b1, {reduced});
    c.input("b2", b2, {channels});
    c.output("hidden", hidden, {n, reduced});
    c.output("gate", gate, {n, channels});
    const auto span = timed(c);
    inner_->squeeze_excite_forward(s, w1, b1, w2, b2, hidden, gate);
  }
  void squeeze_excite_backward(const Tensor& s, const Tensor& w1, const Tensor& w2, const Tensor& hidden, const Tensor& gate,
                               const Tensor& sum_dz_a, int64_t pixels, Tensor& dw1, Tensor& db1, Tensor& dw2, Tensor& db2,
                               Tensor& pooled) override {
    Check c = check("squeeze_excite_backward");
    const auto [n, channels, reduced] = squeeze_excite_weights(c, s, w1, w2);
    c.require(pixels >= 1, "pixels is {}, expected 1 or more", pixels);
    c.input("hidden", hidden, {n, reduced});
    c.input("gate", gate, {n, channels});
    c.input("sum_dz_a", sum_dz_a, {n, channels});
    c.optional_output("dw1", dw1, w1.shape());
    c.optional_output("db1", db1, {reduced});
    c.optional_output("dw2", dw2, w2.shape());
    c.optional_output("db2", db2, {channels});
    c.output("pooled", pooled, {n, channels});
    const auto span = timed(c);
    inner_->squeeze_excite_backward(s, w1, w2, hidden, gate, sum_dz_a, pixels, dw1, db1, dw2, db2, pooled);
  }

  void residual_forward(const Feature& x, const Feature& branch, const Tensor& sample_scale, Tensor& y) override {
    Check c = check("residual_forward");
    c.feature("x", x);
    c.feature("branch", branch);
    c.input("branch.raw", branch.raw, x.raw.shape(), x.raw.dtype(), "as x");
    c.optional_input("sample_scale", sample_scale, {x.raw.n()});
    c.output("y", y, x.raw.shape(), x.raw.dtype());
    const auto span = timed(c);
    inner_->residual_forward(x, branch, sample_scale, y);
  }
  void drop_path_scale(uint32_t stream, float drop, Tensor& scale) override {
    Check c = check("drop_path_scale");
    probability(c, drop);
    c.rank("scale", scale, 1);
    c.output("scale", scale, scale.shape());
    const auto span = timed(c);
    inner_->drop_path_scale(stream, drop, scale);
  }
  void dropout(const Tensor& x, uint32_t stream, float drop, Tensor& y) override {
    Check c = check("dropout");
    probability(c, drop);
    c.require(x.defined(), "x is absent");
    c.input("x", x, x.shape());
    c.output("y", y, x.shape());
    const auto span = timed(c);
    inner_->dropout(x, stream, drop, y);
  }

  void linear_forward(const Tensor& x, const Tensor& w, const Tensor& b, Tensor& y) override {
    Check c = check("linear_forward");
    linear_weight(c, x, w);
    c.input("b", b, {w.dim(1)});
    c.output("y", y, {x.dim(0), w.dim(1)});
    const auto span = timed(c);
    inner_->linear_forward(x, w, b, y);
  }
  void linear_backward(const Tensor& x, const Tensor& w, const Tensor& dy, float input_scale, Tensor& dw, Tensor& db, Tensor& dx) override {
    Check c = check("linear_backward");
    linear_weight(c, x, w);
    c.input("dy", dy, {x.dim(0), w.dim(1)});
    c.optional_output("dw", dw, w.shape());
    c.optional_output("db", db, {w.dim(1)});
    c.optional_output("dx", dx, x.shape());
    const auto span = timed(c);
    inner_->linear_backward(x, w, dy, input_scale, dw, db, dx);
  }
  void cross_entropy(const Tensor& logits, const Tensor& targets, float smoothing, Tensor& loss, Tensor& dlogits) override {
    Check c = check("cross_entropy");
    c.rank("logits", logits, 2);
    c.require(smoothing >= 0.f && smoothing < 1.f, "smoothing is {}, expected 0 to below 1", smoothing);
    c.input("logits", logits, logits.shape());
    c.input("targets", targets, logits.shape());
    c.output("loss", loss, {1});
    c.optional_output("dlogits", dlogits, logits.shape());
    const auto span = timed(c);
    inner_->cross_entropy(logits, targets, smoothing, loss, dlogits);
  }

  void normalize_images(const Tensor& pixels, const Tensor& flip, const float (&mean)[3], const float (&std)[3], Tensor& y) override {
    Check c = check("normalize_images");
    c.rank("pixels", pixels, 4);
    const Shape shape = {pixels.n(), pixels.h(), pixels.w(), 3};
    c.input("pixels", pixels, shape, DType::u8);
    if (flip.defined()) c.input("flip", flip, {pixels.n()}, DType::u8);
    c.require(y.defined() && inner_->supports(y.dtype()), "y is absent or of a type that {} does not store features as", name());
    c.output("y", y, shape, y.dtype());
    const auto span = timed(c);
    inner_->normalize_images(pixels, flip, mean, std, y);
  }

  void gradient_norm(std::span<const Tensor> gradients, float max_norm, Tensor& norm, Tensor& clip) override {
    Check c = check("gradient_norm");
    for (const Tensor& g : gradients) {
      same(c, "a gradient", g, g.shape());
      c.count(g, 1);
    }
    c.require(max_norm >= 0.f, "max_norm is {}, expected 0 or more", max_norm);
    c.output("norm", norm, {1});
    c.output("clip", clip, {1});
    const auto span = timed(c);
    inner_->gradient_norm(gradients, max_norm, norm, clip);
  }
  void adamw(const AdamW& options, const Tensor& clip, std::span<OptimizerSlot> slots) override {
    Check c = check("adamw");
    c.input("clip", clip, {1});
    for (const OptimizerSlot& slot : slots) {
      slot_of(c, slot);
      same(c, "v", slot.v, slot.value.shape());
      c.count(slot.v, 2);
    }
    const auto span = timed(c);
    inner_->adamw(options, clip, slots);
  }
  void sgd(const Sgd& options, const Tensor& clip, std::span<OptimizerSlot> slots) override {
    Check c = check("sgd");
    c.input("clip", clip, {1});
    for (const OptimizerSlot& slot : slots) slot_of(c, slot);
    const auto span = timed(c);
    inner_->sgd(options, clip, slots);
  }
  void ema(float decay, const Tensor& clip, std::span<const Tensor> values, std::span<Tensor> averages) override {
    Check c = check("ema");
    c.optional_input("clip", clip, {1});
    c.require(values.size() == averages.size(), "{} values and {} averages", values.size(), averages.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      same(c, "an average", averages[i], values[i].shape());
      c.count(values[i], 3);
    }
    const auto span = timed(c);
    inner_->ema(decay, clip, values, averages);
  }

 private:
  Check check(const char* operation) const { return Check(operation, *inner_); }
  /// A span that ends when the operation is done, not when it was asked for.
  struct Timed {
    Profiler::Span span;
    Ops* to_wait_for;
    ~Timed() {
      try {
        if (to_wait_for) to_wait_for->wait();
      } catch (const Error&) {  // the device's failures stay: the next copy reports it
      }
    }
  };
  Timed timed(const char* operation, int64_t bytes) const {
    if (!profiler_ || !profiler_->enabled()) return {Profiler::Span(), nullptr};
    if (recorded_) {
      inner_->mark(static_cast<int>(recorded_->size()));
      recorded_->push_back({operation, profiler_->current_layer(), bytes});
      return {Profiler::Span(), nullptr};
    }
    return {profiler_->operation(operation, bytes), inner_.get()};
  }
  Timed timed(const Check& c) const { return timed(c.operation(), c.bytes()); }

  static int64_t pointwise_weight(Check& c, const Tensor& w, const Feature& x) {
    c.rank("w", w, 2);
    c.input("w", w, {x.raw.c(), w.dim(1)});
    return w.dim(1);
  }
  void depthwise_weight(Check& c, const Tensor& w, const ConvGeometry& g, const Feature& x) const {
    c.require(g.kernel == 3 || g.kernel == 5, "kernel is {}, expected 3 or 5", g.kernel);
    c.require(g.stride == 1 || g.stride == 2, "stride is {}, expected 1 or 2", g.stride);
    c.input("w", w, {g.kernel, g.kernel, x.raw.c()}, parameter_type(), fmt::format("for k={}", g.kernel));
  }
  int64_t dense_weight(Check& c, const Tensor& w, const ConvGeometry& g, const Feature& x) const {
    c.require(!x.gate.defined(), "x has a gate");
    c.rank("w", w, 4);
    c.input("w", w, {g.kernel, g.kernel, x.raw.c(), w.dim(3)}, parameter_type(), fmt::format("for k={}", g.kernel));
    return w.dim(3);
  }
  static void convolution_gradient(Check& c, const Feature& x, const ConvGeometry& g, const OutputGradient& dy, int64_t channels) {
    c.require(dy.of != nullptr, "dy.of is null");
    c.rank("dy.of.raw", dy.of->raw, 4);
    const Tensor& y = dy.of->raw;
    c.gradient(dy, {x.raw.n(), y.h(), y.w(), channels}, x.raw.dtype());
    c.geometry(g, x.raw.shape(), y.shape());
  }
  struct Widths {
    int64_t samples, channels, reduced;
  };
  static Widths squeeze_excite_weights(Check& c, const Tensor& s, const Tensor& w1, const Tensor& w2) {
    c.rank("s", s, 2);
    c.rank("w1", w1, 2);
    c.input("s", s, s.shape());
    c.input("w1", w1, {s.dim(1), w1.dim(1)});
    c.input("w2", w2, {w1.dim(1), s.dim(1)});
    return {s.dim(0), s.dim(1), w1.dim(1)};
  }
  static void linear_weight(Check& c, const Tensor& x, const Tensor& w) {
    c.rank("x", x, 2);
    c.rank("w", w, 2);
    c.input("x", x, x.shape());
    c.input("w", w, {x.dim(1), w.dim(1)});
  }
  static void probability(const Check& c, float drop) { c.require(drop >= 0.f && drop < 1.f, "drop is {}, expected 0 to below 1", drop); }

  // Without the check for shared memory: it is quadratic, and a network has hundreds of these.
  void same(const Check& c, const char* name, const Tensor& x, const Shape& shape) const {
    c.require(x.defined() && x.shape() == shape, "{} is {}, expected {}", name, x.defined() ? x.shape().str() : "absent", shape.str());
    c.require(x.dtype() == parameter_type(), "{} holds {}, expected {}", name, name_of(x.dtype()), name_of(parameter_type()));
  }
  void slot_of(Check& c, const OptimizerSlot& slot) const {
    same(c, "value", slot.value, slot.value.shape());
    same(c, "gradient", slot.gradient, slot.value.shape());
    same(c, "m", slot.m, slot.value.shape());
    c.count(slot.value, 5);  // value and m are read and written, the gradient is read
  }

  std::unique_ptr<Ops> inner_;
  Profiler* profiler_;
  std::vector<Profiler::Operation>* recorded_ = nullptr;  // of the step that is being recorded with times
};

}  // namespace

std::unique_ptr<Ops> checked(std::unique_ptr<Ops> inner, Profiler* profiler) {
  return std::make_unique<CheckedOps>(std::move(inner), profiler);
}

}  // namespace mcnn
