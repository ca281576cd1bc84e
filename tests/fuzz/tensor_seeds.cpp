// Writes seeds for the fuzz targets of tensor containers, files that the readers accept: OUT/safetensors, OUT/torch_zip and
// OUT/torch_legacy.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/formats/torch_writer.h"

namespace {

using namespace mcnn::torch_writer;

void write(const std::filesystem::path& file, const std::string& content) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

std::string safetensors(const std::string& header, std::size_t data_bytes) {
  return raw(uint64_t{header.size()}) + header + std::string(data_bytes, '\x3f');
}

/// Objects for torch.save: each is the pickle of a value, over the same two storages.
std::vector<std::pair<std::string, std::string>> objects() {
  const std::string whole = tensor(storage("0", 24), {4, 3, 2}, {6, 2, 1}), part = tensor(storage("1", 4), {2}, {1}, 1),
                    turned = tensor(storage("0", 24), {3, 2, 4}, {8, 1, 2}),
                    parameter = call(global("torch._utils", "_rebuild_parameter"), {part, "\x88", ordered_dict()});
  const std::string module = ordered_dict() + "(" + text("a.weight") + whole + text("a.bias") + parameter + "u" +
                             dict({{"_metadata", dict({{"", dict({{"version", integer(1)}})}})}}) + "b";
  const std::string checkpoint = dict({{"epoch", integer(3)},
                                       {"lr", "G" + std::string("\x3f\x50\x62\x4d\xd2\xf1\xa9\xfc", 8)},
                                       {"arch", text("b0")},
                                       {"best", "N"},
                                       {"sizes", call(global("torch", "Size"), {integers({1, 2})})},
                                       {"type", global("torch", "float32")},
                                       {"state_dict", module},
                                       {"ema", dict({{"decay", integer(0)}, {"module", dict({{"module.b", turned}})}})}});
  // One tensor under two names, by way of the memo.
  const std::string remembered = "}\x94(" + text("a") + "r" + raw(1u) + whole + "q\x02" + text("b") + "h\x02u";
  return {
      {"plain", dict({{"a", whole}, {"b", part}, {"c", turned}})}, {"module", module}, {"checkpoint", checkpoint}, {"memo", remembered}};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "tensor_seeds: expected the folder to write\n";
    return 1;
  }
  const std::filesystem::path out = argv[1], headers = out / "safetensors";
  write(headers / "empty", safetensors("{}", 0));
  write(headers / "metadata",
        safetensors(R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})", 24));
  write(headers / "halves",
        safetensors(R"({"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[1,2],"data_offsets":[8,12]}})",
                    12));
  write(headers / "wide",
        safetensors(R"({"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"e":{"dtype":"F64","shape":[0,7],"data_offsets":[8,8]}})", 8));
  write(headers / "bytes",
        safetensors(R"({"m\u0000":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]},"u":{"dtype":"U8","shape":[1],"data_offsets":[3,4]}})",
                    4));

  const Storages storages = {{"0", counting(24)}, {"1", counting(4)}};
  for (const auto& [name, object] : objects()) {
    write(out / "torch_legacy" / name, torch_legacy(object, storages));
    write(out / "torch_zip" / name, torch_zip(object, storages));
    std::vector<ZipPart> parts = {{"a/data.pkl", pickle(object), true}};
    for (const auto& [key, bytes] : storages) parts.push_back({"a/data/" + key, bytes, true});
    write(out / "torch_zip" / (name + "_deflated64"), zip(parts, true));
  }
  return 0;
}
