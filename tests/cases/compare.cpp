#include "tests/cases/compare.h"

#include <algorithm>
#include <cmath>

namespace mcnn::cases {

std::string disagreement(const Output& found, const Output& reference) {
  if (found.name != reference.name || found.values.size() != reference.values.size())
    return fmt::format("{}[{}] compared with {}[{}]", found.name, found.values.size(), reference.name, reference.values.size());
  double squares = 0, reference_squares = 0, largest = 0, largest_reference = 0;
  std::size_t where = 0;
  for (std::size_t i = 0; i < found.values.size(); ++i) {
    const double a = found.values[i], b = reference.values[i];
    if (!std::isfinite(a) || !std::isfinite(b)) return fmt::format("{}[{}] is {}, expected {}", found.name, i, a, b);
    const double error = std::abs(a - b);
    if (error > largest) {
      largest = error;
      where = i;
    }
    squares += error * error;
    reference_squares += b * b;
    largest_reference = std::max(largest_reference, std::abs(b));
  }
  const bool zero = largest_reference == 0;
  const double norm_error = std::sqrt(squares) / (zero ? 1.0 : std::sqrt(reference_squares));
  const double max_error = largest / (zero ? 1.0 : largest_reference);
  if (norm_error <= reference.tolerance && max_error <= 10 * reference.tolerance) return {};
  return fmt::format("{}: error {:.2e} (allowed {:.0e}), largest {:.2e} (allowed {:.0e}) at element {} of {}: {:.9g}, expected {:.9g}",
                     found.name, norm_error, reference.tolerance, max_error, 10 * reference.tolerance, where, found.values.size(),
                     found.values[where], reference.values[where]);
}

}  // namespace mcnn::cases
