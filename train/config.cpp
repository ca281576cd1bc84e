#include "train/config.h"

#include <ini.h>

#include <charconv>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>

#include "kernels/backend.h"
#include "runtime/error.h"
#include "runtime/nearest.h"

namespace mcnn {
namespace {

constexpr const char* kBlanks = " \t\r\n\f\v";  // inih's

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(kBlanks), last = text.find_last_not_of(kBlanks);
  return first == std::string::npos ? "" : text.substr(first, last - first + 1);
}

template <class Number>
Number parse_number(const std::string& text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    fail("'{}' is not {}", text, std::is_integral_v<Number> ? "a whole number" : "a number");
  if constexpr (std::is_floating_point_v<Number>)
    if (!std::isfinite(value)) fail("'{}' is not a finite number", text);
  return value;
}

std::vector<std::string> parse_list(const std::string& text) {
  std::vector<std::string> items;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    if (const std::string item = trimmed(text.substr(begin, comma - begin)); !item.empty()) items.push_back(item);
    begin = comma + 1;
  }
  return items;
}

template <class T>
std::string join(const std::vector<T>& items) {
  std::string text;
  for (const T& item : items) text += (text.empty() ? "" : ", ") + fmt::format("{}", item);
  return text;
}

class Table {
 public:
  std::vector<Setting> rows;

  void text(const char* section, const char* key, std::string& field, const char* help) {
    add(
        section, key, help, [&field](const std::string& v) { field = v; }, [&field] { return field; });
  }
  void choice(const char* section, const char* key, std::string& field, const std::vector<std::string>& valid, const char* help) {
    add(
        section, key, fmt::format("{} ({})", help, join(valid)),
        [&field, valid](const std::string& v) {
          if (std::find(valid.begin(), valid.end(), v) == valid.end()) fail("'{}' is none of {}{}", v, join(valid), did_you_mean(v, valid));
          field = v;
        },
        [&field] { return field; });
  }
  void list(const char* section, const char* key, std::vector<std::string>& field, const char* help) {
    add(
        section, key, help, [&field](const std::string& v) { field = parse_list(v); }, [&field] { return join(field); });
  }
  void numbers(const char* section, const char* key, std::vector<double>& field, std::size_t count, const char* help) {
    add(
        section, key, help,
        [&field, count](const std::string& v) {
          field.clear();
          for (const std::string& item : parse_list(v)) field.push_back(parse_number<double>(item));
          if (!field.empty() && field.size() != count) fail("{} numbers, expected {}", field.size(), count);
        },
        [&field] { return join(field); });
  }
  void flag(const char* section, const char* key, bool& field, const char* help) {
    add(
        section, key, help,
        [&field](const std::string& v) {
          if (v == "true" || v == "yes" || v == "1")
            field = true;
          else if (v == "false" || v == "no" || v == "0")
            field = false;
          else
            fail("'{}' is neither true nor false", v);
        },
        [&field] { return std::string(field ? "true" : "false"); });
  }
  template <class Number>
  void number(const char* section, const char* key, Number& field, Number least, Number most, const char* help) {
    add(
        section, key, help,
        [&field, least, most](const std::string& v) {
          const auto value = parse_number<Number>(v);
          if (value < least || value > most) fail("{} is outside {} to {}", value, least, most);
          field = value;
        },
        [&field] { return fmt::format("{}", field); });
  }

 private:
  template <class Read, class Write>
  void add(const char* section, const char* key, std::string help, Read read, Write write) {
    rows.push_back({section, key, std::move(help), read, write});
  }
};

}  // namespace

DType storage_type(const Config& config) {
  for (const DType type : {DType::bf16, DType::f16})
    if (config.model.storage == name_of(type)) return type;
  return DType::f32;
}

std::vector<Setting> settings(Config& c) {
  constexpr int kMany = std::numeric_limits<int>::max();
  Table t;
  t.text("run", "dir", c.run.dir, "folder the run is written to; one that holds a checkpoint is never overwritten");
  t.number<uint64_t>("run", "seed", c.run.seed, 0, UINT64_MAX, "of every random number: weights, order, flips, dropout, split");
  t.choice(
      "run", "device", c.run.device, devices(),
      "backend; auto: cuda where there is a GPU, else cpu; sim runs the CUDA kernels on the host and ref computes in double, for checking");
  t.number("run", "threads", c.run.threads, 0, 4096,
           "0: as many as the process may use (affinity, CPU quota, OMP_NUM_THREADS); results do not depend on it");
  t.choice("run", "products", c.run.products, product_choices(),
           "matrix products and dense convolutions on a GPU: own kernels, or cuBLAS and cuDNN (vendor, auto) where these are found");
  t.flag("run", "allow_tf32", c.run.allow_tf32,
         "the same in fp32: tensor cores may take operands for tf32, their upper 11 bits; no effect on cpu, ref and GPUs before sm_80");

  t.choice("model", "name", c.model.name, {"b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7", "lite0", "lite1", "lite2", "lite3", "lite4"},
           "EfficientNet");
  t.number("model", "width", c.model.width, 0.0, 10.0, "channel multiplier in place of the model's own; 0: its own");
  t.number("model", "depth", c.model.depth, 0.0, 10.0, "repeat multiplier in place of the model's own; 0: its own");
  t.text("model", "padding", c.model.padding, "same, same:HxW, symmetric; auto: what the weights were trained with, else same");
  t.choice("model", "storage", c.model.storage, {"f32", "bf16", "f16"},
           "type that feature maps are stored in; the narrow ones halve their memory and need a backend that has them");
  t.number("model", "bn_eps", c.model.bn_eps, 0.0, 1.0, "batch norm's epsilon; 0: what the weights were trained with, else 1e-3");
  t.number("model", "bn_momentum", c.model.bn_momentum, 0.0, 1.0, "weight of a new batch in the running statistics (PyTorch's convention)");
  t.flag("model", "frozen_norm", c.model.frozen_norm, "batch norm uses and keeps the weights' running statistics");
  t.number("model", "dropout", c.model.dropout, -1.0, 0.99, "before the classifier; -1: the model's own");
  t.number("model", "drop_path", c.model.drop_path, 0.0, 0.99, "of the last block; linear from 0 at the first");

  t.text("weights", "init", c.weights.init, "weights to start from, safetensors or torch's; empty: random weights");
  t.text("weights", "state_dict", c.weights.state_dict,
         "which dictionary of a torch file that holds several: state_dict, ema/module; empty: averaged weights first");
  t.list("weights", "allow_missing", c.weights.allow_missing, "tensors (names or globs) the file may lack or have in excess");

  t.choice("data", "layout", c.data.layout, {"competition", "folders", "csv"}, "how photos carry their labels");
  t.text("data", "root", c.data.root, "competition: holds train.csv and images/; folders: one folder per class; csv: paths start here");
  t.text("data", "csv", c.data.csv, "csv layout: file with the columns path,label,group");
  t.list("data", "classes", c.data.classes, "csv layout: class names in label order; empty: from the data");
  t.number("data", "holdout", c.data.holdout, 0.0, 0.9, "share of the people held out for evaluation; 0: none, the last epoch is kept");
  t.number("data", "resize", c.data.resize, 0, 8192, "shorter side before the crop; 0: the crop's");
  t.number("data", "crop", c.data.crop, 8, 8192, "side of the central square the network sees");
  t.choice("data", "interpolation", c.data.interpolation, {"bicubic", "bilinear"},
           "of the resize; antialiased but for crop_rule = tensorflow");
  t.choice("data", "crop_rule", c.data.crop_rule, {"timm", "torchvision", "tensorflow"},
           "timm, torchvision: resize, then cut the centre out; tensorflow: cut the central square (crop/resize of the shorter side) "
           "out first, then resize without antialiasing");
  t.flag("data", "flip", c.data.flip, "mirror half of the training photos");
  t.flag("data", "skip_broken", c.data.skip_broken, "leave unreadable photos out and count them, instead of stopping");
  t.number("data", "max_megapixels", c.data.max_megapixels, 0.001, 1e5,
           "larger photos are refused: a picture of 100 takes 300 MB to decode");
  t.number("data", "workers", c.data.workers, 0, 256, "threads that decode ahead; 0: decode in the training thread");
  t.number("data", "cache_mb", c.data.cache_mb, 0, kMany, "decoded photos kept in memory, at most");
  t.numbers("data", "mean", c.data.mean, 3, "of R,G,B in 0..1; empty: what the weights were trained with, else ImageNet's");
  t.numbers("data", "std", c.data.std, 3, "likewise");

  t.number("train", "epochs", c.train.epochs, 1, kMany, "passes over the training photos");
  t.number("train", "batch", c.train.batch, 1, 65536, "photos per step; the last, smaller one of an epoch is dropped");
  t.choice("train", "optimizer", c.train.optimizer, {"adamw", "sgd"}, "how gradients become steps");
  t.number("train", "learning_rate", c.train.learning_rate, 0.0, 1e3, "the highest; cosine to 0 after the warm-up");
  t.number("train", "weight_decay", c.train.weight_decay, 0.0, 1e3, "decoupled for adamw, added to the gradient for sgd");
  t.flag("train", "decay_norm_and_bias", c.train.decay_norm_and_bias, "weight decay also on batch norms' parameters and biases");
  t.number("train", "momentum", c.train.momentum, 0.0, 1.0, "sgd's");
  t.number("train", "warmup_epochs", c.train.warmup_epochs, 0.0, 1e6, "learning rate rises linearly from 0");
  t.number("train", "label_smoothing", c.train.label_smoothing, 0.0, 1.0, "targets are (1-s)*label + s/classes");
  t.number("train", "clip_norm", c.train.clip_norm, 0.0, 1e9, "largest 2-norm of all gradients together; 0: no limit");
  t.number("train", "ema", c.train.ema, 0.0, 0.999999, "decay of averaged weights, which are then evaluated and kept; 0: none");
  t.number("train", "checkpoint_minutes", c.train.checkpoint_minutes, 0.0, 1e6,
           "the state is saved this often within an epoch, and at its end; 0: only there");
  t.choice("train", "select", c.train.select, {"best", "last"},
           "which epoch's weights best.safetensors holds, by macro F1 on the held-out people");
  return t.rows;
}

namespace {

Setting& find(std::vector<Setting>& table, const std::string& section, const std::string& key) {
  std::vector<std::string> sections, keys;
  for (Setting& s : table) {
    if (s.section == section && s.key == key) return s;
    if (sections.empty() || sections.back() != s.section) sections.push_back(s.section);
    if (s.section == section) keys.push_back(s.key);
  }
  if (keys.empty()) fail("unknown section [{}]{}", section, did_you_mean(section, sections));
  fail("[{}] unknown key '{}'{}", section, key, did_you_mean(key, keys));
}

/// A value that config.ini could not give back: one of several lines, or with what begins a comment there.
void require_writable(const std::string& value) {
  if (value.find_first_of("\r\n") != std::string::npos) fail("is more than one line");
  for (std::size_t at = value.find(';'); at != std::string::npos; at = value.find(';', at + 1))
    if (at == 0 || std::string_view(kBlanks).find(value[at - 1]) != std::string_view::npos) fail("';' begins a comment");
}

void set(std::vector<Setting>& table, const std::string& section, const std::string& key, const std::string& value) {
  Setting& setting = find(table, section, key);
  try {
    require_writable(trimmed(value));
    setting.read(trimmed(value));
    require_writable(setting.write());  // a list is written with blanks behind its commas
  } catch (const Error& e) {
    fail("[{}] {} = {}: {}", section, key, value.substr(0, value.find_first_of("\r\n")), e.what());
  }
}

struct Reading {
  std::vector<Setting> table;
  std::vector<std::string> seen;
  std::string error;
};

// inih calls this per key; 0 stops it (INI_STOP_ON_FIRST_ERROR or not, the first error is the one kept).
int on_key(void* user, const char* section, const char* key, const char* value) {
  auto& reading = *static_cast<Reading*>(user);
  if (!reading.error.empty()) return 0;
  try {
    const std::string name = fmt::format("[{}] {}", section, key);
    if (std::find(reading.seen.begin(), reading.seen.end(), name) != reading.seen.end()) fail("{} is set twice", name);
    reading.seen.push_back(name);
    set(reading.table, section, key, value);
    return 1;
  } catch (const Error& e) {
    reading.error = e.what();
    return 0;
  }
}

}  // namespace

Config read_config(const std::string& path) {
  Config config;
  Reading reading{settings(config), {}, {}};
  if (std::filesystem::is_directory(path)) fail("{}: cannot be read: it is a folder", path);
  // inih's variables: lines that hold a long path or 18 class names, and an indented key is a key, not more of the last value.
  ini_use_stack = false;
  ini_allow_realloc = true;
  ini_max_line = 1 << 20;
  ini_allow_multiline = false;
  const int line = ini_parse(path.c_str(), on_key, &reading);
  if (line == -1) fail("{}: cannot be read", path);
  if (!reading.error.empty()) fail("{}: {}", path, reading.error);
  if (line != 0) fail("{}:{}: neither a [section] nor a key = value", path, line);
  return config;
}

void override_setting(Config& config, const std::string& assignment) {
  const std::size_t equals = assignment.find('='), dot = assignment.find('.');
  if (equals == std::string::npos || dot == std::string::npos || dot > equals)
    fail("'{}' is not of the form section.key=value", assignment);
  auto table = settings(config);
  set(table, assignment.substr(0, dot), trimmed(assignment.substr(dot + 1, equals - dot - 1)), assignment.substr(equals + 1));
}

std::string write_config(const Config& config) {
  Config copy = config;
  std::string text, section;
  for (const Setting& s : settings(copy)) {
    if (s.section != section) text += fmt::format("{}[{}]\n", section.empty() ? "" : "\n", section = s.section);
    text += fmt::format("; {}\n{} = {}\n", s.help, s.key, s.write());
  }
  return text;
}

}  // namespace mcnn
