// Writes and reads a run's state as a safetensors file: tensors of network and optimizer; progress and a checksum in the metadata.
// Next: run_folder.h decides which state file is read.
#include "train/checkpoint.h"

#include <libdeflate.h>

#include <charconv>

#include "formats/safetensors.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

/// Every tensor of the state, with its name in the file.
std::vector<Optimizer::State> whole_state(Parameters& parameters, const Optimizer& optimizer) {
  std::vector<Optimizer::State> all;
  for (NamedTensor& t : parameters.tensors()) all.push_back({t.name, &t, t.value});
  for (Optimizer::State& s : optimizer.state()) {
    s.name = "optimizer." + s.name;
    all.push_back(std::move(s));
  }
  return all;
}

template <class Number>
Number number(const TensorFile& file, const char* key) {
  const auto found = file.metadata().find(key);
  if (found == file.metadata().end()) fail("{}: metadata '{}' is missing: not the state of a run", file.path(), key);
  const std::string& text = found->second;
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) fail("{}: metadata '{}': '{}' is not a number", file.path(), key, text);
  return value;
}

constexpr const char* kChecksum = "crc32";

/// Over all metadata and tensors, so that a bit flipped on disk is noticed.
std::string checksum(const Metadata& metadata, const std::vector<StoredTensor>& tensors) {
  uint32_t crc = 0;
  const auto add = [&](const void* data, std::size_t bytes) { crc = libdeflate_crc32(crc, data, bytes); };
  for (const auto& [key, value] : metadata) {
    if (key == kChecksum) continue;
    add(key.data(), key.size() + 1);
    add(value.data(), value.size() + 1);
  }
  for (const StoredTensor& t : tensors) {
    add(t.name.data(), t.name.size() + 1);
    add(t.bytes.data(), t.bytes.size());
  }
  return fmt::format("{:08x}", crc);
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
  metadata["loss_scale"] = fmt::format("{}", progress.loss_scale.value);
  metadata["loss_scale_finite_steps"] = std::to_string(progress.loss_scale.finite_steps);
  metadata["left_out"] = std::to_string(progress.left_out);
  metadata["batches"] = std::to_string(progress.batches);
  metadata["loss_sum"] = fmt::format("{}", progress.loss_sum);
  if (!progress.settings.empty()) metadata["settings"] = progress.settings;
  metadata[kChecksum] = checksum(metadata, tensors);
  write_safetensors(path, tensors, metadata);
}

RunProgress load_state(const std::string& path, Parameters& parameters, Optimizer& optimizer) {
  const TensorFile file = open_tensor_file(path);
  const std::vector<Optimizer::State> state = whole_state(parameters, optimizer);
  // The checksum covers the tensors in the order of writing. Nothing is loaded before it is checked. Older states have none.
  if (const auto written = file.metadata().find(kChecksum); written != file.metadata().end()) {
    std::vector<StoredTensor> tensors;
    for (const Optimizer::State& s : state)
      if (const StoredTensor* stored = file.find(s.name)) tensors.push_back(*stored);
    if (const std::string found = checksum(file.metadata(), tensors); found != written->second)
      fail("{}: is damaged: its checksum is {}, expected {}", path, found, written->second);
  }
  for (const Optimizer::State& s : state) {
    const StoredTensor* stored = file.find(s.name);
    if (!stored) fail("{}: tensor '{}' is missing", path, s.name);
    if (stored->shape != s.of->torch_shape)
      fail("{}: tensor '{}' is {}, expected {}", path, s.name, stored->shape_str(), StoredTensor{.shape = s.of->torch_shape}.shape_str());
    from_torch(parameters.ops(), *s.of, as_floats(*stored).data(), s.value);
  }
  return {number<int>(file, "epochs"),
          number<int64_t>(file, "steps"),
          number<double>(file, "best_score"),
          {number<float>(file, "loss_scale"), number<int>(file, "loss_scale_finite_steps")},
          // Older states have none of these.
          file.metadata().contains("left_out") ? number<int64_t>(file, "left_out") : 0,
          file.metadata().contains("batches") ? number<int64_t>(file, "batches") : 0,
          file.metadata().contains("loss_sum") ? number<double>(file, "loss_sum") : 0,
          file.metadata().contains("settings") ? file.metadata().at("settings") : ""};
}

}  // namespace mcnn
