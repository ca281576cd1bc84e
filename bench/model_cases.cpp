// From the layer table to cases, in the order of the network.
#include "bench/model_cases.h"

#include <map>

#include "models/layer_table.h"
#include "tests/cases/cases.h"

namespace mcnn::bench {
namespace {

using namespace cases;

/// Cases in the order of their first layer; a repeated one is counted.
class Collection {
 public:
  /// shape: what tells this case from another of the same operation
  void add(Case row, const std::string& layer, const std::string& shape) {
    const auto [entry, fresh] = index_.emplace(row.operation + shape, cases_.size());
    if (fresh) {
      row.name = layer + " " + shape;
      cases_.push_back(std::move(row));
      counts_.push_back(0);
    }
    ++counts_[entry->second];
  }
  std::vector<Case> finished() {
    for (std::size_t i = 0; i < cases_.size(); ++i) cases_[i].name += fmt::format(" x{}", counts_[i]);
    return std::move(cases_);
  }

 private:
  std::vector<Case> cases_;
  std::vector<int> counts_;
  std::map<std::string, std::size_t> index_;
};

class Walk {
 public:
  explicit Walk(const EfficientNetSpec& spec) : spec_(spec) {}

  void stem(const LayerRow& row) {
    const Dense d{.n = row.in[0],
                  .h = row.in[1],
                  .w = row.in[2],
                  .in = row.in[3],
                  .out = row.out[3],
                  .kernel = row.kernel,
                  .stride = row.stride,
                  .padding = cases::Padding::same};
    all_.add(dense_forward(d), row.name, shape(row));
    all_.add(dense_backward(d), row.name, shape(row));
  }

  void pointwise(const LayerRow& row, const Reading& x, Form dy, bool add) {
    const Pointwise p{.n = row.in[0],
                      .h = row.in[1],
                      .w = row.in[2],
                      .in = row.in[3],
                      .out = row.out[3],
                      .x = x,
                      .dy = dy,
                      .dy_act = activation(),
                      .add = add};
    all_.add(pointwise_forward(p), row.name, shape(row));
    all_.add(pointwise_backward(p), row.name, shape(row) + (add ? " add" : "") + (dy == Form::drop_path ? " drop-path" : ""));
  }

  void depthwise(const LayerRow& row, const Reading& x, Form dy, bool add) {
    const Depthwise d{.n = row.in[0],
                      .h = row.in[1],
                      .w = row.in[2],
                      .c = row.in[3],
                      .kernel = row.kernel,
                      .stride = row.stride,
                      .padding = cases::Padding::same,
                      .x = x,
                      .dy = dy,
                      .add = add};
    all_.add(depthwise_forward(d), row.name, shape(row));
    all_.add(depthwise_backward(d), row.name, shape(row) + (add ? " add" : ""));
  }

  void squeeze_excite(const LayerRow& row, const Shape& pooled) {
    pool(row.name, pooled);
    const SqueezeExcite se{.n = row.in[0], .c = row.in[1], .reduced = row.squeezed};
    const std::string shape = fmt::format("{}x{}->{}", se.n, se.c, se.reduced);
    all_.add(squeeze_excite_forward(se), row.name, shape);
    all_.add(squeeze_excite_backward(se), row.name, shape);
  }

  void pool(const std::string& layer, const Shape& s) {
    all_.add(pool_forward({.n = s[0], .h = s[1], .w = s[2], .c = s[3], .x = activated()}), layer, text(s));
  }

  void skip(const std::string& block, const Shape& s) {
    all_.add(residual_forward({.n = s[0], .h = s[1], .w = s[2], .c = s[3]}), block, text(s));
    all_.add(batch_norm_sums({.n = s[0], .h = s[1], .w = s[2], .c = s[3]}), block, text(s));
  }

  Activation activation() const { return spec_.lite ? Activation::relu6 : Activation::swish; }
  Reading activated() const { return {.act = activation()}; }
  Reading gated() const { return {.act = activation(), .gate = !spec_.lite}; }

  std::vector<Case> finished() { return all_.finished(); }

 private:
  static std::string text(const Shape& s) { return fmt::format("{}x{}x{}x{}", s[0], s[1], s[2], s[3]); }
  static std::string shape(const LayerRow& row) {
    std::string t = text(row.in) + fmt::format("->{}", row.out[3]);
    if (row.kernel > 1) t += fmt::format(" k{}s{}", row.kernel, row.stride);
    return t;
  }

  const EfficientNetSpec& spec_;
  Collection all_;
};

}  // namespace

std::vector<Case> model_cases(const EfficientNetSpec& spec, int64_t batch, int64_t resolution) {
  std::map<std::string, LayerRow> rows;
  for (const LayerRow& row : layer_table(spec, batch, resolution, resolution)) rows.emplace(row.name, row);
  Walk walk(spec);
  walk.stem(rows.at("conv_stem"));
  Reading x = walk.activated();  // of the next block's input
  bool read_twice = false;       // the block's input is read by a skip too: its gradient is added to the first convolution's
  for (const BlockSpec& block : scale(spec).blocks) {
    const std::string name = block.name();
    read_twice = block.skip;
    const bool expands = block.expand != 1;
    if (expands) walk.pointwise(rows.at(name + ".conv_pw"), x, Form::from_u, read_twice);
    const LayerRow& depthwise = rows.at(name + ".conv_dw");
    walk.depthwise(depthwise, expands ? walk.activated() : x, block.squeezed ? Form::gated : Form::from_u, !expands && read_twice);
    if (block.squeezed) walk.squeeze_excite(rows.at(name + ".se"), depthwise.out);
    const LayerRow& project = rows.at(name + (expands ? ".conv_pwl" : ".conv_pw"));
    walk.pointwise(project, block.squeezed ? walk.gated() : walk.activated(), block.skip ? Form::drop_path : Form::from_u, false);
    if (block.skip) walk.skip(name, project.out);
    x = block.skip ? kImage : kLinear;
  }
  const LayerRow& head = rows.at("conv_head");
  walk.pointwise(head, x, Form::pooled, false);
  walk.pool("head", head.out);
  return walk.finished();
}

}  // namespace mcnn::bench
