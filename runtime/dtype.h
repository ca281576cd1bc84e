// Storage types. All backends compute in fp32, ref in fp64; narrower types are for storage and as operands of tensor cores.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

namespace mcnn {

enum class DType : uint8_t { f64, f32, bf16, f16, u8 };

constexpr std::size_t size_of(DType type) {
  switch (type) {
    case DType::f64: return 8;
    case DType::f32: return 4;
    case DType::bf16:
    case DType::f16: return 2;
    case DType::u8: return 1;
  }
  return 0;
}

constexpr const char* name_of(DType type) {
  switch (type) {
    case DType::f64: return "f64";
    case DType::f32: return "f32";
    case DType::bf16: return "bf16";
    case DType::f16: return "f16";
    case DType::u8: return "u8";
  }
  return "?";
}

/// The upper half of an fp32; conversion rounds to nearest even and keeps NaN a NaN.
struct bf16 {
  uint16_t bits = 0;
  bf16() = default;
  explicit bf16(float value) {
    const auto u = std::bit_cast<uint32_t>(value);
    const bool nan = (u & 0x7fffffffu) > 0x7f800000u;
    bits = static_cast<uint16_t>(nan ? (u >> 16) | 0x40u : (u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

/// IEEE 754 binary16: 5 bits of exponent, 10 of fraction; 65504 is the largest. Conversion rounds to nearest even, through
/// the subnormals (multiples of 2^-24) and to infinity, and keeps NaN a NaN.
struct f16 {
  uint16_t bits = 0;
  f16() = default;
  explicit f16(float value) {
    const auto u = std::bit_cast<uint32_t>(value);
    const uint32_t sign = u >> 16 & 0x8000u, magnitude = u & 0x7fffffffu;
    uint32_t half;
    if (magnitude > 0x7f800000u) {
      half = 0x7e00u | (magnitude >> 13 & 0x3ffu);  // NaN: quiet, the payload's upper bits
    } else if (magnitude >= 0x477ff000u) {
      half = 0x7c00u;                       // from 65520, halfway between 65504 and the next step, 65536
    } else if (magnitude >= 0x38800000u) {  // from 2^-14: normal
      half = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    } else {
      // Adding 0.5 leaves the multiple of 2^-24 in the fraction's low bits, rounded by the addition itself.
      half = std::bit_cast<uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
    }
    bits = static_cast<uint16_t>(sign | half);
  }
  explicit operator float() const {
    const uint32_t sign = (bits & 0x8000u) << 16, exponent = bits >> 10 & 0x1fu, fraction = bits & 0x3ffu;
    if (exponent == 0) return std::bit_cast<float>(sign | std::bit_cast<uint32_t>(static_cast<float>(fraction) * 0x1p-24f));
    return std::bit_cast<float>(sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | fraction << 13);
  }
};

template <class T>
inline constexpr DType dtype_of = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<bf16> = DType::bf16;
template <>
inline constexpr DType dtype_of<f16> = DType::f16;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::u8;

}  // namespace mcnn
