// torch.save's files, both containers: tensors are read however they lie in their storage; code in a file is not run; damaged files are
// refused with one line that says where.
// Next: formats/torch_tensors.h; torch_writer.h makes the files.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "formats/tensor_file.h"
#include "formats/torch_legacy.h"
#include "formats/torch_zip.h"
#include "formats/zip_archive.h"
#include "runtime/error.h"
#include "tests/formats/torch_writer.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;
using namespace torch_writer;

std::span<const std::byte> bytes_of(const std::string& content) { return std::as_bytes(std::span(content)); }

/// The tensors of a file with this content, which must outlive the result.
TensorFile read(const std::string& content, const std::string& dictionary = "") {
  return content.starts_with("PK") ? read_torch_zip("f.pth", bytes_of(content), nullptr, dictionary)
                                   : read_torch_legacy("f.pth", bytes_of(content), nullptr, dictionary);
}
TensorFile read(std::string&& content, const std::string& dictionary = "") = delete;

/// The error message; "" if the file is accepted.
std::string refusal(const std::string& content, const std::string& dictionary = "") {
  try {
    read(content, dictionary);
  } catch (const Error& e) {
    const std::string line = e.what();
    EXPECT_TRUE(line.starts_with("f.pth: ")) << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    EXPECT_LT(line.size(), 1000u) << line;
    return line;
  }
  return "";
}

/// Both containers around the same object.
std::vector<std::string> both(const std::string& object, const Storages& storages, std::size_t element = 4) {
  return {torch_zip(object, storages), torch_legacy(object, storages, element)};
}

void expect_refused(const std::string& content, const std::vector<std::string>& words, const std::string& dictionary = "") {
  const std::string line = refusal(content, dictionary);
  for (const std::string& word : words) EXPECT_NE(line.find(word), std::string::npos) << "'" << line << "' lacks '" << word << "'";
}

std::vector<float> floats(const TensorFile& file, const std::string& name) {
  const StoredTensor* t = file.find(name);
  EXPECT_NE(t, nullptr) << name;
  return t ? as_floats(*t) : std::vector<float>();
}

TEST(Torch, ViewsOfOneStorage) {
  const std::string shared = storage("0", 12);
  const std::string object = dict({{"whole", tensor(shared, {3, 4}, {4, 1})},
                                   {"transposed", tensor(shared, {4, 3}, {1, 4})},
                                   {"part", tensor(shared, {2}, {1}, 5)},
                                   {"column", tensor(shared, {3}, {4}, 1)},
                                   {"repeated", tensor(shared, {2, 2}, {0, 1}, 2)},
                                   {"cube", tensor(shared, {2, 3, 2}, {1, 4, 2})},
                                   {"one", tensor(shared, {1, 1}, {77, 99}, 11)},
                                   {"scalar", tensor(shared, {}, {}, 7)},
                                   {"none", tensor(shared, {0, 5}, {5, 1})}});
  for (const std::string& content : both(object, {{"0", counting(12)}})) {
    const TensorFile file = read(content);
    EXPECT_EQ(floats(file, "whole"), (std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}));
    EXPECT_EQ(floats(file, "transposed"), (std::vector<float>{0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11}));
    EXPECT_EQ(floats(file, "part"), (std::vector<float>{5, 6}));
    EXPECT_EQ(floats(file, "column"), (std::vector<float>{1, 5, 9}));
    EXPECT_EQ(floats(file, "repeated"), (std::vector<float>{2, 3, 2, 3}));
    EXPECT_EQ(floats(file, "cube"), (std::vector<float>{0, 2, 4, 6, 8, 10, 1, 3, 5, 7, 9, 11}));
    EXPECT_EQ(floats(file, "one"), (std::vector<float>{11}));
    EXPECT_EQ(floats(file, "scalar"), (std::vector<float>{7}));
    EXPECT_EQ(floats(file, "none"), std::vector<float>());
    EXPECT_EQ(file.find("scalar")->shape_str(), "()");
    // Not copied: the values lie in the file's bytes.
    const auto* inside = reinterpret_cast<const char*>(file.find("whole")->bytes.data());
    EXPECT_TRUE(inside > content.data() && inside < content.data() + content.size());
  }
}

TEST(Torch, EveryType) {
  const struct {
    const char* type;
    const char* dtype;
    std::string bytes;
    double value;
  } cases[] = {
      {"DoubleStorage", "F64", raw(0.1), 0.1},           {"FloatStorage", "F32", raw(1.5f), 1.5},
      {"HalfStorage", "F16", raw(uint16_t{0xc000}), -2}, {"BFloat16Storage", "BF16", raw(uint16_t{0x3f80}), 1},
      {"LongStorage", "I64", raw(int64_t{-5}), -5},      {"IntStorage", "I32", raw(int32_t{-7}), -7},
      {"ShortStorage", "I16", raw(int16_t{-300}), -300}, {"CharStorage", "I8", raw(int8_t{-3}), -3},
      {"ByteStorage", "U8", raw(uint8_t{200}), 200},     {"BoolStorage", "BOOL", raw(uint8_t{1}), 1},
  };
  for (const auto& c : cases) {
    const std::string object = dict({{"t", tensor(storage("0", 1, c.type), {1}, {1})}});
    for (const std::string& content : both(object, {{"0", c.bytes}}, c.bytes.size())) {
      const TensorFile file = read(content);
      ASSERT_NE(file.find("t"), nullptr) << c.type;
      EXPECT_EQ(file.find("t")->dtype, c.dtype);
      EXPECT_EQ(as_doubles(*file.find("t")), std::vector<double>{c.value}) << c.type;
    }
  }
  expect_refused(torch_zip(dict({{"t", tensor(storage("0", 1, "ComplexFloatStorage"), {1}, {1})}}), {{"0", raw(0.)}}),
                 {"'torch.ComplexFloatStorage'", "offset"});
}

TEST(Torch, ParametersOrderedDictsAndTheirMetadata) {
  const std::string weight = tensor(storage("0", 2), {2}, {1});
  const std::string module = ordered_dict() + text("w") +
                             call(global("torch._utils", "_rebuild_parameter"), {weight, "\x88", ordered_dict()}) + "s" +
                             dict({{"_metadata", dict({{"", dict({{"version", integer(1)}})}})}}) + "b";
  for (const std::string& content : both(module, {{"0", counting(2)}})) {
    const TensorFile file = read(content);
    ASSERT_EQ(file.tensors().size(), 1u);
    EXPECT_EQ(floats(file, "w"), (std::vector<float>{0, 1}));
    EXPECT_TRUE(file.notes().empty());
  }
}

TEST(Torch, WhichDictionaryIsChosen) {
  const Storages storages = {{"0", counting(4)}};
  const auto weights = [](int i) { return dict({{"w", tensor(storage("0", 4), {1}, {1}, i)}}); };
  const struct {
    const char* what;
    std::string object, asked;
    float value;
    const char* note;
  } cases[] = {
      {"plain", weights(0), "", 0, ""},
      {"state_dict", dict({{"epoch", integer(3)}, {"state_dict", weights(1)}}), "", 1, "'state_dict'"},
      {"averaged before plain", dict({{"state_dict", weights(1)}, {"state_dict_ema", weights(2)}}), "", 2, "also there: 'state_dict'"},
      {"averaged in a module", dict({{"model", weights(1)}, {"ema", dict({{"decay", integer(1)}, {"module", weights(3)}})}}), "", 3,
       "'ema/module'"},
      {"asked for", dict({{"state_dict", weights(1)}, {"state_dict_ema", weights(2)}}), "state_dict", 1, ""},
      {"asked for, deep", dict({{"ema", dict({{"module", weights(3)}, {"other", weights(0)}})}}), "ema/other", 0, ""},
      {"the only one", dict({{"config", dict({{"a", integer(1)}})}, {"network", weights(2)}}), "", 2, "'network'"},
      {"a loose tensor beside it", dict({{"best", tensor(storage("0", 4), {}, {})}, {"model", weights(2)}}), "", 2, "'model'"},
      {"a None where EMA would be", dict({{"model_ema", "N"}, {"model", weights(1)}}), "", 1, "'model'"},
      {"numbers among the tensors", dict({{"w", tensor(storage("0", 4), {1}, {1}, 3)}, {"extra", integer(1)}}), "", 3,
       "no tensors: 'extra'"},
  };
  for (const auto& c : cases) {
    for (const std::string& content : both(c.object, storages)) {
      const TensorFile file = read(content, c.asked);
      EXPECT_EQ(floats(file, "w"), std::vector<float>{c.value}) << c.what;
      std::string notes;
      for (const std::string& note : file.notes()) notes += note;
      EXPECT_NE(notes.find(c.note), std::string::npos) << c.what << ": " << notes;
    }
  }
  const std::string several = torch_zip(dict({{"generator", weights(0)}, {"critic", weights(1)}}), storages);
  expect_refused(several, {"'generator', 'critic'"});
  expect_refused(several, {"'generater'", "did you mean 'generator'"}, "generater");
  expect_refused(torch_zip(dict({{"epoch", integer(1)}}), {}), {"without tensors"});
  expect_refused(torch_zip(list({integer(1)}), {}), {"a list, expected a dictionary"});
}

TEST(Torch, NothingIsEverRun) {
  const std::string marker = (fs::temp_directory_path() / ("mcnn_was_run_" + std::to_string(::getpid()))).string();
  const std::string touch = text("touch " + marker);
  const std::string weight = tensor(storage("0", 1), {1}, {1});
  const struct {
    std::string value, named;
  } cases[] = {
      {call(global("posix", "system"), {touch}), "'posix.system'"},
      {call(global("builtins", "eval"), {text("1")}), "'builtins.eval'"},
      {call(text("os") + text("system") + "\x93", {touch}), "'os.system'"},
      {global("subprocess", "Popen") + tuple({touch}) + "\x81", "'subprocess.Popen'"},
      {global("importlib._bootstrap", "_call_with_frames_removed"), "'importlib._bootstrap"},
      {dict({{"deep", list({call(global("builtins", "exec"), {touch})})}}), "'builtins.exec'"},
      {"(" + touch + "iposix\nsystem\n", "opcode 0x69"},                          // INST
      {"(" + global("collections", "OrderedDict") + touch + "o", "opcode 0x6f"},  // OBJ
      {"\x82\x01", "opcode 0x82"},                                                // EXT1
      {"Pmodule\n", "opcode 0x50"},                                               // PERSID
      {"Vtext\n", "opcode 0x56"},                                                 // UNICODE, protocol 0
      {tuple({text("module"), text("x")}) + "Q", "'module'"},
      {call(text("posix.system"), {touch}), "calls a str"},
      {call(dict({}), {touch}), "calls a dictionary"},
      {weight + dict({{"__class__", text("x")}}) + "b", "state of a tensor"},
  };
  for (const auto& c : cases) {
    const std::string object = dict({{"w", weight}, {"attack", c.value}});
    for (const std::string& content : both(object, {{"0", counting(1)}})) expect_refused(content, {c.named, "offset "});
  }
  EXPECT_FALSE(fs::exists(marker));
}

TEST(Torch, WhatTrainersSaveBesideTheWeightsIsPassedOver) {
  const std::string weight = tensor(storage("0", 1), {1}, {1});
  const std::string numpy_number = call(global("numpy.core.multiarray", "scalar"),
                                        {call(global("numpy", "dtype"), {text("f8"), "\x89", "\x88"}) +
                                             tuple({integer(3), text("<"), "N", "N", "N", integer(-1), integer(-1), integer(0)}) + "b",
                                         call(global("_codecs", "encode"), {text("12345678"), text("latin1")})});
  const std::string made = "\x81", with_keywords = "\x92";
  const struct {
    const char* what;
    std::string value, object;
  } cases[] = {
      {"timm's arguments", global("argparse", "Namespace") + ")" + made + dict({{"lr", integer(1)}, {"w", weight}}) + "b",
       "argparse.Namespace"},
      {"torchvision's schedule", dict({{"milestones", call(global("collections", "Counter"), {dict({{"3", integer(1)}})})}}), ""},
      {"numpy's numbers", dict({{"best", numpy_number}}), ""},
      {"one by itself", numpy_number, "numpy.core.multiarray.scalar"},
      {"Lightning's parameters", call(global("lightning.fabric.utilities.data", "AttributeDict"), {}) + "(" + text("lr") + integer(1) + "u",
       "AttributeDict"},
      {"a dictionary with defaults", call(global("collections", "defaultdict"), {global("builtins", "list")}) + text("a") + list({}) + "s",
       "collections.defaultdict"},
      {"a list of its own class", global("omegaconf.listconfig", "ListConfig") + ")" + made + integer(1) + "a", "ListConfig"},
      {"by keywords", global("pathlib", "PosixPath") + tuple({text("a")}) + dict({}) + with_keywords, "pathlib.PosixPath"},
      {"a set", "\x8f(" + integer(1) + integer(2) + "\x90", "set"},
      {"a frozen set", "(" + integer(1) + "\x91", "frozenset"},
      {"an enumeration", call(global("builtins", "getattr"), {global("my.config", "Mode"), text("train")}), "builtins.getattr"},
      {"a whole model", call(global("timm.models.efficientnet", "EfficientNet"), {}) + dict({{"conv", weight}}) + "b", "EfficientNet"},
      {"an ordered dictionary's class", global("collections", "OrderedDict") + ")" + made, ""},
      {"pairs", call(global("collections", "OrderedDict"), {list({tuple({text("a"), integer(1)})})}), "OrderedDict"},
  };
  for (const auto& c : cases)
    for (const std::string& content : both(dict({{"state_dict", dict({{"w", weight}})}, {"beside", c.value}}), {{"0", counting(1)}})) {
      EXPECT_EQ(floats(read(content, ""), "w"), std::vector<float>{0}) << c.what;
    }
  for (const auto& c : cases) {
    if (*c.object.c_str() == 0) continue;
    // Among the weights the object is no tensor, and a note names it; alone it is no dictionary.
    std::string notes;
    const std::string among = torch_zip(dict({{"w", weight}, {"beside", c.value}}), {{"0", counting(1)}});
    const TensorFile file = read(among, "");
    for (const std::string& note : file.notes()) notes += note;
    EXPECT_NE(notes.find(c.object), std::string::npos) << c.what << ": " << notes;
    expect_refused(torch_zip(c.value, {}), {c.object, "save model.state_dict()"});
    expect_refused(torch_zip(dict({{"epoch", integer(1)}, {"model", c.value}}), {}), {c.object, "'model'", "save model.state_dict()"});
  }
}

TEST(Torch, WrongTensorsAreRefusedByName) {
  const std::string shared = storage("0", 4);
  const auto rebuild = [](const std::vector<std::string>& arguments) {
    return call(global("torch._utils", "_rebuild_tensor_v2"), arguments);
  };
  const struct {
    std::string tensor, word;
  } cases[] = {
      {tensor(shared, {5}, {1}), "leaves its storage of 4 elements"},
      {tensor(shared, {2}, {1}, 3), "leaves its storage"},
      {tensor(shared, {2}, {1}, -1), "no non-negative integer"},
      {tensor(shared, {2}, {-1}, 3), "holds -1"},
      {tensor(shared, {-2}, {1}), "holds -2"},
      {tensor(shared, {2, 2}, {1}), "1 strides for (2,2)"},
      {tensor(shared, {INT64_MAX, INT64_MAX}, {0, 0}), "too large"},
      {tensor(shared, {INT64_MAX, 4, 0}, {1, 1, 1}), "too large"},
      {tensor(shared, {3}, {INT64_MAX}), "leaves its storage"},
      {tensor(shared, {2}, {1}, INT64_MAX), "leaves its storage"},
      {tensor(shared, {100'000'000}, {0}), "more than 4 times the file"},
      {tensor(storage("0", INT64_MAX), {1}, {1}), "too large"},
      {tensor(storage("0", 4, "FloatStorage", {tuple({text("v"), integer(3), integer(2)})}), {1}, {1}), "leaves storage '0'"},
      {rebuild({shared}), "1 arguments"},
      {rebuild({shared, text("0"), integers({1}), integers({1})}), "no non-negative integer"},
      {rebuild({shared, integer(0), integer(1), integers({1})}), "shape is a int, expected a tuple"},
      {rebuild({shared, integer(0), tuple({text("1")}), integers({1})}), "shape holds a str"},
      {tensor(tuple({text("storage"), text("FloatStorage"), text("0"), text("cpu"), integer(4)}) + "Q", {1}, {1}), "id is not"},
      {tensor(tuple({text("storage")}) + "Q", {1}, {1}), "id is not"},
  };
  for (const auto& c : cases)
    for (const std::string& content : both(dict({{"layer.weight", c.tensor}}), {{"0", counting(4)}})) expect_refused(content, {c.word});
  // The legacy container lists its storages; the list lacks the same ones.
  expect_refused(torch_zip(dict({{"a", tensor(storage("9", 4), {1}, {1})}}), {{"0", counting(4)}}), {"no entry 'model/data/9'"});
  expect_refused(torch_zip(dict({{"a", tensor(text("x"), {1}, {1})}}), {}), {"tensor 'a'", "a str, expected a storage"});
  for (const std::string& content : both(dict({{"layer.weight", cases[0].tensor}}), {{"0", counting(4)}}))
    expect_refused(content, {"'layer.weight'", "F32(5)", "offset "});
  const std::string twice = dict({{"a", tensor(shared, {1}, {1})}, {"a", tensor(shared, {1}, {1})}});
  for (const std::string& content : both(twice, {{"0", counting(4)}})) expect_refused(content, {"'a' occurs twice"});
  for (const std::string& content : both("}(" + integer(3) + tensor(shared, {1}, {1}) + "u", {{"0", counting(4)}}))
    expect_refused(content, {"name is a int"});
}

TEST(Torch, ViewsOfLegacyStorages) {
  const std::string view = storage("0", 6, "FloatStorage", {tuple({text("v"), integer(2), integer(3)})});
  const std::string content = torch_legacy(dict({{"a", tensor(view, {2}, {1}, 1)}}), {{"0", counting(6)}});
  const TensorFile file = read(content);
  EXPECT_EQ(floats(file, "a"), (std::vector<float>{3, 4}));
  expect_refused(torch_legacy(dict({{"a", tensor(view, {3}, {1}, 1)}}), {{"0", counting(6)}}), {"storage of 3 elements"});
}

TEST(Torch, PicklesThatPointInCirclesOrDeepDown) {
  const Storages none;
  std::string nested = "N";
  for (int i = 0; i < 300'000; ++i) nested += "\x85";                        // (((None,),),)...
  const std::string circle = "}q\x01" + text("state_dict") + "h\x01" + "s";  // a dictionary in itself
  const std::string list_circle = "]q\x01h\x01" + std::string("a");
  for (const std::string& object : {circle, list_circle, dict({{"a", nested}}), dict({{"a", list_circle}})})
    for (const std::string& content : both(object, none)) EXPECT_NE(refusal(content), "");
  expect_refused(torch_zip(circle, none), {"dictionaries in dictionaries"});
  const std::string parameter = "}q\x01" + call(global("torch._utils", "_rebuild_parameter"), {"h\x01"});
  expect_refused(torch_zip(parameter, none), {"something else than a tensor"});
}

TEST(Torch, PicklesThatAskForMemory) {
  const Storages none;
  const auto memo = [](uint32_t index) { return dict({}) + "r" + raw(index); };
  expect_refused(torch_zip(memo(0xfffffff0u), none), {"memo entry 4294967280"});
  expect_refused(torch_zip("j" + raw(5u), none), {"memo entry 5 was never stored"});
  expect_refused(torch_zip(std::string(1'100'000, ']'), none), {"more than 1000000 values"});
  expect_refused(torch_zip("X" + raw(0xffffffffu) + "a", none), {"the pickle ends after"});
  expect_refused(torch_zip(std::string("\x8d") + raw(~uint64_t{0}) + "a", none), {"the pickle ends after"});
  expect_refused(torch_zip("\x8b" + raw(0xffffffffu), none), {"the pickle ends after"});
}

TEST(Torch, NamesOfObjectsTakeLittleMemory) {
  // A long text, repeated by its memo entry; and short names, each kept once.
  const std::string file = torch_zip(text(std::string(1 << 20, 'm')) + text("n") + "\x93", {});
  EXPECT_NE(refusal(file).find("a global's name of 1048577 bytes"), std::string::npos) << refusal(file);
}

TEST(Torch, StacksThatDoNotAddUp) {
  for (const char* program : {"0",     "t",    "e",    "u",  "a",    "s",    "R",    "b",    "Q",   "\x85", "\x86",  "\x87", "2",     "1",
                              "q\x01", "\x94", "\x93", "(0", "((t0", "]N(u", "}(Nu", "N(Ne", "NNb", "c",    "cos\n", "K",    "J\x01", ""})
    for (const std::string& content : both(program, {})) EXPECT_NE(refusal(content), "") << program;
  expect_refused("PK", {"end record"});
  expect_refused("\x80", {"ends after"});
  expect_refused(pickle(dict({{"a", integer(1)}})), {"a pickle of a dictionary, but not one of torch.save"});
  expect_refused("\x80\x06N.", {"protocol 6"});
}

/// A small file of each container, and of a zip file with everything deflated and in zip64 records.
std::vector<std::string> samples() {
  const std::string object = dict({{"a", tensor(storage("0", 6), {2, 3}, {3, 1})}, {"b", tensor(storage("1", 4), {2, 2}, {1, 2})}});
  const Storages storages = {{"0", counting(6)}, {"1", counting(4)}};
  std::vector<std::string> files = both(object, storages);
  files.push_back(zip({{"m/data.pkl", pickle(object), true}, {"m/data/0", counting(6), true}, {"m/data/1", counting(4)}}, true));
  return files;
}

TEST(Torch, DeflatedEntriesAndZip64) {
  const std::string content = samples()[2];
  const TensorFile file = read(content);
  EXPECT_EQ(floats(file, "a"), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(floats(file, "b"), (std::vector<float>{0, 2, 1, 3}));
}

TEST(Torch, EveryTruncationIsRefused) {
  for (const std::string& content : samples()) {
    ASSERT_EQ(refusal(content), "");
    for (std::size_t size = 2; size < content.size(); ++size) EXPECT_NE(refusal(content.substr(0, size)), "") << "cut to " << size;
    EXPECT_NE(refusal(content + "x"), "");
  }
}

TEST(Torch, EveryFlippedByteOfAZipIsRefusedOrChangesNothing) {
  for (const std::string& content : {samples()[0], samples()[2]}) {
    const TensorFile original = read(content);
    for (std::size_t at = 0; at < content.size(); ++at) {
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ 0x21);
      if (at < 2 || !refusal(damaged).empty()) continue;
      const TensorFile file = read(damaged);  // a field nobody reads: a date, a version
      ASSERT_EQ(file.tensors().size(), 2u) << at;
      for (const StoredTensor& t : original.tensors()) EXPECT_EQ(floats(file, t.name), as_floats(t)) << "byte " << at;
    }
  }
}

TEST(Torch, EveryFlippedByteOfALegacyFileIsAValueOrALine) {
  const std::string content = samples()[1];
  for (std::size_t at = 1; at < content.size(); ++at)
    for (const int bits : {0x01, 0x80, 0xff}) {
      std::string damaged = content;
      damaged[at] = static_cast<char>(damaged[at] ^ bits);
      refusal(damaged);  // checks the message, if there is one
    }
}

TEST(Torch, DamageIsNamedWithItsEntry) {
  std::string content = samples()[0];
  const std::size_t at = content.find(counting(6)) + 9;
  content[at] = static_cast<char>(content[at] ^ 1);
  expect_refused(content, {"'model/data/0' at offset ", "is damaged: CRC"});
}

TEST(Torch, ZipsThatLie) {
  const std::string object = dict({{"a", tensor(storage("0", 6), {6}, {1})}});
  const std::string good = torch_zip(object, {{"0", counting(6)}});
  expect_refused(torch_zip(object, {{"0", counting(5)}}), {"storage '0' has 20 bytes, expected 24"});
  expect_refused(torch_zip(object, {}), {"no entry 'model/data/0'"});
  expect_refused(zip({{"readme", "x"}}), {"without data.pkl"});
  expect_refused(zip({{"a/data.pkl", pickle(object)}, {"b/data.pkl", pickle(object)}}), {"two objects"});
  expect_refused(zip({{"a/data.pkl", pickle(object)}, {"a/data.pkl", pickle(object)}}), {"occurs twice"});
  expect_refused(zip({{"a/byteorder", "big"}, {"a/data.pkl", pickle(object)}}), {"byte order 'big'"});
  expect_refused(zip({}), {"without data.pkl"});

  // A zip bomb: a million zeros in a thousand bytes.
  const std::string bomb = zip({{"a/data.pkl", pickle(dict({{"a", tensor(storage("0", 250'000), {250'000}, {1})}}))},
                                {"a/data/0", std::string(1'000'000, '\0'), true}});
  EXPECT_LT(bomb.size(), 3000u);
  expect_refused(bomb, {"inflates from", "more than 16 times the file"});

  const std::size_t directory = good.find("PK\x01\x02");
  const auto changed = [&](std::size_t at, const std::string& with) {
    std::string content = good;
    return content.replace(directory + at, with.size(), with);
  };
  expect_refused(changed(8, raw(uint16_t{1})), {"is encrypted"});
  expect_refused(changed(10, raw(uint16_t{14})), {"another entry"});
  expect_refused(changed(20, raw(0x7fffffffu)), {"run into the directory"});
  expect_refused(changed(24, raw(0x7fffffffu)), {"is stored in"});
  expect_refused(changed(42, raw(0x7fffffffu)), {"lies outside"});
  expect_refused(changed(42, raw(1u)), {"no local header at offset 1"});
  // Two entries over the same bytes.
  const std::size_t second = good.find("PK\x01\x02", directory + 1);
  std::string overlapping = good;
  overlapping.replace(second + 42, 4, raw(0u));
  expect_refused(overlapping, {"another entry"});
  // An entry that overlaps the next one: both headers state the same size, and its CRC is right.
  std::string reaching = zip({{"a", "12345678"}, {"b", "abc"}});
  for (const std::size_t at : {std::size_t{18}, reaching.find("PK\x01\x02") + 20}) reaching.replace(at, 8, raw(20u) + raw(20u));
  EXPECT_THROW(
      try { ZipArchive("f.zip", bytes_of(reaching)); } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()).find("overlaps"), std::string::npos) << e.what();
        throw;
      },
      Error);
}

TEST(Torch, LegacyFilesThatLie) {
  const std::string object = dict({{"a", tensor(storage("0", 2), {2}, {1})}});
  const std::string other = dict({{"a", tensor(storage("0", 2), {2}, {1})}, {"b", tensor(storage("0", 3), {2}, {1})}});
  expect_refused(torch_legacy(object, {{"0", counting(3)}}), {"storage '0' has 3 elements, expected 2"});
  expect_refused(torch_legacy(object, {{"1", counting(2)}}), {"does not name"});
  expect_refused(torch_legacy(object, {}), {"storage '0' is not in the file"});
  expect_refused(torch_legacy(object, {{"0", counting(2)}, {"0", counting(2)}}), {"storage '0' occurs twice"});
  expect_refused(torch_legacy(other, {{"0", counting(2)}}), {"3 F32 here and 2 F32 before"});
  expect_refused(torch_legacy(object, {{"0", counting(2)}}) + "!", {"1 bytes at the end"});
}

class TorchFiles : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder); }
  void TearDown() override { fs::remove_all(folder); }
  std::string write(const std::string& name, const std::string& content) const {
    std::ofstream(folder / name, std::ios::binary) << content;
    return (folder / name).string();
  }
  fs::path folder = fs::temp_directory_path() / ("mcnn_torch_" + std::to_string(::getpid()));
};

TEST_F(TorchFiles, ContentDecidesNotTheName) {
  for (const std::string& content : samples())
    for (const char* name : {"a.safetensors", "a.pth", "a"})
      EXPECT_EQ(floats(open_tensor_file(write(name, content)), "a"), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  // A header of 0x0280 bytes begins as a pickle does, one of 0x4b50 as a zip file.
  for (const uint64_t length : {uint64_t{0x0280}, uint64_t{0x4b50}}) {
    std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})";
    header.resize(length, ' ');
    EXPECT_EQ(floats(open_tensor_file(write("b.pth", raw(length) + header + "\x07")), "a"), std::vector<float>{7});
    EXPECT_THROW(open_tensor_file((folder / "b.pth").string(), "state_dict"), Error);
  }
}

TEST_F(TorchFiles, OpeningTakesNoMemoryForWhatIsStored) {
  const int64_t elements = 10'000'000;  // 40 MB
  const std::string object = dict({{"a", tensor(storage("0", elements), {elements}, {1})}});
  const std::string path = write("big.pth", torch_legacy(object, {{"0", std::string(static_cast<std::size_t>(elements) * 4, '\0')}}));
  const auto anonymous_kb = [] {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
      if (line.starts_with("RssAnon:")) return std::stol(line.substr(8));
    return 0L;
  };
  const long before = anonymous_kb();
  const TensorFile file = open_tensor_file(path);
  EXPECT_EQ(file.find("a")->bytes.size(), static_cast<std::size_t>(elements) * 4);
  EXPECT_LT(anonymous_kb() - before, 4'000);
}

}  // namespace
}  // namespace mcnn
