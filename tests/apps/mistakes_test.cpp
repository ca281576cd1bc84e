// Every mistake of a user's ends with exit code 1 and one line that names the file and the field; no half-written result and no temporary
// file remains.
// Next: workplace.h sets up each test.
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmath>
#include <regex>
#include <span>

#include "emulator/sanitizers.h"
#include "formats/safetensors.h"
#include "tests/apps/workplace.h"

namespace mcnn {
namespace {

class Mistakes : public testing::Test {
 protected:
  /// The run stopped before its first checkpoint: config.ini and split.csv at most.
  void expect_no_result(const std::string& run) const {
    for (const std::string& name : here.names_in(run))
      EXPECT_TRUE(name == "config.ini" || name == "split.csv") << run << "/" << name << " was left";
  }
  /// The run did not begin.
  void expect_no_run(const std::string& run) const { EXPECT_FALSE(std::filesystem::exists(here / run)); }

  Workplace here;
};

TEST_F(Mistakes, PhotosThatCannotBeDecoded) {
  const std::string good = bytes_of(here.photos()[0]);
  const std::pair<const char*, std::string> broken[] = {
      {"cut", good.substr(0, good.size() / 2)}, {"text", "this is a text\n"}, {"empty", ""}, {"header", good.substr(0, 20)}};
  for (const auto& [name, bytes] : broken) {
    here.write("photos/cat/cat0.jpg", bytes);
    EXPECT_TRUE(complained(here.train(name, {"data.holdout=0", "train.batch=18"}), {"photos/cat/cat0.jpg", "data.skip_broken"})) << name;
    expect_no_result(name);
  }
}

TEST_F(Mistakes, AllPhotosOfABatchMissing) {
  // 17 readable photos do not fill a batch of 18: a run without any step must not look like a trained one.
  here.write("photos/cat/cat0.jpg", "this is a text\n");
  EXPECT_TRUE(complained(here.train("run", {"data.holdout=0", "train.batch=18", "data.skip_broken=true"}), {"[train] batch = 18", "17"}));
  expect_no_result("run");
  EXPECT_TRUE(complained(here.train("more", {"data.holdout=0", "train.batch=19"}), {"[train] batch = 19", "18 photos"}));
  expect_no_run("more");
}

TEST_F(Mistakes, Tables) {
  const std::string path = std::filesystem::relative(here.photos()[0], here / "photos").string();
  const auto train = [&](const std::string& table, const std::vector<std::string>& more = {}) {
    std::vector<std::string> settings = {"data.layout=csv", "data.csv=" + here.write("table.csv", table)};
    settings.insert(settings.end(), more.begin(), more.end());
    return here.train("run", settings);
  };
  EXPECT_TRUE(complained(train("path,class\n" + path + ",cat\n"), {"table.csv", "no column 'label'"}));
  EXPECT_TRUE(complained(train("path,label\n" + path + ",cat\n" + path + "\n"), {"table.csv:3", "1 fields, expected 2"}));
  EXPECT_TRUE(complained(train("path,label\n" + path + ",3\n", {"data.classes=cat,dog,owl"}), {"table.csv:2", "label 3 is out of range"}));
  EXPECT_TRUE(complained(train("path,label\n" + path + ",-1\n"), {"table.csv:2", "label -1 is out of range"}));
  EXPECT_TRUE(complained(train("path,label\n" + path + ",cow\n", {"data.classes=cat,dog,owl"}), {"table.csv:2", "'cow'"}));
  EXPECT_TRUE(complained(train("path,label\nnowhere.jpg,cat\n"), {"table.csv:2", "nowhere.jpg"}));
  EXPECT_TRUE(complained(train("path,label\n" + path + ",cat\n" + path + ",dog\n"), {"table.csv:3", path, "line 2 already"}));
  EXPECT_TRUE(complained(here.train("run", {"data.classes=cat,dog,owl"}), {"[data] classes", "layout = folders"}));
  EXPECT_TRUE(complained(train(""), {"table.csv"}));
  EXPECT_TRUE(complained(here.train("run", {"data.layout=csv", "data.csv=" + here / "absent.csv"}), {"absent.csv"}));
  EXPECT_TRUE(complained(here.train("run", {"data.layout=csv"}), {"[data] csv"}));
  here.write("faces/images/000001_male_drawn_20/normal.jpg", tiny_photo(0, 0));
  here.write("faces/train.csv", "id,gender,race,age,path\n000001,male,drawn,3O,000001_male_drawn_20\n");
  EXPECT_TRUE(complained(here.train("run", {"data.layout=competition", "data.root=" + here / "faces"}),
                         {"train.csv:2", "age '3O' is not a number", "000001"}));
  expect_no_run("run");
}

TEST_F(Mistakes, Folders) {
  EXPECT_TRUE(complained(here.train("run", {"data.root=" + here / "absent"}), {"absent"}));
  EXPECT_TRUE(complained(here.train("run", {"data.root="}), {"[data] root is not set"}));
  EXPECT_TRUE(complained(here.train("run", {"data.layout=competition"}), {"photos", "no folder 'images'"}));
  std::filesystem::create_directories(here / "photos/empty");
  EXPECT_TRUE(complained(here.train("run"), {"photos/empty", "no photos"}));
  std::filesystem::remove(here / "photos/empty");
  std::filesystem::permissions(here / "photos/owl", std::filesystem::perms::none);
  if (::access((here / "photos/owl").c_str(), R_OK) == 0)
    std::fputs("NOTE: this user may read every folder; one without permissions was not tried\n", stderr);
  else
    EXPECT_TRUE(complained(here.train("run"), {"photos/owl"}));
  std::filesystem::permissions(here / "photos/owl", std::filesystem::perms::owner_all);
  expect_no_run("run");
}

TEST_F(Mistakes, Configurations) {
  EXPECT_TRUE(complained(here.train("run", {"train.epoch=3"}), {"[train] unknown key 'epoch'", "did you mean 'epochs'?"}));
  EXPECT_TRUE(complained(here.train("run", {"model.name=b8"}), {"[model] name = b8", "did you mean"}));
  EXPECT_TRUE(complained(here.train("run", {"train.batch=0"}), {"[train] batch = 0", "outside 1 to 65536"}));
  EXPECT_TRUE(complained(here.train("run", {"model.padding=sane"}), {"sane"}));
  EXPECT_TRUE(complained(here.train("run", {"data.resize=16"}), {"resize", "crop"}));
  EXPECT_TRUE(complained(here.train("run", {"data.std=1,0,1"}), {"[data] std"}));
  const std::string config = here.write("wrong.ini", "[train]\nepoch = 3\n");
  EXPECT_TRUE(complained(run_program("mcnn-train", {config}), {"wrong.ini: [train] unknown key 'epoch'; did you mean 'epochs'?"}));
  EXPECT_TRUE(complained(run_program("mcnn-train", {here / "absent.ini"}), {"absent.ini: cannot be read"}));
  expect_no_run("run");
}

TEST_F(Mistakes, CommandLines) {
  for (const char* program : {"mcnn-train", "mcnn-infer"}) EXPECT_TRUE(complained(run_program(program, {"--batches", "3"}), {"--batches"}));
  EXPECT_TRUE(complained(run_program("mcnn-train", {"--resum", "run"}), {"--resum", "did you mean '--resume'?"}));
  EXPECT_TRUE(complained(run_program("mcnn-train", {"--steps", "many", "x.ini"}), {"--steps", "many"}));
  EXPECT_TRUE(complained(run_program("mcnn-train", {}), {"no configuration file given"}));
  EXPECT_TRUE(complained(run_program("mcnn-train", {here / "config.ini", "--resume", here / "run"}), {"--resume"}));
  EXPECT_TRUE(complained(run_program("mcnn-train", {"--resume", here / "absent"}), {"absent"}));
  EXPECT_TRUE(complained(run_program("mcnn-data", {"synth", here / "photos", "--people", "1"}), {"photos", "not empty"}));
  EXPECT_TRUE(complained(run_program("mcnn-data", {"sinth"}), {"sinth"}));
  EXPECT_TRUE(complained(run_program("mcnn-data", {"synth", here / "drawn"}), {"--people"}));
}

TEST_F(Mistakes, ARunIsNeverOverwritten) {
  ASSERT_TRUE(succeeded(here.train("run", {"train.epochs=1"})));
  const std::string before = bytes_of(here / "run/last.safetensors");
  EXPECT_TRUE(complained(here.train("run"), {"[run] dir", here / "run", "exists already"}));
  EXPECT_TRUE(bytes_of(here / "run/last.safetensors") == before);
  here.write("mine/config.ini", "; a user's own");
  EXPECT_TRUE(complained(here.train("mine"), {"[run] dir", here / "mine", "holds config.ini"}));
  EXPECT_EQ(bytes_of(here / "mine/config.ini"), "; a user's own");
  here.write("file", "");
  EXPECT_TRUE(complained(here.train("file/run"), {"[run] dir", "file/run"}));
}

TEST_F(Mistakes, RunsThatCannotGoOn) {
  ASSERT_TRUE(succeeded(here.train("early", {}, {"--steps", "1"})));
  EXPECT_TRUE(complained(here.resume("early"), {"early has no last.safetensors", "first epoch", "start it again"}));
  const int going_on = ::open((here / "early").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  ASSERT_EQ(::flock(going_on, LOCK_EX), 0);
  EXPECT_TRUE(complained(here.train("early"), {"[run] dir", here / "early", "another run is going on"}));
  ::close(going_on);
  ASSERT_TRUE(succeeded(here.train("run", {}, {"--steps", "4"})));
  const std::string last = bytes_of(here / "run/last.safetensors");
  here.write("photos/cat/cat9.jpg", tiny_photo(0, 9));  // one more person changes the split
  EXPECT_TRUE(complained(here.resume("run"), {"run/split.csv", "not those the run began with"}));
  EXPECT_TRUE(bytes_of(here / "run/last.safetensors") == last);
}

TEST_F(Mistakes, WeightsFiles) {
  ASSERT_TRUE(succeeded(here.train("good", {"train.epochs=1"})));
  const std::string good = here / "good/best.safetensors";
  const auto infer = [&](const std::string& file) { return run_program("mcnn-infer", {"--checkpoint", file, here.photos()[0]}); };
  const auto train = [&](const std::string& file) { return here.train("run", {"weights.init=" + file}); };
  const std::string bytes = bytes_of(good);
  for (const std::string& file : {here / "absent.safetensors", here.write("cut.safetensors", bytes.substr(0, bytes.size() - 100)),
                                  here.write("start.safetensors", bytes.substr(0, 1000)), here.write("text.safetensors", "no weights\n"),
                                  here.write("empty.safetensors", "")}) {
    const std::string name = std::filesystem::path(file).filename().string();
    EXPECT_TRUE(complained(infer(file), {name}));
    EXPECT_TRUE(complained(train(file), {name}));
  }
  EXPECT_TRUE(complained(here.train("run", {"weights.init=" + good, "model.width=0.5"}), {"best.safetensors", "wrong shape"}));
  EXPECT_TRUE(complained(infer(here / "good/last.safetensors"), {"last.safetensors: is the state of a run", "best.safetensors"}));
  EXPECT_TRUE(complained(run_program("mcnn-infer", {"--run", here / "absent", here.photos()[0]}), {"absent/best.safetensors"}));
  EXPECT_TRUE(complained(here.train("run", {"weights.init=" + good, "weights.state_dict=ema"}), {"best.safetensors", "'ema'"}));
  expect_no_run("run");

  std::filesystem::resize_file(here / "good/last.safetensors", 5000);
  EXPECT_TRUE(complained(here.resume("good"), {"good/last.safetensors"}));
}

TEST_F(Mistakes, AFullDisk) {
  if (simt::thread_sanitizer()) GTEST_SKIP() << "ThreadSanitizer writes a file of its own at a program's start and dies if it may not";
  constexpr int64_t kRoomForTexts = 20'000, kRoomForNothing = 100;
  EXPECT_TRUE(complained(here.train_on_full_disk("run", kRoomForTexts), {"run/best.safetensors: cannot be written", "File too large"}));
  expect_no_result("run");
  EXPECT_TRUE(complained(here.train_on_full_disk("nothing", kRoomForNothing), {"nothing/split.csv: cannot be written"}));
  EXPECT_EQ(here.names_in("nothing"), std::vector<std::string>{});
  EXPECT_TRUE(complained(run_program("mcnn-data", {"synth", here / "drawn", "--people", "1"}, kRoomForNothing),
                         {here / "drawn", "cannot be written"}));

  // Existing files stay intact.
  ASSERT_TRUE(succeeded(here.train("begun", {}, {"--steps", "4"})));
  const std::string best = bytes_of(here / "begun/best.safetensors"), last = bytes_of(here / "begun/last.safetensors");
  const std::vector<std::string> names = here.names_in("begun");
  EXPECT_TRUE(complained(run_program("mcnn-train", {"--resume", here / "begun"}, kRoomForTexts), {"begun/", "cannot be written"}));
  EXPECT_TRUE(bytes_of(here / "begun/best.safetensors") == best);
  EXPECT_TRUE(bytes_of(here / "begun/last.safetensors") == last);
  EXPECT_EQ(here.names_in("begun"), names);

  const std::string info = here.write("info.csv", "ImageID\ncat/cat0.jpg\n");
  const std::vector<std::string> infer = {"--run",  here / "begun", "--images", here / "photos",
                                          "--info", info,           "--output", here / "out/answers.csv"};
  std::filesystem::create_directories(here / "out");
  EXPECT_TRUE(complained(run_program("mcnn-infer", infer, 10), {"out/answers.csv: cannot be written"}));
  EXPECT_EQ(here.names_in("out"), std::vector<std::string>{});
}

TEST_F(Mistakes, ALearningRateThatDiverges) {
  // Each step multiplies the weights by 1 - 1e6: they overflow fp32 within ten steps.
  const Outcome outcome =
      here.train("run", {"train.learning_rate=1000", "train.weight_decay=1000", "train.epochs=30", "train.warmup_epochs=0"});
  EXPECT_TRUE(complained(outcome, {"step ", "[train] learning_rate"}));
  for (const std::string& name : here.names_in("run")) {
    if (!name.ends_with(".safetensors")) continue;
    EXPECT_FALSE(name.starts_with(".")) << name << " was left";
    const TensorFile file = open_tensor_file(here / ("run/" + name));
    for (const StoredTensor& t : file.tensors())
      for (const float v : as_floats(t)) ASSERT_TRUE(std::isfinite(v)) << name << ": " << t.name << " holds " << v;
  }
}

TEST_F(Mistakes, StatisticsThatOverflowUnderAFiniteLoss) {
  // Weights of 1e22 in the last convolution: its variance is infinite, its output the batch norm's beta, the loss finite.
  ASSERT_TRUE(succeeded(here.train("good", {"train.epochs=1"})));
  const TensorFile good = open_tensor_file(here / "good/best.safetensors");
  std::vector<float> weights = as_floats(*good.find("conv_head.weight"));
  for (float& w : weights) w *= 1e22f;
  std::vector<StoredTensor> tensors = good.tensors();
  for (StoredTensor& t : tensors)
    if (t.name == "conv_head.weight") t.bytes = std::as_bytes(std::span(weights));
  write_safetensors(here / "huge.safetensors", tensors, good.metadata());
  EXPECT_TRUE(complained(here.train("run", {"weights.init=" + here / "huge.safetensors"}), {"step 3", "bn2.running_var", "inf"}));
  expect_no_result("run");
}

TEST_F(Mistakes, MoreMemoryThanThereIs) {
  const Outcome outcome = here.train("run", {"train.batch=65536", "data.crop=1024"});
  ASSERT_TRUE(complained(outcome, {"[train] batch = 65536", "GB"}));
  std::smatch fits;
  ASSERT_TRUE(std::regex_search(outcome.err, fits, std::regex("; batch = ([0-9]+) fits"))) << outcome.err;
  EXPECT_GE(std::stoi(fits[1]), 1);
  EXPECT_LT(std::stoi(fits[1]), 65536);
  expect_no_run("run");
}

TEST_F(Mistakes, OfInference) {
  ASSERT_TRUE(succeeded(here.train("run", {"train.epochs=1"})));
  const auto infer = [&](const std::string& info, const std::vector<std::string>& more = {}) {
    std::vector<std::string> all = {"--run",    here / "run",    "--images", here / "photos", "--info", here.write("info.csv", info),
                                    "--output", here / "out.csv"};
    all.insert(all.end(), more.begin(), more.end());
    return run_program("mcnn-infer", all);
  };
  EXPECT_TRUE(complained(infer("Image,ans\ncat/cat0.jpg,0\n"), {"info.csv", "no column 'ImageID'"}));
  EXPECT_TRUE(complained(infer("ImageID,ans\ncat/none.jpg,0\n"), {"info.csv:2", "none.jpg"}));
  const std::string good = "ImageID,ans\ncat/cat0.jpg,0\n";
  EXPECT_TRUE(complained(run_program("mcnn-infer", {"--run", here / "run", "--images", here / "photos", "--info", here / "info.csv",
                                                    "--output", here / "info.csv"}),
                         {"info.csv", "would overwrite an input"}));
  const std::string best = bytes_of(here / "run/best.safetensors");
  EXPECT_TRUE(complained(run_program("mcnn-infer", {"--run", here / "run", "--images", here / "photos", "--info", here / "info.csv",
                                                    "--output", here / "run/../run/best.safetensors"}),
                         {"best.safetensors", "would overwrite an input"}));
  EXPECT_TRUE(bytes_of(here / "run/best.safetensors") == best);
  EXPECT_TRUE(complained(run_program("mcnn-infer", {"--run", here / "run", "--images", here / "photos", "--info", here / "info.csv",
                                                    "--output", here / "nowhere/out.csv"}),
                         {"nowhere/out.csv", "there is no folder"}));
  EXPECT_TRUE(
      complained(infer(good, {"--gt", here.write("gt.csv", "ImageID,ans\ncat/cat0.jpg,3\n")}), {"gt.csv:2", "ans 3 is out of range"}));
  EXPECT_TRUE(
      complained(infer(good, {"--gt", here.write("gt.csv", "ImageID,ans\ncat/cat0.jpg,O\n")}), {"gt.csv:2", "ans 'O' is not a number"}));
  EXPECT_TRUE(complained(infer(good, {"--gt", here.write("gt.csv", "ImageID\ncat/cat0.jpg\n")}), {"gt.csv", "no column 'ans'"}));
  EXPECT_TRUE(complained(infer(good, {"--gt", here / "absent.csv"}), {"absent.csv"}));
  EXPECT_TRUE(complained(infer(good, {"--device", "gpu"}), {"device 'gpu'"}));
  EXPECT_TRUE(complained(infer(good, {"--batch", "0"}), {"--batch"}));
  EXPECT_TRUE(complained(infer(good, {"--padding", "sane"}), {"mcnn-infer: --padding: 'sane' is none of same, "}));
  EXPECT_FALSE(std::filesystem::exists(here / "out.csv")) << "no answers before every argument was read";

  here.write("photos/cat/cat1.jpg", "this is a text\n");
  EXPECT_TRUE(complained(infer("ImageID,ans\ncat/cat0.jpg,0\ncat/cat1.jpg,0\n"), {"photos/cat/cat1.jpg"}));
  EXPECT_FALSE(std::filesystem::exists(here / "out.csv"));
  EXPECT_TRUE(complained(run_program("mcnn-infer", {"--run", here / "run", here / "photos/cat/cat1.jpg"}), {"photos/cat/cat1.jpg"}));
  EXPECT_TRUE(complained(run_program("mcnn-infer", {"--run", here / "run", here / "nowhere.jpg"}), {"nowhere.jpg"}));
  EXPECT_TRUE(complained(run_program("mcnn-infer", {"--run", here / "run"}), {"photos", "--info"}));
  EXPECT_TRUE(complained(run_program("mcnn-infer", {here.photos()[0]}), {"--run", "--checkpoint"}));
}

}  // namespace
}  // namespace mcnn
