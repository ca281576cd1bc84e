// config.ini: it is read back as written, and every mistake is one line that names the file, the section and the key.
// Next: train/config.h.
#include "train/config.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/data/temporary_folder.h"
#include "tests/train/message.h"

namespace mcnn {
namespace {

class ConfigFile : public testing::Test {
 protected:
  Config read(const std::string& text) const { return read_config(folder.write("config.ini", text)); }
  std::string complaint(const std::string& text) const {
    return message_of([&] { read(text); });
  }

  TemporaryFolder folder;
};

/// A value for every key, none of them its default, as write_config spells it.
const std::map<std::string, std::string> kOthers = {{"run.dir", "runs/with space, comma = and # é"},
                                                    {"run.seed", "18446744073709551615"},
                                                    {"run.device", "ref"},
                                                    {"run.threads", "3"},
                                                    {"run.products", "vendor"},
                                                    {"run.allow_tf32", "true"},
                                                    {"model.name", "lite2"},
                                                    {"model.width", "0.30000000000000004"},
                                                    {"model.depth", "0.1"},
                                                    {"model.padding", "same:224x160"},
                                                    {"model.storage", "bf16"},
                                                    {"data.crop_rule", "tensorflow"},
                                                    {"model.bn_eps", "1e-05"},
                                                    {"model.bn_momentum", "0.01"},
                                                    {"model.frozen_norm", "true"},
                                                    {"model.dropout", "0.25"},
                                                    {"model.drop_path", "0.125"},
                                                    {"weights.init", "weights/b0;v2.safetensors"},
                                                    {"weights.state_dict", "ema/module"},
                                                    {"weights.allow_missing", "classifier.*, blocks.6.[01].conv_pw.weight"},
                                                    {"data.layout", "csv"},
                                                    {"data.root", std::string(300, 'r')},
                                                    {"data.csv", "a.csv"},
                                                    {"data.classes", "wear/male/<30, normal/female/>=60, ein, deux"},
                                                    {"data.holdout", "0.3333333333333333"},
                                                    {"data.resize", "256"},
                                                    {"data.crop", "96"},
                                                    {"data.interpolation", "bilinear"},
                                                    {"data.flip", "false"},
                                                    {"data.skip_broken", "true"},
                                                    {"data.workers", "5"},
                                                    {"data.max_megapixels", "0.5"},
                                                    {"data.cache_mb", "7"},
                                                    {"data.mean", "0.5, 0.25, 0.1"},
                                                    {"data.std", "1, 0.3, 1e-07"},
                                                    {"train.epochs", "2147483647"},
                                                    {"train.batch", "17"},
                                                    {"train.optimizer", "sgd"},
                                                    {"train.learning_rate", "0.0031622776601683794"},
                                                    {"train.weight_decay", "0.02"},
                                                    {"train.decay_norm_and_bias", "false"},
                                                    {"train.momentum", "0.75"},
                                                    {"train.warmup_epochs", "1.5"},
                                                    {"train.label_smoothing", "0.05"},
                                                    {"train.clip_norm", "2.5"},
                                                    {"train.ema", "0.9999"},
                                                    {"train.checkpoint_minutes", "2.5"},
                                                    {"train.select", "last"}};

TEST_F(ConfigFile, EverySettingComesBack) {
  Config config;
  for (const Setting& s : settings(config)) {
    const auto other = kOthers.find(s.section + "." + s.key);
    ASSERT_NE(other, kOthers.end()) << s.section << "." << s.key << " is new: give this test a value for it";
    EXPECT_NE(s.write(), other->second) << s.key << " has this value by default";
    override_setting(config, other->first + "=" + other->second);
  }
  Config again = read(write_config(config));
  // All at once, so that two keys of one field would show.
  for (const Setting& s : settings(config)) EXPECT_EQ(s.write(), kOthers.at(s.section + "." + s.key)) << s.key;
  for (const Setting& s : settings(again)) EXPECT_EQ(s.write(), kOthers.at(s.section + "." + s.key)) << s.key << " out of the file";
  EXPECT_EQ(again.train.learning_rate, 0.0031622776601683794);
  EXPECT_EQ(again.data.classes, (std::vector<std::string>{"wear/male/<30", "normal/female/>=60", "ein", "deux"}));
  EXPECT_EQ(again.data.std, (std::vector<double>{1, 0.3, 1e-7}));
}

TEST_F(ConfigFile, DefaultsComeBack) {
  EXPECT_EQ(write_config(read(write_config({}))), write_config({}));
  EXPECT_EQ(write_config(read("")), write_config({}));
}

TEST_F(ConfigFile, LongListsAreReadWhole) {
  Config config;
  for (int k = 0; k < 200; ++k) config.data.classes.push_back("class number " + std::to_string(k));
  EXPECT_EQ(read(write_config(config)).data.classes, config.data.classes);
}

TEST_F(ConfigFile, CommentsAndIndentationAreNoValues) {
  const Config config = read("# mine\n[train]\n  epochs = 3 ; enough\n  batch=4\n\n; [data]\n[data]\ncrop: 64\n");
  EXPECT_EQ(config.train.epochs, 3);
  EXPECT_EQ(config.train.batch, 4);
  EXPECT_EQ(config.data.crop, 64);
}

TEST_F(ConfigFile, WhatAFileCannotHoldIsRefusedOnTheCommandLine) {
  Config config;
  for (const char* value : {"photos ;old", "photos\f;old", ";photos", "pho\ntos"})
    EXPECT_TRUE(says(message_of([&] { override_setting(config, std::string("data.root=") + value); }), {"[data] root"})) << value;
  EXPECT_TRUE(says(message_of([&] { override_setting(config, "data.classes=a,;b"); }), {"[data] classes", "begins a comment"}));
}

TEST_F(ConfigFile, UnknownNamesComeWithTheNearest) {
  const std::string path = folder / "config.ini";
  EXPECT_EQ(complaint("[train]\nepoch = 3\n"), path + ": [train] unknown key 'epoch'; did you mean 'epochs'?");
  EXPECT_TRUE(says(complaint("[trian]\nepochs = 3\n"), {path + ": unknown section [trian]; did you mean 'train'?"}));
  EXPECT_TRUE(says(complaint("epochs = 3\n"), {"unknown section []", "train"}));
  EXPECT_TRUE(says(complaint("[model]\nname = b44\n"), {"[model] name = b44", "did you mean 'b4'?"}));
  EXPECT_TRUE(says(complaint("[train]\noptimizer = adam\n"), {"did you mean 'adamw'?"}));
}

TEST_F(ConfigFile, ValuesOutOfRange) {
  EXPECT_EQ(complaint("[train]\nepochs = 0\n"), (folder / "config.ini") + ": [train] epochs = 0: 0 is outside 1 to 2147483647");
  for (const char* line : {"[train]\nbatch = -1", "[train]\nbatch = 65537", "[train]\nlearning_rate = -1e-9", "[data]\nholdout = 0.95",
                           "[data]\ncrop = 7", "[train]\nlabel_smoothing = 1.01", "[model]\ndropout = 1"})
    EXPECT_TRUE(says(complaint(line), {"is outside"})) << line;
}

TEST_F(ConfigFile, ValuesThatAreNone) {
  for (const char* value : {"", "three", "3x", "3.5", "0x10", "99999999999", "3 4"})
    EXPECT_TRUE(says(complaint(std::string("[train]\nepochs = ") + value), {"is not a whole number"})) << value;
  for (const char* value : {"", "nan", "inf", "1e", "1e999", "0,5"})
    EXPECT_TRUE(says(complaint(std::string("[train]\nlearning_rate = ") + value), {"[train] learning_rate", "number"})) << value;
  for (const char* value : {"", "2", "on", "True "})
    EXPECT_TRUE(says(complaint(std::string("[data]\nflip = ") + value), {"is neither true nor false"})) << value;
  EXPECT_EQ(complaint("[run]\nallow_tf32 = high\n"),
            (folder / "config.ini") + ": [run] allow_tf32 = high: 'high' is neither true nor false");
  EXPECT_TRUE(says(complaint("[run]\nproducts = vender\n"), {"[run] products = vender", "did you mean 'vendor'?"}));
  EXPECT_TRUE(says(complaint("[data]\nmean = 0.5, 0.5"), {"[data] mean = 0.5, 0.5: 2 numbers, expected 3"}));
}

TEST_F(ConfigFile, FlagsInEverySpelling) {
  for (const char* yes : {"true", "yes", "1"}) EXPECT_TRUE(read(std::string("[data]\nskip_broken = ") + yes).data.skip_broken) << yes;
  for (const char* no : {"false", "no", "0"}) EXPECT_FALSE(read(std::string("[data]\nflip = ") + no).data.flip) << no;
}

TEST_F(ConfigFile, ListsMayBeEmptyAndSpaced) {
  EXPECT_EQ(read("[data]\nclasses = a ,b,, c d ,").data.classes, (std::vector<std::string>{"a", "b", "c d"}));
  EXPECT_EQ(read("[data]\nclasses = \fa,\v\f,\fb\f").data.classes, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(read("[data]\nclasses =").data.classes.empty());
  EXPECT_TRUE(read("[data]\nmean =").data.mean.empty());
}

TEST_F(ConfigFile, AKeySetTwice) {
  EXPECT_EQ(complaint("[train]\nepochs = 3\n[run]\nseed = 1\n[train]\nepochs = 3\n"),
            (folder / "config.ini") + ": [train] epochs is set twice");
}

TEST_F(ConfigFile, WhatIsNoConfiguration) {
  EXPECT_EQ(complaint("[train]\nepochs\n"), (folder / "config.ini") + ":2: neither a [section] nor a key = value");
  EXPECT_EQ(message_of([&] { read_config(folder / "absent.ini"); }), (folder / "absent.ini") + ": cannot be read");
  EXPECT_TRUE(says(message_of([&] { read_config(folder.path()); }), {folder.path() + ": cannot be read"}));
}

TEST(ConfigOverride, IsCheckedLikeTheFile) {
  Config config;
  override_setting(config, "train.epochs=7");
  override_setting(config, "data.root = a=b ");
  EXPECT_EQ(config.train.epochs, 7);
  EXPECT_EQ(config.data.root, "a=b");
  for (const char* assignment : {"train.epochs", "epochs=3", "=", "a=b.c", ""})
    EXPECT_TRUE(says(message_of([&] { override_setting(config, assignment); }), {"is not of the form section.key=value"})) << assignment;
  EXPECT_TRUE(says(message_of([&] { override_setting(config, "train.epoch=3"); }), {"did you mean 'epochs'?"}));
  EXPECT_TRUE(says(message_of([&] { override_setting(config, "train.epochs=x"); }), {"[train] epochs = x: 'x' is not a whole number"}));
  EXPECT_EQ(config.train.epochs, 7);
}

}  // namespace
}  // namespace mcnn
