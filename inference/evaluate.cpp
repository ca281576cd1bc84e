#include "inference/evaluate.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "data/progress.h"
#include "runtime/error.h"

namespace mcnn {

std::vector<int> argmax_rows(const std::vector<float>& values, int columns) {
  std::vector<int> best;
  for (auto row = values.begin(); row != values.end(); row += columns)
    best.push_back(static_cast<int>(std::max_element(row, row + columns) - row));
  return best;
}

std::vector<double> softmax(const float* logits, std::size_t classes) {
  const float top = *std::max_element(logits, logits + classes);
  std::vector<double> p(classes);
  for (std::size_t k = 0; k < classes; ++k) p[k] = std::exp(static_cast<double>(logits[k] - top));
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& value : p) value /= sum;
  return p;
}

void for_each_prediction(Engine& engine, Loader& loader, const std::string& title,
                         const std::function<void(const Batch&, const std::vector<float>&)>& seen) {
  loader.start_epoch(0);
  Progress progress(title, loader.batches());
  for (Batch batch; loader.next(batch);) {
    const std::vector<float> logits = engine.logits(batch);
    if (!std::all_of(logits.begin(), logits.end(), [](float v) { return std::isfinite(v); }))
      fail("the network answers {} with numbers that are not finite; its weights or running statistics are broken",
           loader.dataset().photos[static_cast<std::size_t>(batch.photos[0])].path);
    seen(batch, logits);
    progress.step(batch.n, "");
  }
}

Confusion evaluate(Engine& engine, Loader& loader, const std::string& title) {
  const int classes = engine.model().spec().classes;
  Confusion confusion(classes);
  for_each_prediction(engine, loader, title, [&](const Batch& batch, const std::vector<float>& logits) {
    const std::vector<int> predicted = argmax_rows(logits, classes);
    for (std::size_t i = 0; i < predicted.size(); ++i) confusion.add(batch.labels[i], predicted[i]);
  });
  return confusion;
}

}  // namespace mcnn
