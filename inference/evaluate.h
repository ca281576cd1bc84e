// Runs a network over a data set in evaluation mode.
#pragma once
#include <functional>

#include "data/loader.h"
#include "inference/engine.h"
#include "inference/metrics.h"

namespace mcnn {

/// The index of the largest value of each row; among equal values, the first.
std::vector<int> argmax_rows(const std::vector<float>& values, int columns);

/// Probabilities from one row of logits, exp(l_k)/sum_j exp(l_j).
std::vector<double> softmax(const float* logits, std::size_t classes);

/// Calls seen(batch, logits (N,K)) for every batch of `loader`, in order; advances a progress line titled `title`.
void for_each_prediction(Engine& engine, Loader& loader, const std::string& title,
                         const std::function<void(const Batch&, const std::vector<float>&)>& seen);

/// Confusion matrix over the loader's labelled photos.
Confusion evaluate(Engine& engine, Loader& loader, const std::string& title);

}  // namespace mcnn
