// With more features than rows the weights are sums of rows, W = X'A, so all that is needed is K = XX': training costs n^2
// per class and iteration, whatever the width. The step needs no size: the loss' second derivative is at most
// X'X/(2n) + l2, so  A -= (K/(2n) + l2)^-1 (( P - Y)/n + l2 A)  never goes up.
// Source: Boehning 1992, "Multinomial logistic regression algorithm"; sped up as Nesterov 1983, restarted when it overshoots.
#include "softmax_regression.h"

#include <algorithm>
#include <cmath>

#include "inference/metrics.h"

namespace mcnn {
namespace {

using Matrix = std::vector<float>;  // (rows, columns)

/// (rows of a) x (rows of b): all inner products. b comes with its columns as rows, so that the innermost loop runs over
/// consecutive numbers; features are taken in groups that stay in the cache.
Matrix inner_products(const Matrix& a, const Matrix& b_columns, int64_t rows_a, int64_t rows_b, int64_t width) {
  constexpr int64_t kGroup = 64;
  Matrix products(static_cast<std::size_t>(rows_a * rows_b));
  for (int64_t group = 0; group < width; group += kGroup)
    for (int64_t i = 0; i < rows_a; ++i) {
      float* out = &products[static_cast<std::size_t>(i * rows_b)];
      for (int64_t d = group; d < std::min(width, group + kGroup); ++d) {
        const float factor = a[static_cast<std::size_t>(i * width + d)];
        const float* column = &b_columns[static_cast<std::size_t>(d * rows_b)];
        for (int64_t j = 0; j < rows_b; ++j) out[j] += factor * column[j];
      }
    }
  return products;
}

Matrix transposed(const Matrix& m, int64_t rows, int64_t columns) {
  Matrix t(m.size());
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) t[static_cast<std::size_t>(j * rows + i)] = m[static_cast<std::size_t>(i * columns + j)];
  return t;
}

/// M = U'U of a symmetric positive M, row by row; the inner loop updates the rows below.
void factorise(Matrix& m, int64_t n) {
  for (int64_t k = 0; k < n; ++k) {
    float* pivot = &m[static_cast<std::size_t>(k * n)];
    const float scale = 1 / std::sqrt(pivot[k]);
    for (int64_t j = k; j < n; ++j) pivot[j] *= scale;
    for (int64_t i = k + 1; i < n; ++i) {
      float* row = &m[static_cast<std::size_t>(i * n)];
      const float factor = pivot[i];
      for (int64_t j = i; j < n; ++j) row[j] -= factor * pivot[j];
    }
  }
}

/// Solves U'U X = B in place; b is (n, classes).
void solve(const Matrix& u, Matrix& b, int64_t n, int64_t classes) {
  const auto row = [&](int64_t i) { return &b[static_cast<std::size_t>(i * classes)]; };
  const auto subtract = [&](int64_t to, int64_t from, float factor) {
    for (int64_t c = 0; c < classes; ++c) row(to)[c] -= factor * row(from)[c];
  };
  const auto divide = [&](int64_t i) {
    for (int64_t c = 0; c < classes; ++c) row(i)[c] /= u[static_cast<std::size_t>(i * n + i)];
  };
  for (int64_t i = 0; i < n; ++i) {
    divide(i);
    for (int64_t j = i + 1; j < n; ++j) subtract(j, i, u[static_cast<std::size_t>(i * n + j)]);
  }
  for (int64_t i = n - 1; i >= 0; --i) {
    for (int64_t j = i + 1; j < n; ++j) subtract(i, j, u[static_cast<std::size_t>(i * n + j)]);
    divide(i);
  }
}

/// k (rows, n) times a (n, classes).
Matrix logits_of(const Matrix& k, const Matrix& a, int64_t rows, int64_t n, int64_t classes) {
  Matrix logits(static_cast<std::size_t>(rows * classes));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < n; ++j)
      for (int64_t c = 0; c < classes; ++c)
        logits[static_cast<std::size_t>(i * classes + c)] +=
            k[static_cast<std::size_t>(i * n + j)] * a[static_cast<std::size_t>(j * classes + c)];
  return logits;
}

double macro_f1(const Matrix& logits, const std::vector<int>& labels, int classes) {
  Confusion confusion(classes);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto row = logits.begin() + static_cast<std::ptrdiff_t>(i) * classes;
    confusion.add(labels[i], static_cast<int>(std::max_element(row, row + classes) - row));
  }
  return confusion.macro_f1();
}

/// The training rows' mean and deviation taken from both; one more feature, constant, stands for the bias.
Matrix standardised(const LabelledRows& rows, const LabelledRows& by) {
  const int64_t width = rows.width;
  Matrix out(static_cast<std::size_t>(rows.count() * (width + 1)), 1.0f);
  for (int64_t d = 0; d < width; ++d) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < by.count(); ++i) sum += by.values[static_cast<std::size_t>(i * width + d)];
    const double mean = sum / static_cast<double>(by.count());
    for (int64_t i = 0; i < by.count(); ++i) {
      const double from_mean = by.values[static_cast<std::size_t>(i * width + d)] - mean;
      squares += from_mean * from_mean;
    }
    const double deviation = std::sqrt(squares / static_cast<double>(by.count())) + 1e-6;
    for (int64_t i = 0; i < rows.count(); ++i)
      out[static_cast<std::size_t>(i * (width + 1) + d)] =
          static_cast<float>((rows.values[static_cast<std::size_t>(i * width + d)] - mean) / deviation);
  }
  return out;
}

struct Fit {
  Matrix weights;  // A
  int iterations = 0;
};

Fit fit(const Matrix& k, const std::vector<int>& labels, int classes, double l2) {
  constexpr int kMostIterations = 300;
  constexpr double kSmallStep = 1e-3;  // of the weights' length: predictions no longer change
  const auto n = static_cast<int64_t>(labels.size());
  Matrix bound = k;
  for (float& value : bound) value *= 0.5f / static_cast<float>(n);
  for (int64_t i = 0; i < n; ++i) bound[static_cast<std::size_t>(i * n + i)] += static_cast<float>(l2);
  factorise(bound, n);

  Matrix a(static_cast<std::size_t>(n * classes)), ahead = a;
  double momentum = 1, last_step = INFINITY;
  for (int iteration = 1;; ++iteration) {
    Matrix gradient = logits_of(k, ahead, n, n, classes);
    for (int64_t i = 0; i < n; ++i) {
      float* row = &gradient[static_cast<std::size_t>(i * classes)];
      const float largest = *std::max_element(row, row + classes);
      float sum = 0;
      for (int c = 0; c < classes; ++c) sum += row[c] = std::exp(row[c] - largest);
      for (int c = 0; c < classes; ++c) {
        const float target = labels[static_cast<std::size_t>(i)] == c ? 1.0f : 0.0f;
        row[c] =
            (row[c] / sum - target) / static_cast<float>(n) + static_cast<float>(l2) * ahead[static_cast<std::size_t>(i * classes + c)];
      }
    }
    solve(bound, gradient, n, classes);
    double step = 0, length = 0;
    const double next_momentum = (1 + std::sqrt(1 + 4 * momentum * momentum)) / 2, push = (momentum - 1) / next_momentum;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const float moved = ahead[i] - gradient[i], change = moved - a[i];
      a[i] = moved;
      ahead[i] = moved + static_cast<float>(push) * change;
      step += static_cast<double>(change) * change;
      length += static_cast<double>(moved) * moved;
    }
    momentum = step > last_step ? 1 : next_momentum;
    last_step = step;
    if (step <= kSmallStep * kSmallStep * length || iteration == kMostIterations) return {a, iteration};
  }
}

}  // namespace

std::vector<SoftmaxScores> softmax_regression(const LabelledRows& training, const LabelledRows& test, int classes,
                                              const std::vector<double>& l2) {
  const int64_t n = training.count(), width = training.width + 1;
  const Matrix x = standardised(training, training), columns = transposed(x, n, width);
  const Matrix k = inner_products(x, columns, n, n, width);
  const Matrix k_test = inner_products(standardised(test, training), columns, test.count(), n, width);
  std::vector<SoftmaxScores> scores;
  for (const double strength : l2) {
    const Fit model = fit(k, training.labels, classes, strength);
    scores.push_back({macro_f1(logits_of(k, model.weights, n, n, classes), training.labels, classes),
                      macro_f1(logits_of(k_test, model.weights, test.count(), n, classes), test.labels, classes), model.iterations});
  }
  return scores;
}

}  // namespace mcnn
