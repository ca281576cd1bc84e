#include "data/data_options.h"

#include <limits>

namespace mcnn {

std::vector<Setting> settings(DataOptions& o) {
  constexpr int kMany = std::numeric_limits<int>::max();
  SettingTable t("data");
  t.choice("layout", o.layout, {"competition", "folders", "csv"}, "layout of the data set: where labels and people come from");
  t.text("root", o.root, "competition: holds train.csv and images/; folders: one folder per class; csv: paths start here");
  t.text("csv", o.csv, "csv layout: file with the columns path,label,group");
  t.list("classes", o.classes, "csv layout: class names in label order; empty: from the data");
  t.number("holdout", o.holdout, 0.0, 0.9, "share of the people held out for evaluation; 0: none, and the last epoch's weights are kept");
  t.number("resize", o.resize, 0, 8192, "shorter side before the crop; 0: the crop's");
  t.number("crop", o.crop, 8, 8192, "side of the central square the network sees");
  t.choice("interpolation", o.interpolation, {"bicubic", "bilinear"},
           "filter of the resize; antialiased, except with crop_rule = tensorflow");
  t.choice("crop_rule", o.crop_rule, {"timm", "torchvision", "tensorflow"},
           "timm, torchvision: resize, then cut the centre out; tensorflow: cut the central square (crop/resize of the shorter side) "
           "out first, then resize without antialiasing");
  t.flag("flip", o.flip, "mirror half of the training photos");
  t.flag("skip_broken", o.skip_broken, "leave unreadable photos out and count them, instead of stopping with an error");
  t.number("max_megapixels", o.max_megapixels, 0.001, 1e5, "larger photos are refused; 100 megapixels need 300 MB to decode");
  t.number("workers", o.workers, 0, 256, "threads that decode ahead; 0: decode in the training thread");
  t.number("cache_mb", o.cache_mb, 0, kMany, "decoded photos kept in memory, at most");
  t.numbers("mean", o.mean, 3, "mean of R,G,B in 0..1; empty: what the weights were trained with, else ImageNet's");
  t.numbers("std", o.std, 3, "standard deviation of R,G,B, as mean");
  return t.rows;
}

}  // namespace mcnn
