// Copies parameters to host memory as a TensorFile, and renames its tensors.  Contract: state_dict.h.
#include "weights/state_dict.h"

#include <cstring>
#include <deque>
#include <map>

#include "runtime/error.h"

namespace mcnn {
namespace {

constexpr std::string_view kMean = ".running_mean", kCounter = ".num_batches_tracked";

/// Owns the values that the tensors of a state dict point to.
struct Values {
  std::deque<std::vector<float>> floats;
  std::deque<int64_t> counts;
};

}  // namespace

TensorFile state_dict(Parameters& parameters, const BatchesTracked& batches) {
  const auto values = std::make_shared<Values>();
  std::vector<StoredTensor> tensors;
  for (const NamedTensor& t : parameters.tensors()) {
    const std::vector<float>& floats = values->floats.emplace_back(to_torch(parameters.ops(), t, t.value));
    tensors.push_back({t.name, "F32", t.torch_shape, std::as_bytes(std::span(floats))});
    if (!t.name.ends_with(kMean)) continue;
    const std::string norm = t.name.substr(0, t.name.size() - kMean.size());
    const int64_t& count = values->counts.emplace_back(batches(norm));
    tensors.push_back({norm + std::string(kCounter), "I64", {}, std::as_bytes(std::span(&count, 1))});
  }
  return TensorFile("state dict", std::move(tensors), {}, values);
}

TensorFile renamed(TensorFile timm, const Network& network, Naming naming) {
  std::map<std::string, NamePair> names;
  for (const NamePair& pair : key_map(network, naming)) names.emplace(pair.timm, pair);
  const auto backing = std::make_shared<const TensorFile>(std::move(timm));
  std::vector<StoredTensor> tensors = backing->tensors();
  for (StoredTensor& t : tensors) {
    const auto found = names.find(t.name);
    if (found == names.end()) fail("{}: tensor {} has no name in {}'s naming", backing->path(), printable(t.name), name_of(naming));
    t.name = found->second.file;
    t.shape = found->second.shape;
  }
  return TensorFile(backing->path(), std::move(tensors), backing->metadata(), backing);
}

BatchesTracked batches_tracked_in(const TensorFile& file, const Network& network, Naming naming) {
  std::map<std::string, int64_t> by_file_name;
  for (const StoredTensor& t : file.tensors())
    if (t.dtype == "I64" && t.size() == 1) {
      int64_t count = 0;
      std::memcpy(&count, t.bytes.data(), sizeof count);
      by_file_name.emplace(strip_prefixes(t.name), count);
    }
  std::map<std::string, int64_t> counts;
  for (const NamePair& pair : key_map(network, naming))
    if (const auto found = by_file_name.find(pair.file); pair.timm.ends_with(kCounter) && found != by_file_name.end())
      counts.emplace(pair.timm.substr(0, pair.timm.size() - kCounter.size()), found->second);
  return [counts](const std::string& norm) {
    const auto found = counts.find(norm);
    return found == counts.end() ? 0 : found->second;
  };
}

}  // namespace mcnn
