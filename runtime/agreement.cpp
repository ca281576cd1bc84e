#include "runtime/agreement.h"

#include <algorithm>
#include <cmath>

#include "runtime/error.h"

namespace mcnn {

Agreement agreement(const std::vector<double>& found, const std::vector<double>& reference) {
  if (found.size() != reference.size()) fail<ShapeError>("agreement: {} values against {}", found.size(), reference.size());
  double squares = 0, reference_squares = 0, largest = 0, largest_reference = 0;
  std::size_t where = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double error = std::abs(found[i] - reference[i]);
    squares += error * error;
    reference_squares += reference[i] * reference[i];
    if (!(error <= largest)) {  // a NaN stays
      largest = error;
      where = i;
    }
    largest_reference = std::max(largest_reference, std::abs(reference[i]));
  }
  const bool zero = largest_reference == 0;
  return {std::sqrt(squares) / (zero ? 1 : std::sqrt(reference_squares)), largest / (zero ? 1 : largest_reference), where};
}

}  // namespace mcnn
