// Tensors of a case: the same values on every backend, guards around every buffer.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>

#include "tests/cases/case.h"

namespace mcnn::cases {
namespace {

// Keeps a tensor aligned as the arena would hand it out, and is wider than any vector written past an end.
constexpr std::size_t kGuard = 256;
// 0xFF everywhere is a NaN in each float type: fresh outputs and guards hold it, so that what is read of them shows.
constexpr std::byte kNanByte{0xFF};
// Large tensors repeat this many values; a prime, so that no two rows of a feature map are the same.
constexpr uint64_t kDistinct = 65521;

std::size_t put(double value, DType type, std::byte* at) {
  const auto write = [&](auto v) { std::memcpy(at, &v, sizeof v); };
  switch (type) {
    case DType::f64: write(value); break;
    case DType::f32: write(static_cast<float>(value)); break;
    case DType::bf16: write(bf16(static_cast<float>(value))); break;
    case DType::f16: write(f16(static_cast<float>(value))); break;
    case DType::u8: write(static_cast<uint8_t>(value)); break;
  }
  return size_of(type);
}

double get(DType type, const std::byte* at) {
  const auto read = [&](auto v) {
    std::memcpy(&v, at, sizeof v);
    return v;
  };
  switch (type) {
    case DType::f64: return read(double{});
    case DType::f32: return read(float{});
    case DType::bf16: return static_cast<float>(read(bf16{}));
    case DType::f16: return static_cast<float>(read(f16{}));
    case DType::u8: return read(uint8_t{});
  }
  return 0;
}

double rounded(double value, DType type) {
  std::byte bytes[sizeof(double)];
  put(value, type, bytes);
  return get(type, bytes);
}

}  // namespace

Values normal(double deviation, double mean) {
  return [=](const Philox& random, uint64_t i) {  // Box and Muller 1958
    const double radius = std::sqrt(-2.0 * std::log(1.0 - random.uniform(2 * i)));
    return mean + deviation * radius * std::cos(2.0 * std::numbers::pi * random.uniform(2 * i + 1));
  };
}
Values uniform(double low, double high) {
  return [=](const Philox& random, uint64_t i) { return low + (high - low) * random.uniform(i); };
}
Values integers(int low, int high) {
  return [=](const Philox& random, uint64_t i) { return low + std::floor((high - low + 1) * random.uniform(i)); };
}
Values cycle(std::vector<double> values) {
  return [values = std::move(values)](const Philox&, uint64_t i) { return values[i % values.size()]; };
}

Workspace::Workspace(Ops& ops, DType storage, DType rounding, uint64_t seed)
    : ops_(ops), arena_(ops.memory()), storage_(storage), rounding_(rounding), seed_(seed) {}

Tensor Workspace::add(const std::string& name, Role role, Shape shape, DType type, DType rounding, const Values& values, double tolerance) {
  const std::size_t payload = static_cast<std::size_t>(shape.size()) * size_of(type);
  std::vector<std::byte> initial(payload + 2 * kGuard, kNanByte);
  std::byte* at = initial.data() + kGuard;
  if (role == Role::output) {
    std::fill_n(at, payload, kNanByte);
  } else {
    // The stream is the tensor's number, so that it has the same values on every backend.
    const Philox random{seed_, static_cast<uint32_t>(buffers_.size()), 0};
    const uint64_t distinct = std::min(static_cast<uint64_t>(shape.size()), kDistinct);
    std::byte* end = at;
    for (uint64_t i = 0; i < distinct; ++i) end += put(rounded(values(random, i), rounding), type, end);
    for (; end < at + payload; ++end) *end = *(end - kDistinct * size_of(type));
  }
  Tensor guarded = arena_.tensor({static_cast<int64_t>(initial.size())}, DType::u8);
  ops_.copy_from_host(initial.data(), guarded);
  Tensor tensor(static_cast<std::byte*>(guarded.raw()) + kGuard, type, shape, std::make_shared<Tensor>(guarded));
  buffers_.push_back({name, role, tensor, guarded, std::move(initial), tolerance});
  return tensor;
}

Tensor Workspace::feature(Shape shape, const Values& values) { return add("feature", Role::input, shape, storage_, rounding_, values, 0); }
Tensor Workspace::parameter(Shape shape, const Values& values) {
  return add("parameter", Role::input, shape, ops_.parameter_type(), DType::f32, values, 0);
}
Tensor Workspace::product_weight(Shape shape, const Values& values) {
  const DType rounding = size_of(rounding_) == 2 ? rounding_ : DType::f32;
  return add("weight", Role::input, shape, product_weight_type(storage_).value_or(ops_.parameter_type()), rounding, values, 0);
}
Tensor Workspace::bytes(Shape shape, const Values& values) { return add("bytes", Role::input, shape, DType::u8, DType::u8, values, 0); }
Tensor Workspace::feature_output(const std::string& name, Shape shape, double tolerance) {
  return add(name, Role::output, shape, storage_, rounding_, {}, tolerance);
}
Tensor Workspace::parameter_output(const std::string& name, Shape shape, double tolerance) {
  return add(name, Role::output, shape, ops_.parameter_type(), DType::f32, {}, tolerance);
}
Tensor Workspace::parameter_updated(const std::string& name, Shape shape, const Values& values, double tolerance) {
  return add(name, Role::updated, shape, ops_.parameter_type(), DType::f32, values, tolerance);
}

std::vector<std::byte> Workspace::read_back(const Buffer& buffer) {
  std::vector<std::byte> now(buffer.initial.size());
  ops_.copy_to_host(buffer.guarded, now.data());
  return now;
}

std::vector<Output> Workspace::outputs() {
  std::vector<Output> found;
  for (const Buffer& buffer : buffers_) {
    if (buffer.role == Role::input) continue;
    const std::vector<std::byte> now = read_back(buffer);
    const DType type = buffer.tensor.dtype();
    Output output{buffer.name, {}, buffer.tolerance};
    for (std::size_t at = kGuard; at < now.size() - kGuard; at += size_of(type)) output.values.push_back(get(type, now.data() + at));
    found.push_back(std::move(output));
  }
  return found;
}

std::vector<std::string> Workspace::damage() {
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    const Buffer& buffer = buffers_[i];
    const std::vector<std::byte> now = read_back(buffer);
    const auto differs = [&](std::size_t from, std::size_t to) {
      return !std::equal(now.begin() + static_cast<std::ptrdiff_t>(from), now.begin() + static_cast<std::ptrdiff_t>(to),
                         buffer.initial.begin() + static_cast<std::ptrdiff_t>(from));
    };
    const std::string which = fmt::format("tensor {} ({} {})", i, buffer.name, buffer.tensor.shape().str());
    if (differs(0, kGuard)) lines.push_back(which + ": written before its start");
    if (differs(now.size() - kGuard, now.size())) lines.push_back(which + ": written past its end");
    if (buffer.role == Role::input && differs(kGuard, now.size() - kGuard)) lines.push_back(which + ": an input was changed");
  }
  return lines;
}

double Workspace::total_bytes() const {
  double sum = 0;
  for (const Buffer& buffer : buffers_) sum += static_cast<double>(buffer.tensor.bytes());
  return sum;
}

}  // namespace mcnn::cases
