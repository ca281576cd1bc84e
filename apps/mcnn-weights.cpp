// mcnn-weights: inspects, converts, verifies and compares weights files.
// Argument parsing only; weights/ does the work: inspect, state_dict and the writers, verify, difference.
// Next: apps/network_flags.h has the options of networks; weights/load.h loads a file.
#include <algorithm>
#include <cmath>
#include <filesystem>

#include "apps/entry.h"
#include "apps/network_flags.h"
#include "formats/safetensors.h"
#include "formats/write_torch_zip.h"
#include "kernels/backend.h"
#include "models/layer_tensors.h"
#include "runtime/agreement.h"
#include "runtime/atomic_file.h"
#include "runtime/error.h"
#include "weights/difference.h"
#include "weights/inspect.h"
#include "weights/load.h"
#include "weights/state_dict.h"
#include "weights/verify.h"
#include "weights/write_onnx.h"

namespace {

using namespace mcnn;

/// A file's values as a network's parameters, without a model: also for networks that this build cannot run.
struct LoadedValues {
  Network network;
  Parameters parameters;
  LoadReport report;

  LoadedValues(Ops& ops, const TensorFile& file, const NetworkSpec& spec, const std::vector<std::string>& allow_missing)
      : network(build_network(spec)),
        parameters(ops, false),
        report((add_tensors(network, parameters), load_weights(file, network, parameters, {allow_missing, 0}))) {}
};

/// A model with a file's values.
struct LoadedNetwork {
  Parameters parameters;
  Model model;
  LoadReport report;

  LoadedNetwork(Ops& ops, const TensorFile& file, const NetworkSpec& spec, const std::vector<std::string>& allow_missing)
      : parameters(ops, false), model(spec, parameters), report(load_weights(file, model.network(), parameters, {allow_missing, 0})) {}
};

void print_notes(const TensorFile& file, const std::vector<std::string>& notes) {
  for (const std::string& note : notes) std::fputs(fmt::format("{}: {}\n", file.path(), note).c_str(), stderr);
}
void print_notes(const TensorFile& file, const std::vector<std::string>& notes, const LoadReport& report) {
  print_notes(file, notes);
  print_notes(file, report.lines());
}

void add_state_dict(CLI::App& command, std::string& dictionary) {
  command.add_option("--state-dict", dictionary, "which dictionary of a checkpoint that holds several: state_dict, ema/module");
}

// ---- inspect -----------------------------------------------------------------------------------------------------------

struct InspectCommand {
  std::string path, dictionary;

  explicit InspectCommand(CLI::App& app) {
    CLI::App* command = app.add_subcommand("inspect", "Say what a weights file is: names, network, convention, tensors, metadata");
    command->add_option("FILE", path, "weights file")->required();
    add_state_dict(*command, dictionary);
    command->final_callback([this] { run(); });
  }
  void run() const {
    const TensorFile file = open_tensor_file(path, dictionary);
    print_notes(file, file.notes());
    fmt::print("{}", inspect(file, resolve_convention({}, file)));
  }
};

// ---- convert -----------------------------------------------------------------------------------------------------------

struct ConvertCommand {
  std::string in, out, dictionary, naming, format, size;
  NetworkFlags flags;
  OnnxOptions onnx;
  bool with_preprocessing = false;
  CLI::App* command;

  explicit ConvertCommand(CLI::App& app) {
    command = app.add_subcommand("convert", "Write the weights with other names, or as another kind of file");
    command->add_option("IN", in, "weights file")->required();
    command->add_option("OUT", out, "file to write: .safetensors, .pth, .pt or .onnx")->required();
    add_state_dict(*command, dictionary);
    command->add_option("--format", format, "safetensors, torch or onnx, in place of what OUT's extension says");
    command->add_option("--naming", naming, "timm (default), torchvision or efficientnet_pytorch");
    flags.add_numerics(*command);
    flags.add_classes(*command);
    flags.add_preprocessing(*command);
    command->add_option("--opset", onnx.opset, fmt::format("onnx: operator set, {} to {}", kOldestOpset, kNewestOpset));
    command->add_option("--size", size, "onnx: HxW of the input (default: the convention's resolution)");
    command->add_flag("--fold-norm", onnx.fold_norm, "onnx: multiply batch norm into the convolutions");
    command->add_flag("--with-preprocessing", with_preprocessing, "onnx: the input is uint8 (N,H,W,3), normalised in the graph");
    command->final_callback([this] { run(); });
  }

  std::string output_format() const {
    const std::vector<std::string> formats = {"safetensors", "torch", "onnx"};
    if (!format.empty()) {
      if (std::find(formats.begin(), formats.end(), format) == formats.end())
        fail("unknown format '{}'{}", format, did_you_mean(format, formats));
      return format;
    }
    const std::string extension = std::filesystem::path(out).extension().string();
    if (extension == ".safetensors" || extension == ".onnx") return extension.substr(1);
    if (extension == ".pth" || extension == ".pt") return "torch";
    fail("{}: extension '{}' is none of .safetensors, .pth, .pt, .onnx; say what to write with --format", out, extension);
  }

  void check_options(const std::string& wanted) const {
    if (wanted == "onnx" && !naming.empty()) fail("--naming is for safetensors and torch files, not for onnx");
    for (const char* option : {"--opset", "--size", "--fold-norm", "--with-preprocessing"})
      if (wanted != "onnx" && command->count(option) > 0) fail("{} is for onnx files, not for {}", option, wanted);
  }

  OnnxOptions onnx_options(const ModelDescription& d) const {
    OnnxOptions options = onnx;
    options.height = options.width = d.preprocess.crop;
    if (!size.empty()) {
      const std::size_t x = std::min(size.find('x'), size.size() - 1);
      const auto height = number_in<int64_t>(size.substr(0, x)), width = number_in<int64_t>(size.substr(x + 1));
      if (!height || !width || *height < 1 || *width < 1 || *height > 65536 || *width > 65536)
        fail("--size '{}' is not HxW (224x224)", size);
      options.height = *height, options.width = *width;
    }
    if (with_preprocessing) options.preprocessing = {d.normalisation.mean, d.normalisation.std};
    return options;
  }

  /// Prints to standard error if OUT is a stream such as /dev/stdout, else to standard output.
  template <class... Args>
  void say(fmt::format_string<Args...> text, Args&&... args) const {
    std::fputs(fmt::format(text, std::forward<Args>(args)...).c_str(), is_stream(out) ? stderr : stdout);
  }

  void run() const {
    const std::string wanted = output_format();
    check_options(wanted);
    require_writable(out);
    require_no_overwriting(out, {in});
    const Naming names = naming.empty() ? Naming::timm : parse_naming(naming);
    const TensorFile file = open_tensor_file(in, dictionary);
    std::vector<std::string> notes;
    const ModelDescription d = flags.describe(file, notes);
    const auto ops = make_backend("cpu", 1).ops;  // only holds the values, computes nothing
    LoadedValues loaded(*ops, file, d.spec, flags.allow_missing);

    require_head_of_file(loaded.report, file, d.spec.classes);
    Metadata metadata = file.metadata();
    metadata.erase("convention");  // the convention in words; metadata_of() states it in fields
    metadata.erase("format");
    for (const auto& [key, value] : metadata_of(d)) metadata[key] = value;
    if (wanted == "onnx") {
      const OnnxOptions options = onnx_options(d);
      write_onnx(out, loaded.network, loaded.parameters, options, metadata);
      print_notes(file, notes, loaded.report);
      say("{}: onnx, opset {}, {} (N,{}), batch norm {}\n", out, options.opset,
          options.preprocessing ? fmt::format("uint8 (N,{},{},3) ->", options.height, options.width)
                                : fmt::format("float (N,3,{},{}) ->", options.height, options.width),
          d.spec.classes, options.fold_norm ? "folded" : "kept");
      return;
    }
    const TensorFile state =
        renamed(state_dict(loaded.parameters, batches_tracked_in(file, loaded.network, loaded.report.naming)), loaded.network, names);
    if (wanted == "torch") {
      write_torch_zip(out, state.tensors());
      std::string flags_then;
      for (const auto& [key, value] : metadata_of(d)) {
        if (key == "classes" || key == "resize") continue;  // classes have no flag; resize follows from resolution and crop_pct
        std::string flag = key;
        std::replace(flag.begin(), flag.end(), '_', '-');
        flags_then += fmt::format(" --{} {}", flag, value);
      }
      notes.push_back("torch files hold no metadata: names of classes are lost, and to be read again the file needs" + flags_then);
    } else {
      metadata["format"] = "pt";  // required by transformers and timm
      write_safetensors(out, state.tensors(), metadata);
    }
    print_notes(file, notes, loaded.report);
    say("{}: {}, {} tensors, {} names\n", out, wanted, state.tensors().size(), name_of(names));
  }
};

// ---- verify ------------------------------------------------------------------------------------------------------------

struct VerifyCommand {
  std::string path, dictionary, cases, input, expect, device = "auto";
  NetworkFlags flags;
  double tolerance = 1e-4;
  int threads = 0;
  bool disagrees = false;

  explicit VerifyCommand(CLI::App& app) {
    CLI::App* command = app.add_subcommand("verify", "Run the network on given images and compare its logits with given ones");
    command->add_option("FILE", path, "weights file")->required();
    add_state_dict(*command, dictionary);
    flags.add_numerics(*command);
    flags.add_classes(*command);
    command->add_option("--cases", cases, "file of tensors with images and logits")->required();
    command->add_option("--input", input, "its tensor of images, (N,3,H,W), normalised")->required();
    command->add_option("--expect", expect, "its tensor of logits, (N,classes)")->required();
    command->add_option("--tolerance", tolerance, "||a-b||/||b|| allowed; max|a-b| may be ten times that times max|b|")->check(kPositive);
    command->add_option("--device", device, "auto, cpu, cuda, sim or ref");
    command->add_option("--threads", threads, "0: as many as the process may use")->check(CLI::Range(0, 4096));
    command->final_callback([this] { run(); });
  }

  const StoredTensor& tensor(const TensorFile& file, const std::string& name) const {
    if (const StoredTensor* found = file.find(name)) return *found;
    std::vector<std::string> names;
    for (const StoredTensor& t : file.tensors()) names.push_back(t.name);
    fail("{}: no tensor {}{}", file.path(), printable(name), names.size() > 20 ? "" : did_you_mean(name, names));
  }

  void run() {
    const TensorFile file = open_tensor_file(path, dictionary), answers = open_tensor_file(cases);
    const StoredTensor &images = tensor(answers, input), &reference = tensor(answers, expect);
    std::vector<std::string> notes;
    const ModelDescription d = flags.describe(file, notes);
    const Convention c = resolve_convention(convention_of_flags(flags.convention), file);
    const auto stated = [](const auto& field) { return field && !field->guess; };
    if (stated(c.model) && stated(c.padding) && stated(c.bn_eps))
      notes = file.notes();  // drops notes on preprocessing: the images are preprocessed already
    const Backend backend = make_backend(device, threads);
    LoadedNetwork network(*backend.ops, file, d.spec, flags.allow_missing);
    require_head_of_file(network.report, file, d.spec.classes);
    const std::vector<int64_t> shape = {images.shape.empty() ? 0 : images.shape[0], d.spec.classes};
    if (reference.shape != shape)
      fail("{}: tensor {} is {}, expected {}", answers.path(), printable(expect), reference.shape_str(),
           StoredTensor{.shape = shape}.shape_str());

    const std::vector<float> logits = logits_of(network.model, network.parameters, images);
    const Agreement a = agreement({logits.begin(), logits.end()}, as_doubles(reference));
    std::fprintf(stderr, "%s\n", backend.reason.c_str());  // a note: a failure to print it is ignored
    print_notes(file, notes, network.report);
    disagrees = !a.within(tolerance);
    fmt::print("{}: ||a-b||/||b|| {:.2e} (allowed {:.0e}), max|a-b|/max|b| {:.2e} (allowed {:.0e}): {}\n", expect, a.norm_error, tolerance,
               a.max_error, 10 * tolerance, disagrees ? "DISAGREES" : "agrees");
  }
};

// ---- diff --------------------------------------------------------------------------------------------------------------

struct DiffCommand {
  std::string first, second;
  NetworkFlags flags;
  bool differ = false;

  explicit DiffCommand(CLI::App& app) {
    CLI::App* command = app.add_subcommand("diff", "Compare two weights files tensor by tensor, whatever they call them");
    command->add_option("A", first, "weights file")->required();
    command->add_option("B", second, "weights file")->required();
    flags.add_multipliers(*command);
    command->final_callback([this] { run(); });
  }

  /// Translates names to timm's. Other namings than timm's need the network for that.
  std::map<std::string, const StoredTensor*> tensors_of(const TensorFile& file) const {
    const std::optional<Naming> naming = detect_naming(file);
    if (!naming || *naming == Naming::timm) return by_timm_name(file, {});
    std::vector<std::string> notes;
    return by_timm_name(file, build_network(flags.describe(file, notes).spec));
  }

  void run() {
    const TensorFile a = open_tensor_file(first), b = open_tensor_file(second);
    for (const TensorFile* file : {&a, &b}) print_notes(*file, file->notes());
    const Difference d = difference(tensors_of(a), tensors_of(b));
    differ = !d.lines.empty();
    for (const std::string& line : d.lines) fmt::print("{}\n", line);
    if (d.counters > 0) fmt::print("{} num_batches_tracked in only one of the files: not counted, since nothing reads them\n", d.counters);
    if (differ)
      fmt::print("{} tensors compared; {} differ, are missing or extra; largest difference {:.3g}\n", d.compared, d.lines.size(),
                 d.largest);
    else
      fmt::print("{} tensors compared: equal\n", d.compared);
  }
};

int run(int argc, char** argv) {
  CLI::App app{"Weights files: inspect, convert, verify, compare."};
  app.require_subcommand(1);
  InspectCommand inspect(app);
  ConvertCommand convert(app);
  VerifyCommand verify(app);
  DiffCommand diff(app);
  if (const auto code = parse_arguments(app, argc, argv, "mcnn-weights")) return *code;
  return verify.disagrees || diff.differ ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  return mcnn::run_program("mcnn-weights", [&] { return run(argc, argv); });
}
