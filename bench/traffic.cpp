// One formula for each operation: what each of its launches reads and writes, in the order of its .cu file in kernels/cuda/. The number of
// partial sums follows from the grid of the launch that writes them; the same launch reads and merges them.  Contract: traffic.h.
#include "bench/traffic.h"

#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "emulator/counters.h"
#include "kernels/cuda/epilogues.cuh"

namespace mcnn {
namespace {

using cuda::DepthSlices;

constexpr int64_t kFloat = sizeof(float);

/// Bytes that one launch reads and writes. Absent tensors count 0.
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
  /// Bytes that are not in tensors, such as scratch memory.
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
    const Feature& y = dy.of;
    reads(dy.stored, dy.sample_scale, y.norm.scale);
    const bool statistics = y.norm.defined() && !dy.frozen, through_act = dy.through_act && y.act != Activation::identity;
    if (statistics || through_act) reads(y.raw);
    if (dy.pooled) reads(y.gate, dy.pooled);
    if (through_act) reads(y.norm.shift);
    if (statistics) reads(dy.sum_du, dy.sum_du_xhat, y.norm.mean, y.norm.invstd);
    return *this;
  }
  /// Reads x's raw values to complete dz, and writes `stored`. Sums are counted separately, as parts.
  Launch& writes_input_gradient(const Feature& x, const InputGradient& dx) {
    return reads(x.raw, x.norm.scale, x.norm.shift, x.norm.mean, dx.add).writes(dx.stored);
  }
  Launch& writes_sums(const Feature& x, const InputGradient& dx) {
    return reads(x.norm.invstd).writes(dx.sum_du, dx.sum_du_xhat, dx.sum_dz_a, dx.sum_dz_slope, dx.sum_dz_slope_xhat);
  }
  /// `parts` parts of a result, of `bytes` each: written once and read once, and again if groups of them are merged first.
  Launch& merges(int64_t parts, int64_t bytes, const cuda::MergeTree& tree) {
    const int64_t all = (parts + tree.rewritten(static_cast<int>(parts))) * bytes;
    return reads_bytes(all).writes_bytes(all);
  }
  Launch& merges(int64_t parts, int64_t bytes) { return merges(parts, bytes, cuda::MergeTree(parts)); }
  /// Parts of the moments of y: a count for each tile of channels, and mean and m2 for each channel.
  Launch& merges_moments(int64_t parts, int64_t channels, int64_t tiles) { return merges(parts, kFloat * (tiles + 2 * channels)); }
  /// A launch that computes two products: an operand of both counts twice.
  Launch& beside(const Launch& other) { return reads_bytes(other.read_).writes_bytes(other.written_); }
  Launch& writes_moments(const Moments& m, const NormUpdate& norm) {
    return writes(m.mean, m.m2)
        .reads(norm.gamma, norm.beta)
        .writes(norm.norm.mean, norm.norm.invstd, norm.norm.scale, norm.norm.shift)
        .updates(norm.running_mean)
        .updates(norm.running_var);
  }
  /// Counts each operand once.
  Launch& visits(const OperationRef& operation) {
    for_each_operand(operation, [&](const OperandName&, const Tensor& x, Access access) {
      if (access != Access::write) reads(x);
      if (access != Access::read) writes(x);
    });
    return *this;
  }

  int64_t read() const { return read_; }
  int64_t written() const { return written_; }

 private:
  static void add(const Tensor& x, std::set<const void*>& seen, int64_t& bytes) {
    if (x.defined() && seen.insert(x.raw()).second) bytes += static_cast<int64_t>(x.bytes());
  }
  std::set<const void*> seen_reading_, seen_writing_;
  int64_t read_ = 0, written_ = 0;
};

/// Each operation's launches in order. An operation without a formula here is one launch that visits each operand once.
class Formulas {
 public:
  /// The launches of the operation that ran last.
  std::vector<Launch> of(const OperationRef& operation) const {
    std::optional<std::vector<Launch>> found;
    const auto is = [&]<class Operation>(const Operation* op) {
      if constexpr (requires { launches(*op); }) found = launches(*op);
    };
    // clang-format off
#define MCNN_FORMULA(Operation) \
    if (operation.name() == std::string_view(Operation::kName)) is(static_cast<const Operation*>(operation.operation));
    MCNN_OPERATIONS(MCNN_FORMULA)
#undef MCNN_FORMULA
    // clang-format on
    return found ? *found : std::vector{Launch().visits(operation)};
  }

  // z, w -> y, moments, norm.
  std::vector<Launch> launches(const PointwiseForward& op) const { return {product_forward(op.x, op.w, op.y, op.moments, op.norm)}; }
  std::vector<Launch> launches(const DenseForward& op) const { return {product_forward(op.x, op.w, op.y, op.moments, op.norm)}; }
  std::vector<Launch> launches(const DepthwiseForward& op) const {
    const dim3 grid = launched(0);
    Launch launch = Launch().reads_feature(op.x).reads(op.w).writes(op.y);
    if (op.moments.requested()) launch.merges_moments(int64_t{grid.y} * grid.z, op.y.c(), grid.x).writes_moments(op.moments, op.norm);
    return {launch};
  }
  // z, dy -> dw; dy, w, raw, add -> stored, sums.
  std::vector<Launch> launches(const PointwiseBackward& op) const { return product_backward(op.x, op.w, op.dy, op.dw, op.dx); }
  std::vector<Launch> launches(const DenseBackward& op) const {
    std::vector<Launch> all = product_backward(op.x, op.w, op.dy, op.dw, op.dx);
    if (op.dx.requested()) all.insert(all.begin(), Launch().reads(op.w).writes_bytes(static_cast<int64_t>(op.w.bytes())));  // input first
    return all;
  }
  // z, dy, w, add -> stored, dw, sums.
  std::vector<Launch> launches(const DepthwiseBackward& op) const {
    if (!op.dw && !op.dx.requested()) return {};
    const dim3 grid = launched(0);
    const int64_t of_sample = grid.y, parts = of_sample * grid.z;
    Launch both;
    both.reads_feature(op.x).reads_gradient(op.dy).reads(op.w);
    if (op.dw) both.merges(parts, kFloat * op.w.size()).writes(op.dw);
    if (op.dx.requested()) both.writes_input_gradient(op.x, op.dx);
    if (op.dx.requested() && cuda::requests_sums(op.dx)) {
      const int64_t bytes = kFloat * op.x.raw.c();
      (op.x.gate ? both.merges(of_sample, 3 * bytes * grid.z) : both.merges(parts, 2 * bytes)).writes_sums(op.x, op.dx);
    }
    return {both};
  }

  // raw, stored -> sums.
  std::vector<Launch> launches(const BatchNormSums& op) const {
    Launch launch = Launch()
                        .reads(op.x.raw, op.stored, op.x.norm.mean, op.sample_scale)
                        .merges(launched(0).x, 2 * kFloat * op.x.raw.c())
                        .reads(op.x.norm.invstd)
                        .writes(op.sum_du, op.sum_du_xhat);
    if (op.x.act != Activation::identity) launch.reads(op.x.norm.scale, op.x.norm.shift);
    return {launch};
  }
  // raw -> the sums; high maps are summed in parts.
  std::vector<Launch> launches(const PoolForward& op) const {
    const Feature& x = op.x;
    Launch launch = Launch().reads(x.raw, x.norm.scale, x.norm.shift, x.norm.mean, x.norm.invstd).writes(op.mean, op.slope, op.slope_xhat);
    const int64_t parts = launched(0).x / x.raw.n();
    if (parts > 1) launch.merges(parts, kFloat * (op.slope || op.slope_xhat ? 3 : 1) * op.mean.size());
    return {launch};
  }
  std::vector<Launch> launches(const ResidualForward& op) const {
    return {Launch().reads_feature(op.x).reads_feature(op.branch).reads(op.sample_scale).writes(op.y)};
  }
  // s, w1 -> parts of hidden; parts, w2 -> hidden, gate.
  std::vector<Launch> launches(const SqueezeExciteForward& op) const {
    const int64_t parts = kFloat * launched(0).y * op.hidden.size();
    return {Launch().reads(op.s, op.w1).writes_bytes(parts),
            Launch().reads_bytes(parts).reads(op.b1, op.w2, op.b2).writes(op.hidden, op.gate)};
  }
  // gate, dg, w2 -> parts of dh; these operands, s, w1 -> the gradients.
  std::vector<Launch> launches(const SqueezeExciteBackward& op) const {
    const int64_t parts = kFloat * launched(0).y * op.hidden.size();
    return {
        Launch().reads(op.gate, op.sum_dz_a, op.w2).writes_bytes(parts),
        Launch().reads_bytes(parts).reads(op.hidden, op.gate, op.sum_dz_a, op.s, op.w1).writes(op.dw1, op.db1, op.dw2, op.db2, op.pooled)};
  }
  // x, w -> parts of y; parts, b -> y.
  std::vector<Launch> launches(const LinearForward& op) const {
    const int64_t parts = kFloat * launched(0).y * op.y.size();
    return {Launch().reads(op.x, op.w).writes_bytes(parts), Launch().reads_bytes(parts).reads(op.b).writes(op.y)};
  }
  std::vector<Launch> launches(const LinearBackward& op) const {
    if (!op.dw && !op.db && !op.dx) return {};
    Launch both;
    both.reads(op.dy).writes(op.dw, op.db, op.dx);
    if (op.dw || op.db || op.act != Activation::identity) both.reads(op.x);
    if (op.dx) both.reads(op.w);
    return {both};
  }
  // logits, targets -> each sample's loss, dlogits; losses -> loss.
  std::vector<Launch> launches(const CrossEntropy& op) const {
    const int64_t losses = kFloat * op.logits.dim(0);
    return {Launch().reads(op.logits, op.targets).writes(op.dlogits).writes_bytes(losses), Launch().reads_bytes(losses).writes(op.loss)};
  }
  // gradients -> a sum for each block; sums -> norm, clip.
  std::vector<Launch> launches(const GradientNorm& op) const {
    const int64_t sums = static_cast<int64_t>(sizeof(double)) * launched(0).x;
    return {Launch().reads(op.gradients).writes_bytes(sums), Launch().reads_bytes(sums).writes(op.norm, op.clip)};
  }

 private:
  static dim3 launched(std::size_t i) {
    if (i >= simt::noted_launches().size()) fail("there is no launch {}: launches are noted only while kernels do not run", i);
    return simt::noted_launches()[i];
  }
  static Launch product_forward(const Feature& x, const Tensor& w, const Tensor& y, const Moments& moments, const NormUpdate& norm) {
    Launch launch = Launch().reads_feature(x).reads(w).writes(y);
    if (moments.requested())
      launch.merges_moments(cuda::product_row_tiles(y.rows()), y.c(), cuda::product_column_tiles(y.c())).writes_moments(moments, norm);
    return launch;
  }
  static std::vector<Launch> product_backward(const Feature& x, const Tensor& w, const OutputGradient& dy, const Tensor& dw,
                                              const InputGradient& dx) {
    Launch of_dw, of_dx;
    if (dw) {
      const int64_t out = dy.of.raw.c();
      const DepthSlices slices(w.size() / out, out, static_cast<int>(dy.of.raw.rows()));
      of_dw.reads_feature(x).reads_gradient(dy).writes(dw);
      if (slices.count > 1) of_dw.merges(slices.count, kFloat * w.size());
    }
    if (dx.requested()) {
      of_dx.reads_gradient(dy).writes_input_gradient(x, dx).reads(w);
      if (cuda::requests_sums(dx)) merges_product_sums(of_dx, x, dx).writes_sums(x, dx);
    }
    if (!dw && !dx.requested()) return {};
    return {of_dw.beside(of_dx)};
  }
  /// The parts of a group are the tiles of rows that overlap it.
  static Launch& merges_product_sums(Launch& launch, const Feature& x, const InputGradient& dx) {
    const cuda::InputSumCut cut = cuda::cut_product_sums(x, dx);
    const int64_t rows = x.raw.rows() / cut.groups;
    for (int64_t group = 0; group < cut.groups; ++group)
      launch.merges(cuda::product_row_tiles((group + 1) * rows) - group * rows / cuda::kProductRows, kFloat * cut.rows * cut.channels,
                    cuda::MergeTree(cut.most_parts));
    return launch;
  }
};

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
    simt::noted_launches().clear();
    inner_.begin_step(state);
    count("begin_step", {Launch()});
  }
  void run(const OperationRef& operation) override {
    simt::noted_launches().clear();
    inner_.run(operation);
    count(operation.name(), Formulas().of(operation));
  }

 private:
  void count(const char* operation, const std::vector<Launch>& formula) {
    const std::size_t launches = simt::noted_launches().size();
    if (formula.size() != launches) fail("{}: {} launches, the formula for its bytes has {}", operation, launches, formula.size());
    Traffic& traffic = by_operation_[operation];
    traffic.launches += static_cast<int64_t>(launches);
    for (const Launch& launch : formula) {
      traffic.read += launch.read();
      traffic.written += launch.written();
    }
  }
  Ops& inner_;
  std::map<std::string, Traffic>& by_operation_;
};

}  // namespace

std::unique_ptr<Ops> counting_traffic(Ops& inner, std::map<std::string, Traffic>& by_operation) {
  return std::make_unique<TrafficOps>(inner, by_operation);
}

}  // namespace mcnn
