#include "weights/difference.h"

#include <cmath>

#include "runtime/error.h"
#include "weights/key_map.h"

namespace mcnn {
namespace {

/// max|a-b| and its position; a NaN counts as the largest.
struct Largest {
  double error = 0;
  std::size_t at = 0;
};
Largest largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  Largest largest;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;  // infinities too
    const double error = std::abs(a[i] - b[i]);
    if (std::isnan(error)) return {error, i};
    if (error > largest.error) largest = {error, i};
  }
  return largest;
}

bool is_counter(const std::string& name) { return name.ends_with(".num_batches_tracked"); }

void compare(const std::string& name, const StoredTensor& a, const StoredTensor& b, Difference& out) {
  ++out.compared;
  if (a.shape != b.shape) {
    out.lines.push_back(fmt::format("{}: shape {} against {}", printable(name), a.shape_str(), b.shape_str()));
    return;
  }
  const std::vector<double> va = as_doubles(a), vb = as_doubles(b);
  const Largest largest = largest_difference(va, vb);
  if (largest.error == 0) return;
  if (!(largest.error <= out.largest)) out.largest = largest.error;
  out.lines.push_back(fmt::format("{}: max|a-b| {:.3g} at element {} of {}: {:.9g} against {:.9g}", printable(name), largest.error,
                                  largest.at, va.size(), va[largest.at], vb[largest.at]));
}

}  // namespace

std::map<std::string, const StoredTensor*> by_timm_name(const TensorFile& file, const Network& network) {
  std::map<std::string, std::string> timm_names;
  if (const auto naming = detect_naming(file))
    for (NamePair& pair : key_map(network, *naming)) timm_names.emplace(std::move(pair.file), std::move(pair.timm));
  std::map<std::string, const StoredTensor*> out;
  for (const StoredTensor& t : file.tensors()) {
    const std::string plain(strip_prefixes(t.name));
    const auto found = timm_names.find(plain);
    if (!out.emplace(found == timm_names.end() ? plain : found->second, &t).second)
      fail("{}: tensor {} occurs twice, under two names", file.path(), printable(t.name));
  }
  return out;
}

Difference difference(const std::map<std::string, const StoredTensor*>& a, const std::map<std::string, const StoredTensor*>& b) {
  Difference out;
  const auto only_in = [&](const char* which, const std::string& name, const StoredTensor& t) {
    if (is_counter(name))
      ++out.counters;
    else
      out.lines.push_back(fmt::format("{}: only in {}, {}{}", printable(name), which, t.dtype, t.shape_str()));
  };
  for (const auto& [name, tensor] : a) {
    const auto other = b.find(name);
    other == b.end() ? only_in("the first", name, *tensor) : compare(name, *tensor, *other->second, out);
  }
  for (const auto& [name, tensor] : b)
    if (!a.contains(name)) only_in("the second", name, *tensor);
  return out;
}

}  // namespace mcnn
