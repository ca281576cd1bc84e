// Runs mcnn-weights as a user does: converted weights are still the same network, and every mistake is one line.
// Next: apps/mcnn-weights.cpp.
#include <fmt/format.h>

#include <cmath>
#include <sstream>

#include "formats/safetensors.h"
#include "tests/apps/workplace.h"

namespace mcnn {
namespace {

class WeightsProgram : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(succeeded(here.train("run", {"train.epochs=1", "data.crop=40", "data.resize=48"})));
    best = here / "run/best.safetensors";
  }
  static Outcome weights(const std::vector<std::string>& arguments) { return run_program("mcnn-weights", arguments); }
  /// mcnn-infer's answers for a few photos, which depend on network, preprocessing and classes.
  std::string answers(const std::string& file) const {
    const Outcome outcome = run_program("mcnn-infer", {"--checkpoint", file, here.photos()[0], here.photos()[9], here.photos()[17]});
    EXPECT_TRUE(succeeded(outcome));
    return outcome.out;
  }
  /// A file of images (2,3,40,40) and, under "logits", numbers.
  std::string cases(const std::vector<float>& logits) const {
    std::vector<float> images(2 * 3 * 40 * 40);
    for (std::size_t i = 0; i < images.size(); ++i) images[i] = static_cast<float>(i % 17) / 17.f;
    const std::vector<StoredTensor> tensors = {{"images", "F32", {2, 3, 40, 40}, std::as_bytes(std::span(images))},
                                               {"pairs", "F32", {2, 3}, std::as_bytes(std::span(images).first(6))},
                                               {"logits", "F32", {2, 3}, std::as_bytes(std::span(logits))}};
    write_safetensors(here / "cases.safetensors", tensors, {});
    return here / "cases.safetensors";
  }

  Workplace here;
  std::string best;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_F(WeightsProgram, InspectSaysWhatTheFileStates) {
  const Outcome outcome = weights({"inspect", best});
  ASSERT_TRUE(succeeded(outcome));
  for (const char* part :
       {"format         safetensors\n", "names          timm\n", "model          b0                       from metadata 'model'\n",
        "resolution     40                       from metadata 'resolution'\n", "[\"cat\",\"dog\",\"owl\"]", "conv_stem.weight",
        "(8,3,3,3)", "'width' = '0.25'", "'resize' = '48'"})
    EXPECT_TRUE(has(outcome.out, part)) << part << "\nin\n" << outcome.out;
  EXPECT_FALSE(has(outcome.out, "guessed")) << outcome.out;

  // Without its metadata the convention of the same file is guessed, and the guesses are printed.
  const TensorFile file = open_tensor_file(best);
  write_safetensors(here / "bare.safetensors", file.tensors(), {});
  const Outcome bare = weights({"inspect", here / "bare.safetensors"});
  ASSERT_TRUE(succeeded(bare));
  EXPECT_TRUE(has(bare.out, "model          unknown\n")) << bare.out;
  EXPECT_TRUE(has(bare.out, "padding        symmetric                guessed from tensor names")) << bare.out;
  EXPECT_TRUE(has(bare.out, "no metadata")) << bare.out;
}

TEST_F(WeightsProgram, OtherNamesAreTheSameNetwork) {
  const std::string expected = answers(best);
  for (const char* naming : {"timm", "torchvision", "efficientnet_pytorch"}) {
    const std::string out = here / (std::string(naming) + ".safetensors");
    const Outcome outcome = weights({"convert", best, out, "--naming", naming});
    ASSERT_TRUE(succeeded(outcome));
    EXPECT_EQ(outcome.err, "") << "nothing had to be guessed";
    EXPECT_TRUE(has(outcome.out, naming)) << outcome.out;
    EXPECT_EQ(answers(out), expected) << naming;
    const Outcome same = weights({"diff", best, out});
    EXPECT_TRUE(succeeded(same));
    EXPECT_TRUE(has(same.out, "tensors compared: equal")) << same.out;
  }
}

TEST_F(WeightsProgram, AnExportedNarrowNetworkIsInferredAsTold) {
  const std::string pth = here / "narrow.pth", photo = here.photos()[9];
  ASSERT_TRUE(succeeded(weights({"convert", best, pth})));
  EXPECT_TRUE(complained(run_program("mcnn-infer", {"--checkpoint", pth, photo}), {"narrow.pth", "--model", "--width", "--depth"}));
  const Outcome told = run_program("mcnn-infer", {"--checkpoint", pth, "--model", "b0", "--width", "0.25", "--depth", "0.5", "--padding",
                                                  "same", "--bn-eps", "1e-3", "--resolution", "40", "--crop-pct", "0.833333333", photo});
  ASSERT_TRUE(succeeded(told));
  std::string expected = run_program("mcnn-infer", {"--checkpoint", best, photo}).out;
  for (std::size_t k = 0; k < 3; ++k) {  // a torch file has no class names
    const auto at = expected.find(" " + Workplace::classes()[k] + " ");
    ASSERT_NE(at, std::string::npos) << expected;
    expected.replace(at, 5, fmt::format(" {} ", k));
  }
  EXPECT_EQ(told.out, expected);
}

TEST_F(WeightsProgram, WhatIsSaidWhileConvertingIsStatedAfterwards) {
  const TensorFile file = open_tensor_file(best);
  write_safetensors(here / "bare.safetensors", file.tensors(), {{"licence", "mine"}});
  const std::string stated = here / "stated.safetensors";
  const Outcome outcome = weights({"convert",
                                   here / "bare.safetensors",
                                   stated,
                                   "--model",
                                   "b0",
                                   "--width",
                                   "0.25",
                                   "--depth",
                                   "0.5",
                                   "--padding",
                                   "same:40x40",
                                   "--bn-eps",
                                   "0.002",
                                   "--mean",
                                   "0.5,0.25,0.125",
                                   "--std",
                                   "1,1,1",
                                   "--resolution",
                                   "40",
                                   "--crop-pct",
                                   "0.8",
                                   "--interpolation",
                                   "bilinear"});
  ASSERT_TRUE(succeeded(outcome));
  const Metadata metadata = open_tensor_file(stated).metadata();
  EXPECT_EQ(metadata, (Metadata{{"bn_eps", "0.002"},
                                {"classes", "[\"0\",\"1\",\"2\"]"},
                                {"crop_pct", "0.8"},
                                {"crop_rule", "timm"},
                                {"depth", "0.5"},
                                {"format", "pt"},
                                {"interpolation", "bilinear"},
                                {"licence", "mine"},
                                {"mean", "0.5,0.25,0.125"},
                                {"model", "b0"},
                                {"padding", "same:40x40"},
                                {"resize", "50"},
                                {"resolution", "40"},
                                {"std", "1,1,1"},
                                {"width", "0.25"}}));
  // Guesses are printed when they are written to metadata.
  const Outcome guessed = weights({"convert", here / "bare.safetensors", stated, "--model", "b0", "--width", "0.25", "--depth", "0.5"});
  ASSERT_TRUE(succeeded(guessed));
  EXPECT_TRUE(has(guessed.err, "padding        symmetric                guessed from")) << guessed.err;
}

TEST_F(WeightsProgram, TheSameConversionWritesTheSameBytes) {
  for (const char* name : {"a.pth", "a.safetensors", "a.onnx"}) {
    const std::string out = here / name;
    ASSERT_TRUE(succeeded(weights({"convert", best, out})));
    const std::string first = bytes_of(out);
    ASSERT_TRUE(succeeded(weights({"convert", best, out})));
    EXPECT_TRUE(bytes_of(out) == first) << name;
  }
}

TEST_F(WeightsProgram, VerifyAgreesOnlyWithTheRightConvention) {
  const std::string golden = std::string(MCNN_SOURCE_DIR) + "/tests/golden/small/";  // PyTorch's answers
  const auto verify = [&](const std::string& padding, const std::string& bn_eps, const std::string& device) {
    return weights({"verify",    golden + "efficientnet_pytorch.safetensors",
                    "--model",   "b0",
                    "--width",   "0.05",
                    "--depth",   "0.2",
                    "--padding", padding,
                    "--bn-eps",  bn_eps,
                    "--cases",   golden + "expected.safetensors",
                    "--input",   "x",
                    "--expect",  "efficientnet_pytorch.logits_f64",
                    "--device",  device,
                    "--classes", "5"});
  };
  for (const char* device : {"cpu", "ref"}) {
    const Outcome right = verify("same:40x36", "1e-3", device);
    EXPECT_TRUE(succeeded(right));
    EXPECT_TRUE(has(right.out, "efficientnet_pytorch.logits_f64: ||a-b||/||b|| ") && has(right.out, ": agrees\n")) << right.out;
  }
  for (const Outcome& wrong : {verify("symmetric", "1e-3", "cpu"), verify("same:40x36", "1e-5", "cpu")}) {
    EXPECT_EQ(wrong.status, 1);
    EXPECT_TRUE(has(wrong.out, "(allowed 1e-04)") && has(wrong.out, ": DISAGREES\n")) << wrong.out;
  }
  const Outcome nan =
      weights({"verify", best, "--cases", cases({NAN, 0, 0, 0, 0, 0}), "--input", "images", "--expect", "logits", "--tolerance", "1000"});
  EXPECT_EQ(nan.status, 1) << "NaN never agrees";
}

TEST_F(WeightsProgram, DiffNamesWhatDiffers) {
  const TensorFile file = open_tensor_file(best);
  std::vector<StoredTensor> tensors = file.tensors();
  std::vector<float> bias = as_floats(*file.find("classifier.bias"));
  bias[1] += 2;
  std::erase_if(tensors, [](const StoredTensor& t) { return t.name == "bn2.weight" || t.name == "bn2.num_batches_tracked"; });
  for (StoredTensor& t : tensors)
    if (t.name == "classifier.bias") t.bytes = std::as_bytes(std::span(bias));
  write_safetensors(here / "changed.safetensors", tensors, file.metadata());
  const Outcome outcome = weights({"diff", best, here / "changed.safetensors"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "");
  const std::vector<std::string> lines = lines_of(outcome.out);
  ASSERT_EQ(lines.size(), 4u) << outcome.out;
  EXPECT_TRUE(has(lines[0], "'bn2.weight': only in the first, F32(320)")) << lines[0];
  EXPECT_TRUE(has(lines[1], "'classifier.bias': max|a-b| 2 at element 1 of 3")) << lines[1];
  EXPECT_TRUE(has(lines[2], "1 num_batches_tracked in only one of the files")) << lines[2];
  EXPECT_TRUE(has(lines[3], "2 differ, are missing or extra; largest difference 2")) << lines[3];
}

TEST_F(WeightsProgram, Mistakes) {
  const std::string out = here / "out.safetensors";
  EXPECT_TRUE(complained(weights({}), {"subcommand"}));
  EXPECT_TRUE(complained(weights({"convrt"}), {"'convrt'", "did you mean 'convert'?"}));
  EXPECT_TRUE(complained(weights({"inspect"}), {"FILE"}));
  EXPECT_TRUE(complained(weights({"inspect", here / "absent.pth"}), {"absent.pth"}));
  EXPECT_TRUE(complained(weights({"convert", best}), {"OUT"}));
  EXPECT_TRUE(complained(weights({"convert", best, here / "out.ckpt"}), {"out.ckpt", "'.ckpt'", "--format"}));
  EXPECT_TRUE(complained(weights({"convert", best, out, "--format", "touch"}), {"'touch'", "did you mean 'torch'?"}));
  EXPECT_TRUE(complained(weights({"convert", best, out, "--naming", "tim"}), {"naming 'tim'", "did you mean 'timm'?"}));
  EXPECT_TRUE(complained(weights({"convert", best, here / "out.onnx", "--naming", "timm"}), {"--naming", "onnx"}));
  for (const char* option : {"--opset=18", "--size=32x32", "--fold-norm", "--with-preprocessing"})
    EXPECT_TRUE(complained(weights({"convert", best, out, option}), {"is for onnx files, not for safetensors"})) << option;
  EXPECT_TRUE(complained(weights({"convert", best, here / "out.onnx", "--opset", "16"}), {"opset 16", "17 to 23"}));
  EXPECT_TRUE(complained(weights({"convert", best, here / "out.onnx", "--size", "32"}), {"--size '32' is not HxW"}));
  EXPECT_TRUE(complained(weights({"convert", best, here / "out.onnx", "--size", "0x32"}), {"--size '0x32' is not HxW"}));
  EXPECT_TRUE(complained(weights({"convert", best, out, "--paddig", "same"}), {"--paddig", "did you mean '--padding'?"}));
  const std::string before = bytes_of(best);
  EXPECT_TRUE(complained(weights({"convert", best, here / "run/../run/best.safetensors"}), {"would overwrite an input"}));
  EXPECT_TRUE(bytes_of(best) == before);
  EXPECT_TRUE(complained(weights({"convert", best, out, "--std", "0,0,0"}), {"--std", "'0,0,0' is not above 0"}));
  EXPECT_TRUE(complained(weights({"convert", best, out, "--padding", "sane"}), {"--padding", "'sane'"}));
  EXPECT_TRUE(complained(weights({"convert", best, out, "--bn-eps", "small"}), {"--bn-eps", "'small' is not a number"}));
  EXPECT_TRUE(complained(weights({"convert", best, out, "--mean", "1,2"}), {"--mean", "'1,2' is not three numbers"}));
  EXPECT_TRUE(complained(weights({"convert", best, out, "--width", "wide"}), {"--width", "'wide' is not a positive number"}));
  EXPECT_TRUE(complained(weights({"convert", best, out, "--model", "b8"}), {"'b8'", "did you mean"}));
  EXPECT_TRUE(complained(weights({"convert", best, out, "--depth", "2"}), {"best.safetensors", "missing"}));
  EXPECT_TRUE(complained(weights({"convert", here / "run/last.safetensors", out}), {"last.safetensors: is the state of a run"}));
  EXPECT_TRUE(complained(weights({"convert", best, here / "absent/out.pth"}), {"absent/out.pth: cannot be written"}));
  for (const char* name : {"out.pth", "out.onnx", "out.safetensors"})
    EXPECT_TRUE(
        complained(run_program("mcnn-weights", {"convert", best, here / name}, 10'000), {name, "cannot be written", "File too large"}));

  const std::string answers = cases({0, 0, 0, 0, 0, 0});
  const auto verify = [&](const std::string& input, const std::string& expect, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {"verify", best, "--cases", answers, "--input", input, "--expect", expect};
    all.insert(all.end(), more.begin(), more.end());
    return weights(all);
  };
  EXPECT_TRUE(complained(weights({"verify", best}), {"--cases"}));
  EXPECT_TRUE(complained(verify("image", "logits"), {"cases.safetensors: no tensor 'image'", "did you mean 'images'?"}));
  EXPECT_TRUE(complained(verify("pairs", "logits"), {"'pairs' is (2,3), expected images (N,3,H,W)"}));
  EXPECT_TRUE(complained(verify("images", "images"), {"'images' is (2,3,40,40), expected (2,3)"}));
  EXPECT_TRUE(complained(verify("images", "logits", {"--classes", "4"}), {"3 classes", "4 were requested"}));
  EXPECT_TRUE(complained(verify("images", "logits", {"--tolerance", "none"}), {"--tolerance", "'none' is not a positive number"}));
  EXPECT_TRUE(complained(verify("images", "logits", {"--device", "gpu"}), {"device 'gpu'"}));
  EXPECT_TRUE(complained(weights({"diff", best}), {"B"}));
  EXPECT_TRUE(complained(weights({"diff", best, here / "absent.safetensors"}), {"absent.safetensors"}));
  for (const std::string& name : here.names_in(".")) EXPECT_FALSE(name.starts_with("out") || name.ends_with(".tmp")) << name << " was left";
}

TEST_F(WeightsProgram, ATorchFileIsReadAgainByTheFlagsThatAreNamed) {
  const Outcome written = weights({"convert", best, here / "c.pth"});
  ASSERT_TRUE(succeeded(written));
  const std::string sentence = "to be read again the file needs ";
  const std::size_t begin = written.err.find(sentence);
  ASSERT_NE(begin, std::string::npos) << written.err;
  const std::size_t from = begin + sentence.size();
  std::istringstream words(written.err.substr(from, written.err.find('\n', from) - from));
  std::vector<std::string> arguments = {"--checkpoint", here / "c.pth"};
  for (std::string word; words >> word;) arguments.push_back(word);
  const std::string photo = here.photos()[0];
  arguments.push_back(photo);
  const Outcome found = run_program("mcnn-infer", arguments), expected = run_program("mcnn-infer", {"--checkpoint", best, photo});
  ASSERT_TRUE(succeeded(found));
  const auto probabilities = [](const std::string& line) {
    std::vector<std::string> all;
    std::istringstream text(line);
    for (std::string word; text >> word;)
      if (word.starts_with("0.")) all.push_back(word);
    return all;
  };
  EXPECT_EQ(probabilities(found.out), probabilities(expected.out)) << found.out << expected.out;
}

TEST_F(WeightsProgram, AClassifierThatIsNotTheFilesIsRefused) {
  EXPECT_TRUE(complained(weights({"convert", best, here / "five.safetensors", "--classes", "5"}),
                         {"3 classes (cat, dog, owl)", "5 were requested"}));
  EXPECT_FALSE(std::filesystem::exists(here / "five.safetensors"));
}

}  // namespace
}  // namespace mcnn
