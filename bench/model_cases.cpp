// Makes the cases in one walk over the network's layers. The readers of a layer's output determine how it is read and how its gradient is
// formed.
// Next: tests/cases/cases.h builds the cases.
#include "bench/model_cases.h"

#include <algorithm>
#include <map>

#include "models/layer_table.h"
#include "tests/cases/cases.h"

namespace mcnn::bench {
namespace {

using namespace cases;

/// Collects cases in the order of their first layer and counts repeated ones.
class Collection {
 public:
  /// shape: distinguishes this case from others of the same operation
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

/// How readers of `layer` transform its output.
Reading reading_of(const Network& network, int layer) {
  if (layer == kImageInput) return kImage;
  const Layer& l = network.layers[layer];
  if (l.kind == LayerKind::residual) return kImage;
  if (l.kind != LayerKind::squeeze_excite) return {.act = l.act};
  Reading gated = reading_of(network, l.input);
  gated.gate = true;
  return gated;
}

/// How the gradient of a convolution's output is formed, given by the kind of its first reader.
Form form_of(const Network& network, const Layer& layer, const std::vector<int>& readers) {
  switch (network.layers[readers.front()].kind) {
    case LayerKind::squeeze_excite: return Form::gated;
    case LayerKind::residual: return layer.act == Activation::identity ? Form::drop_path : Form::branch;
    case LayerKind::global_pool: return Form::pooled;
    default: return Form::from_u;
  }
}

std::string text(const Shape& s) { return fmt::format("{}x{}x{}x{}", s[0], s[1], s[2], s[3]); }

void add_convolution(Collection& all, const LayerRow& row, const Reading& x, Form dy, Activation act, bool dx, bool add) {
  const Shape& in = row.in;
  std::string shape = text(in) + fmt::format("->{}", row.out[3]);
  if (row.kernel > 1) shape += fmt::format(" k{}s{}", row.kernel, row.stride);
  const std::string backward = shape + (add ? " add" : "") + (dy == Form::drop_path || dy == Form::branch ? " drop-path" : "");
  const auto both = [&](auto c, const auto& forward_case, const auto& backward_case) {
    c.dy = dy;
    c.dx = dx;
    c.add = add;
    all.add(forward_case(c), row.name, shape);
    all.add(backward_case(c), row.name, backward);
  };
  using enum cases::Padding;
  switch (row.kind) {
    case LayerKind::pointwise:
      both(Pointwise{.n = in[0], .h = in[1], .w = in[2], .in = in[3], .out = row.out[3], .x = x, .dy_act = act}, pointwise_forward,
           pointwise_backward);
      break;
    case LayerKind::depthwise:
      both(Depthwise{.n = in[0],
                     .h = in[1],
                     .w = in[2],
                     .c = in[3],
                     .kernel = row.kernel,
                     .stride = row.stride,
                     .padding = same,
                     .x = x,
                     .dy_act = act},
           depthwise_forward, depthwise_backward);
      break;
    default:
      both(Dense{.n = in[0],
                 .h = in[1],
                 .w = in[2],
                 .in = in[3],
                 .out = row.out[3],
                 .kernel = row.kernel,
                 .stride = row.stride,
                 .padding = same,
                 .x = x,
                 .dy_act = act},
           dense_forward, dense_backward);
  }
}

}  // namespace

std::vector<Case> model_cases(const Network& network, int64_t batch, int64_t resolution) {
  std::map<std::string, LayerRow> rows;
  for (const LayerRow& row : layer_table(network, batch, resolution, resolution)) rows.emplace(row.name, row);
  const std::vector<std::vector<int>> readers = readers_of(network);
  const auto read_by_a_skip = [&](int layer) {
    return layer != kImageInput &&
           std::any_of(readers[layer].begin(), readers[layer].end(), [&](int r) { return network.layers[r].skip == layer; });
  };
  Collection all;
  Shape map;  // the last convolution's output
  for (int i = 0; const Layer& layer : network.layers) {
    if (is_convolution(layer.kind)) {
      const LayerRow& row = rows.at(layer.name);
      add_convolution(all, row, reading_of(network, layer.input), form_of(network, layer, readers[i]), layer.act,
                      layer.input != kImageInput, read_by_a_skip(layer.input));
      map = row.out;
    } else if (layer.kind == LayerKind::squeeze_excite || layer.kind == LayerKind::global_pool) {
      all.add(pool_forward({.n = map[0], .h = map[1], .w = map[2], .c = map[3], .x = reading_of(network, layer.input)}), layer.name,
              text(map));
    }
    if (layer.kind == LayerKind::squeeze_excite) {
      const SqueezeExcite se{.n = map[0], .c = map[3], .reduced = layer.hidden, .act = layer.act, .function = layer.gate};
      const std::string shape = fmt::format("{}x{}->{}", se.n, se.c, se.reduced);
      all.add(squeeze_excite_forward(se), layer.name, shape);
      all.add(squeeze_excite_backward(se), layer.name, shape);
    } else if (layer.kind == LayerKind::residual) {
      const Reading x = reading_of(network, layer.skip), branch = reading_of(network, layer.input);
      all.add(residual_forward({.n = map[0], .h = map[1], .w = map[2], .c = map[3], .x = x, .branch = branch}), layer.name, text(map));
      all.add(batch_norm_sums({.n = map[0], .h = map[1], .w = map[2], .c = map[3], .act = branch.act}), layer.name, text(map));
    }
    ++i;
  }
  return all.finished();
}

}  // namespace mcnn::bench
