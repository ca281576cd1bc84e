// Ref's gradients against central differences of ref's forward, in double, operation by operation: small graphs that pass
// through every form of OutputGradient and InputGradient (kernels/feature.h).
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "kernels/ops.h"
#include "runtime/arena.h"
#include "runtime/philox.h"
#include "tests/cases/compare.h"

namespace mcnn {
namespace {

constexpr double kStep = 1e-5;       // relative truncation 1e-10, relative rounding 1e-16/1e-5
constexpr double kTolerance = 1e-6;  // leaves room for curvature, not for a forgotten term

/// Values with gradients, and a loss of them.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual double loss() = 0;
  virtual void backward() = 0;  // after loss(); fills `gradients`

  void check() {
    loss();
    backward();
    for (auto& [name, value] : values) {
      SCOPED_TRACE(name);
      ASSERT_TRUE(gradients.contains(name));
      cases::Output analytic{name, read(gradients.at(name)), kTolerance}, measured{name, {}, kTolerance};
      for (int64_t i = 0; i < value.size(); ++i) {
        double& element = value.data<double>()[i];
        const double before = element;
        element = before + kStep;
        const double above = loss();
        element = before - kStep;
        const double below = loss();
        element = before;
        measured.values.push_back((above - below) / (2 * kStep));
      }
      EXPECT_EQ(cases::disagreement(analytic, measured), "");
    }
  }

 protected:
  Tensor empty(Shape shape) { return arena.tensor(shape, DType::f64); }
  /// Uniform in [low, high).
  Tensor random(Shape shape, double low = -1, double high = 1) {
    Tensor tensor = empty(shape);
    const Philox philox{99, stream_++, 0};
    for (int64_t i = 0; i < tensor.size(); ++i) tensor.data<double>()[i] = low + (high - low) * philox.uniform(static_cast<uint64_t>(i));
    return tensor;
  }
  Tensor value(const std::string& name, Shape shape, double low = -1, double high = 1) { return values[name] = random(shape, low, high); }
  static std::vector<double> read(const Tensor& x) { return {x.data<double>(), x.data<double>() + x.size()}; }
  static double dot(const Tensor& a, const Tensor& b) {
    double sum = 0;
    for (int64_t i = 0; i < a.size(); ++i) sum += a.data<double>()[i] * b.data<double>()[i];
    return sum;
  }

  std::unique_ptr<Ops> ops = make_ref_ops();
  Arena arena{ops->memory()};
  std::map<std::string, Tensor> values, gradients;

 private:
  uint32_t stream_ = 0;
};

enum class Kind { pointwise, depthwise3, depthwise5s2, dense3s2 };
enum class Statistics { batch, frozen, none };

/// A convolution of any kind over (N,H,W,C) features.
struct Convolution {
  Kind kind;
  ConvGeometry geometry() const {
    switch (kind) {
      case Kind::pointwise: return {};
      case Kind::depthwise3: return {3, 1, 1, 1};
      case Kind::depthwise5s2: return {5, 2, 1, 2};  // the pads of TensorFlow's SAME on an even height, on an odd width
      case Kind::dense3s2: return {3, 2, 0, 1};
    }
    return {};
  }
  Shape weight(int64_t in, int64_t out) const {
    const int64_t k = geometry().kernel;
    if (kind == Kind::pointwise) return {in, out};
    return kind == Kind::dense3s2 ? Shape{k, k, in, out} : Shape{k, k, in};
  }
  Shape output(const Shape& x, int64_t out) const {
    const int s = geometry().stride;
    return {x[0], (x[1] + s - 1) / s, (x[2] + s - 1) / s, kind == Kind::pointwise || kind == Kind::dense3s2 ? out : x[3]};
  }
  void forward(Ops& ops, const Feature& x, const Tensor& w, Tensor& y, const Moments& m = {}) const {
    if (kind == Kind::pointwise) return ops.run(PointwiseForward{x, w, y, m});
    if (kind == Kind::dense3s2) return ops.run(DenseForward{x, w, geometry(), y, m});
    ops.run(DepthwiseForward{x, w, geometry(), y, m});
  }
  void backward(Ops& ops, const Feature& x, const Tensor& w, const OutputGradient& dy, Tensor& dw, const InputGradient& dx) const {
    if (kind == Kind::pointwise) return ops.run(PointwiseBackward{x, w, dy, dw, dx});
    if (kind == Kind::dense3s2) return ops.run(DenseBackward{x, w, geometry(), dy, dw, dx});
    ops.run(DepthwiseBackward{x, w, geometry(), dy, dw, dx});
  }
};

/// x -> convolution -> batch norm: what every graph below begins with. Its y is a feature with gradients of x, w, gamma, beta.
class Producer : public Graph {
 protected:
  Producer(Convolution convolution, Statistics statistics, Activation act) : writer_(convolution), statistics_(statistics) {
    const Shape in = {3, 4, 5, 3};
    x.raw = value("x", in);
    w_ = value("w", writer_.weight(3, 4));
    y.raw = empty(writer_.output(in, 4));
    y.act = act;
    if (statistics_ == Statistics::none) return;
    const Shape channels = {y.raw.c()};
    gamma_ = value("gamma", channels, 0.5, 2), beta_ = value("beta", channels);
    running_mean_ = random(channels), running_var_ = random(channels, 0.5, 2);
    moments_ = {empty(channels), empty(channels)};
    y.norm = {empty(channels), empty(channels), empty(channels), empty(channels)};
    dy.sum_du = empty(channels), dy.sum_du_xhat = empty(channels);
    dy.frozen = statistics_ == Statistics::frozen;
  }

  void produce() {
    const bool batch = statistics_ == Statistics::batch;
    writer_.forward(*ops, x, w_, y.raw, batch ? moments_ : Moments{});
    Tensor unwanted;
    if (batch) ops->run(BatchNormForward{moments_, y.raw.rows(), {gamma_, beta_, 1e-3f, 0.1f, unwanted, unwanted, y.norm}});
    if (statistics_ == Statistics::frozen) ops->run(BatchNormFrozen{running_mean_, running_var_, gamma_, beta_, 1e-3f, y.norm});
  }

  /// After `dy` is complete; `add` is the gradient of x by another path.
  void produce_backward(const Tensor& add = {}) {
    dy.of = y;
    Tensor dw = empty(w_.shape());
    InputGradient dx{.stored = empty(x.raw.shape()), .add = add};
    writer_.backward(*ops, x, w_, dy, dw, dx);
    gradients["x"] = dx.stored;
    gradients["w"] = dw;
    if (!y.norm.defined()) return;
    gradients["gamma"] = dy.sum_du_xhat;
    gradients["beta"] = dy.sum_du;
  }

  Feature x, y;
  OutputGradient dy;

 private:
  Convolution writer_;
  Statistics statistics_;
  Tensor w_, gamma_, beta_, running_mean_, running_var_;
  Moments moments_;
};

/// y is read by another convolution, and if `skip` by a sum too:  loss = <c, conv(z(y))> + <e, z(y)>
class Chain : public Producer {
 public:
  Chain(Convolution writer, Convolution reader, Statistics statistics, Activation act, bool skip)
      : Producer(writer, statistics, act), reader_(reader) {
    w_ = value("reader's w", reader_.weight(y.raw.c(), 2));
    out_.raw = empty(reader_.output(y.raw.shape(), 2));
    c_ = random(out_.raw.shape());
    if (skip) e_ = random(y.raw.shape());
  }
  double loss() override {
    produce();
    reader_.forward(*ops, y, w_, out_.raw);
    return dot(c_, out_.raw) + (e_ ? dot(e_, z_of_y()) : 0);
  }
  void backward() override {
    Tensor dw = empty(w_.shape());
    InputGradient dx{.stored = empty(y.raw.shape()), .add = e_, .sum_du = dy.sum_du, .sum_du_xhat = dy.sum_du_xhat};
    reader_.backward(*ops, y, w_, {.of = out_, .stored = c_}, dw, dx);
    gradients["reader's w"] = dw;
    dy.stored = dx.stored;
    produce_backward();
  }

 protected:
  Tensor z_of_y() {
    Tensor z = empty(y.raw.shape()), zero = empty(y.raw.shape());
    ops->run(Fill{zero, 0});
    ops->run(ResidualForward{y, {.raw = zero}, {}, z});
    return z;
  }
  Convolution reader_;
  Feature out_;
  Tensor w_, c_, e_;
};

/// As Chain, with squeeze-excite's gate on y.
class GatedChain : public Chain {
 public:
  GatedChain(Convolution writer, Convolution reader, Statistics statistics, Activation act, bool skip, Activation inner = Activation::swish,
             GateFunction function = GateFunction::sigmoid)
      : Chain(writer, reader, statistics, act, skip), inner_(inner), function_(function) {
    const int64_t channels = y.raw.c(), reduced = 2;
    w1_ = value("w1", {channels, reduced}), b1_ = value("b1", {reduced});
    w2_ = value("w2", {reduced, channels}), b2_ = value("b2", {channels});
    const Shape per_sample = {y.raw.n(), channels};
    mean_ = empty(per_sample), slope_ = empty(per_sample), hidden_ = empty({y.raw.n(), reduced});
    if (y.norm.defined()) slope_xhat_ = empty(per_sample);
  }
  double loss() override {
    y.gate = {};
    produce();
    ops->run(PoolForward{y, mean_, slope_, slope_xhat_});
    Tensor gate = empty(mean_.shape());
    ops->run(SqueezeExciteForward{mean_, w1_, b1_, w2_, b2_, hidden_, gate, inner_, function_});
    y.gate = gate;
    reader_.forward(*ops, y, w_, out_.raw);
    return dot(c_, out_.raw) + (e_ ? dot(e_, z_of_y()) : 0);
  }
  void backward() override {
    const Shape per_sample = mean_.shape();
    Tensor dw = empty(w_.shape());
    InputGradient dz{.stored = empty(y.raw.shape()), .add = e_, .sum_dz_a = empty(per_sample), .sum_dz_slope = empty(per_sample)};
    if (y.norm.defined()) dz.sum_dz_slope_xhat = empty(per_sample);
    reader_.backward(*ops, y, w_, {.of = out_, .stored = c_}, dw, dz);
    Tensor dw1 = empty(w1_.shape()), db1 = empty(b1_.shape()), dw2 = empty(w2_.shape()), db2 = empty(b2_.shape());
    dy.pooled = empty(per_sample);
    dy.through_act = true;
    ops->run(SqueezeExciteBackward{mean_, w1_, w2_, hidden_, y.gate, dz.sum_dz_a, y.raw.h() * y.raw.w(), dw1, db1, dw2, db2, dy.pooled,
                                   inner_, function_});
    if (y.norm.defined())
      ops->run(
          BatchNormSumsGated{y.gate, dz.sum_dz_slope, dz.sum_dz_slope_xhat, dy.pooled, slope_, slope_xhat_, dy.sum_du, dy.sum_du_xhat});
    gradients["reader's w"] = dw;
    gradients["w1"] = dw1, gradients["b1"] = db1, gradients["w2"] = dw2, gradients["b2"] = db2;
    dy.stored = dz.stored;
    produce_backward();
  }

 private:
  Activation inner_;
  GateFunction function_;
  Tensor w1_, b1_, w2_, b2_, mean_, slope_, slope_xhat_, hidden_;
};

/// The end of a block with a skip:  loss = <c, x + sample_scale*z(y)>,  x the block's input
class Skip : public Producer {
 public:
  Skip(Convolution writer, Statistics statistics, bool drop_path, Activation act = Activation::identity)
      : Producer(writer, statistics, act), c_(random(x.raw.shape())) {
    if (!drop_path) return;
    scale_ = empty({x.raw.n()});
    ops->begin_step({.seed = 4, .step = 0});
    ops->run(DropPathScale{1, 0.5f, scale_});
    for (int64_t n = 0; n < scale_.size(); ++n) dropped_ += scale_.data<double>()[n] == 0.0;
  }
  int dropped() const { return dropped_; }
  double loss() override {
    produce();
    Tensor sum = empty(x.raw.shape());
    ops->run(ResidualForward{x, y, scale_, sum});
    return dot(c_, sum);
  }
  void backward() override {
    ops->run(BatchNormSums{y, c_, scale_, dy.sum_du, dy.sum_du_xhat});
    dy.stored = c_;
    dy.sample_scale = scale_;
    dy.through_act = y.act != Activation::identity;
    produce_backward(c_);
  }

 private:
  Tensor c_, scale_;
  int dropped_ = 0;
};

/// Global pooling, dropout, classifier, cross-entropy with soft targets that do not sum to one.
class Head : public Producer {
 public:
  Head(Convolution writer, Statistics statistics, Activation act) : Producer(writer, statistics, act) {
    const int64_t samples = y.raw.n(), channels = y.raw.c(), classes = 5;
    w_ = value("classifier's w", {channels, classes}), b_ = value("classifier's b", {classes});
    targets_ = random({samples, classes}, 0, 0.5);
    mean_ = empty({samples, channels}), slope_ = empty({samples, channels}), kept_ = empty({samples, channels});
    if (y.norm.defined()) slope_xhat_ = empty({samples, channels});
    logits_ = empty({samples, classes}), dlogits_ = empty({samples, classes}), loss_ = empty({1});
    ops->begin_step({.seed = 1, .step = 2});
  }
  double loss() override {
    produce();
    ops->run(PoolForward{y, mean_, slope_, slope_xhat_});
    ops->run(Dropout{mean_, 3, 0.3f, kept_});
    ops->run(LinearForward{kept_, w_, b_, logits_});
    ops->run(CrossEntropy{logits_, targets_, 0.1f, loss_, dlogits_});
    return loss_.data<double>()[0];
  }
  void backward() override {
    Tensor dw = empty(w_.shape()), db = empty(b_.shape()), dkept = empty(kept_.shape());
    // The operation takes 1/pixels as a float: an error of 2^-25 at most, below the tolerance.
    ops->run(LinearBackward{kept_, w_, dlogits_, 1.0f / static_cast<float>(y.raw.h() * y.raw.w()), dw, db, dkept});
    dy.pooled = empty(kept_.shape());
    dy.through_act = true;
    ops->run(Dropout{dkept, 3, 0.3f, dy.pooled});
    if (y.norm.defined()) ops->run(BatchNormSumsGated{{}, {}, {}, dy.pooled, slope_, slope_xhat_, dy.sum_du, dy.sum_du_xhat});
    gradients["classifier's w"] = dw, gradients["classifier's b"] = db;
    produce_backward();
  }

 private:
  Tensor w_, b_, targets_, mean_, slope_, slope_xhat_, kept_, logits_, dlogits_, loss_;
};

/// Two linear layers, the first activated by its reader: dropout, or the second.
class TwoLinear : public Graph {
 public:
  TwoLinear(Activation act, float drop) : act_(act), drop_(drop) {
    constexpr int64_t kSamples = 3, kIn = 4, kHidden = 7, kClasses = 5;
    x_ = value("x", {kSamples, kIn}, -3, 3);
    w1_ = value("w1", {kIn, kHidden}), b1_ = value("b1", {kHidden}, -3, 3);
    w2_ = value("w2", {kHidden, kClasses}), b2_ = value("b2", {kClasses});
    c_ = random({kSamples, kClasses});
    hidden_ = empty({kSamples, kHidden}), kept_ = empty({kSamples, kHidden}), y_ = empty({kSamples, kClasses});
    ops->begin_step({.seed = 1, .step = 2});
  }
  double loss() override {
    ops->run(LinearForward{x_, w1_, b1_, hidden_});
    if (drop_ > 0) ops->run(Dropout{hidden_, 3, drop_, kept_, act_});
    ops->run(drop_ > 0 ? LinearForward{kept_, w2_, b2_, y_} : LinearForward{hidden_, w2_, b2_, y_, act_});
    return dot(c_, y_);
  }
  void backward() override {
    for (const auto& [name, tensor] : values) gradients[name] = empty(tensor.shape());
    Tensor dhidden = empty(hidden_.shape()), dkept = empty(hidden_.shape());
    Tensor &dw1 = gradients["w1"], &db1 = gradients["b1"], &dw2 = gradients["w2"], &db2 = gradients["b2"];
    if (drop_ > 0) {
      ops->run(LinearBackward{kept_, w2_, c_, 1, dw2, db2, dkept});
      ops->run(Dropout{dkept, 3, drop_, dhidden, act_, hidden_});
    } else {
      ops->run(LinearBackward{hidden_, w2_, c_, 1, dw2, db2, dhidden, act_});
    }
    ops->run(LinearBackward{x_, w1_, dhidden, 1, dw1, db1, gradients["x"]});
  }

 private:
  Activation act_;
  float drop_;
  Tensor x_, w1_, b1_, w2_, b2_, c_, hidden_, kept_, y_;
};

constexpr Convolution kPointwise{Kind::pointwise}, kDepthwise3{Kind::depthwise3}, kDepthwise5{Kind::depthwise5s2}, kDense{Kind::dense3s2};
constexpr auto kBatch = Statistics::batch, kFrozen = Statistics::frozen, kNone = Statistics::none;
constexpr auto kIdentity = Activation::identity, kSwish = Activation::swish, kRelu6 = Activation::relu6;
constexpr auto kRelu = Activation::relu, kHardSwish = Activation::hard_swish;

TEST(RefGradient, ConvolutionReadByConvolution) {
  for (const Statistics statistics : {kBatch, kFrozen, kNone})
    for (const Activation act : {kIdentity, kSwish, kRelu6, kRelu, kHardSwish})
      for (const Convolution writer : {kPointwise, kDepthwise3, kDepthwise5, kDense})
        for (const Convolution reader : {kPointwise, kDepthwise3, kDepthwise5, kDense}) {
          SCOPED_TRACE(fmt::format("statistics {}, activation {}, writer {}, reader {}", static_cast<int>(statistics),
                                   static_cast<int>(act), static_cast<int>(writer.kind), static_cast<int>(reader.kind)));
          Chain(writer, reader, statistics, act, false).check();
        }
}

TEST(RefGradient, SkipAddedToTheDataGradient) {
  for (const Convolution reader : {kPointwise, kDepthwise3, kDepthwise5, kDense})
    for (const Statistics statistics : {kBatch, kNone}) Chain(kPointwise, reader, statistics, kSwish, true).check();
}

TEST(RefGradient, GateOfSqueezeExcite) {
  for (const Statistics statistics : {kBatch, kFrozen, kNone})
    for (const Activation act : {kIdentity, kSwish, kRelu6, kRelu, kHardSwish})
      for (const Convolution writer : {kPointwise, kDepthwise3, kDepthwise5, kDense})
        for (const Convolution reader : {kPointwise, kDepthwise3}) {
          SCOPED_TRACE(fmt::format("statistics {}, activation {}, writer {}, reader {}", static_cast<int>(statistics),
                                   static_cast<int>(act), static_cast<int>(writer.kind), static_cast<int>(reader.kind)));
          GatedChain(writer, reader, statistics, act, false).check();
        }
}

TEST(RefGradient, GatesOfOtherFunctions) {
  for (const Activation inner : {kSwish, kRelu})
    for (const GateFunction function : {GateFunction::sigmoid, GateFunction::hard_sigmoid})
      GatedChain(kDepthwise3, kPointwise, kBatch, kHardSwish, false, inner, function).check();
}

TEST(RefGradient, GateAndSkip) { GatedChain(kDepthwise3, kPointwise, kBatch, kSwish, true).check(); }

TEST(RefGradient, EndOfABlockWithSkip) {
  for (const Statistics statistics : {kBatch, kFrozen}) {
    Skip(kDepthwise3, statistics, false).check();
    Skip some(kDepthwise3, statistics, true);
    ASSERT_TRUE(some.dropped() > 0 && some.dropped() < 3) << some.dropped();
    some.check();
    for (const Activation act : {kSwish, kRelu, kHardSwish}) Skip(kDepthwise3, statistics, true, act).check();
  }
}

TEST(RefGradient, Head) {
  for (const Statistics statistics : {kBatch, kFrozen, kNone})
    for (const Activation act : {kSwish, kRelu6, kHardSwish}) Head(kDense, statistics, act).check();
}

TEST(RefGradient, LinearLayerThatReadsAnActivatedInput) {
  for (const Activation act : {kIdentity, kSwish, kRelu, kRelu6, kHardSwish})
    for (const float drop : {0.f, 0.3f}) TwoLinear(act, drop).check();
}

}  // namespace
}  // namespace mcnn
