// What a run does, as config.ini says it. One table (settings) serves reading, checking, writing the resolved file back
// and `mcnn-train --help-config`: a key that is not in it is an error.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "runtime/dtype.h"

namespace mcnn {

struct Config {
  struct {
    std::string dir = "runs/run";
    uint64_t seed = 0;
    std::string device = "auto";
    int threads = 0;
    std::string products = "auto";
    bool allow_tf32 = false;
  } run;
  struct {
    std::string name = "b4";
    double width = 0, depth = 0;
    std::string padding = "auto";
    std::string storage = "f32";
    double bn_eps = 0;
    double bn_momentum = 0.1;
    bool frozen_norm = false;
    double dropout = -1, drop_path = 0.2;
  } model;
  struct {
    std::string init, state_dict;
    std::vector<std::string> allow_missing;
  } weights;
  struct {
    std::string layout = "competition";
    std::string root;
    std::string csv;
    std::vector<std::string> classes;
    double holdout = 0.1;
    int resize = 0;
    int crop = 224;
    std::string interpolation = "bicubic";
    std::string crop_rule = "timm";
    bool flip = true;
    bool skip_broken = false;
    double max_megapixels = 100;
    int workers = 1;
    int cache_mb = 2048;
    std::vector<double> mean, std;
  } data;
  struct {
    int epochs = 10;
    int batch = 32;
    std::string optimizer = "adamw";
    double learning_rate = 1e-3;
    double weight_decay = 5e-4;
    bool decay_norm_and_bias = true;
    double momentum = 0.9;
    double warmup_epochs = 0;
    double label_smoothing = 0.1;
    double clip_norm = 0;
    double ema = 0;
    double checkpoint_minutes = 10;
    std::string select = "best";
  } train;
};

/// [model] storage.
DType storage_type(const Config& config);

/// One key of the file: where it is kept, and what it means.
struct Setting {
  std::string section, key, help;
  std::function<void(const std::string&)> read;  ///< throws Error: "'x' is not a number"
  std::function<std::string()> write;
};

/// The table over `config`, which must outlive it.
std::vector<Setting> settings(Config& config);

/// Reads `path` over the defaults. Throws Error naming file, section and key.
Config read_config(const std::string& path);
/// Applies "section.key=value", as given on a command line.
void override_setting(Config& config, const std::string& assignment);
/// The whole table as an ini file, each key under its explanation.
std::string write_config(const Config& config);

}  // namespace mcnn
