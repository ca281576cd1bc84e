#include "tests/cases/compare.h"

#include <cmath>
#include <cstring>

#include "runtime/agreement.h"

namespace mcnn::cases {

std::string disagreement(const Output& found, const Output& reference) {
  if (found.name != reference.name || found.values.size() != reference.values.size())
    return fmt::format("{}[{}] compared with {}[{}]", found.name, found.values.size(), reference.name, reference.values.size());
  for (std::size_t i = 0; i < found.values.size(); ++i)
    if (!std::isfinite(found.values[i]) || !std::isfinite(reference.values[i]))
      return fmt::format("{}[{}] is {}, expected {}", found.name, i, found.values[i], reference.values[i]);
  const Agreement a = agreement(found.values, reference.values);
  if (a.within(reference.tolerance)) return {};
  return fmt::format("{}: error {:.2e} (allowed {:.0e}), largest {:.2e} (allowed {:.0e}) at element {} of {}: {:.9g}, expected {:.9g}",
                     found.name, a.norm_error, reference.tolerance, a.max_error, 10 * reference.tolerance, a.where, found.values.size(),
                     found.values[a.where], reference.values[a.where]);
}

bool same_bits(const Output& a, const Output& b) {
  return a.values.size() == b.values.size() && std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(double)) == 0;
}

double tolerance_of(DType storage) { return storage == DType::f32 ? kTolerance : storage == DType::bf16 ? 1e-2 : 2e-3; }

}  // namespace mcnn::cases
