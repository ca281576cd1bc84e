#include "train/checkpoint.h"

#include "runtime/error.h"
#include "weights/safetensors.h"

namespace mcnn {
namespace {

/// Every tensor of the state: its name in the file, and where it is.
std::vector<Optimizer::State> whole_state(Parameters& parameters, const Optimizer& optimizer) {
  std::vector<Optimizer::State> all;
  for (NamedTensor& t : parameters.tensors()) all.push_back({t.name, &t, t.value});
  for (Optimizer::State& s : optimizer.state()) {
    s.name = "optimizer." + s.name;
    all.push_back(std::move(s));
  }
  return all;
}

int64_t whole_number(const TensorFile& file, const char* key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) fail("{}: metadata '{}' is missing: not the state of a run", file.path(), key);
  return std::stoll(found->second);
}

}  // namespace

void save_state(const std::string& path, const ModelDescription& description, Parameters& parameters, const Optimizer& optimizer,
                const RunProgress& progress) {
  std::vector<std::vector<float>> values;
  std::vector<StoredTensor> tensors;
  for (const Optimizer::State& s : whole_state(parameters, optimizer)) {
    values.push_back(to_torch(parameters.ops(), *s.of, s.value));
    tensors.push_back({s.name, "F32", s.of->torch_shape, std::as_bytes(std::span(values.back()))});
  }
  Metadata metadata = metadata_of(description);
  metadata["epochs"] = std::to_string(progress.epochs);
  metadata["steps"] = std::to_string(progress.steps);
  metadata["best_score"] = fmt::format("{}", progress.best_score);
  write_safetensors(path, tensors, metadata);
}

RunProgress load_state(const std::string& path, Parameters& parameters, Optimizer& optimizer) {
  const TensorFile file = open_tensor_file(path);
  for (const Optimizer::State& s : whole_state(parameters, optimizer)) {
    const StoredTensor* stored = file.find(s.name);
    if (!stored) fail("{}: tensor '{}' is missing", path, s.name);
    if (stored->shape != s.of->torch_shape)
      fail("{}: tensor '{}' is {}, expected {}", path, s.name, stored->shape_str(), s.of->value.shape().str());
    from_torch(parameters.ops(), *s.of, as_floats(*stored).data(), s.value);
  }
  const auto best = file.metadata().find("best_score");
  return {static_cast<int>(whole_number(file, "epochs")), whole_number(file, "steps"),
          best == file.metadata().end() ? -1.0 : std::stod(best->second)};
}

}  // namespace mcnn
