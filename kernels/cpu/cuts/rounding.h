// Whole numbers of pieces.
#pragma once
#include <cstdint>

namespace mcnn::cpu {

/// For value >= 0 and divisor > 0.
constexpr int64_t ceil_div(int64_t value, int64_t divisor) { return (value + divisor - 1) / divisor; }
constexpr int64_t round_up(int64_t value, int64_t multiple) { return ceil_div(value, multiple) * multiple; }

}  // namespace mcnn::cpu
