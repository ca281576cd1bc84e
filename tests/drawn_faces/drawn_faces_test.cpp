// Drawn faces: the rasteriser's areas, pictures that depend on their arguments alone, and the folders around them.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <map>
#include <numeric>
#include <set>

#include "data/csv.h"
#include "data/file_bytes.h"
#include "data/image.h"
#include "data/layouts.h"
#include "drawn_faces/canvas.h"
#include "drawn_faces/dataset.h"
#include "runtime/error.h"
#include "tests/data/temporary_folder.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;
using namespace synthetic;

double area(const Coverage& c) { return std::accumulate(c.share.begin(), c.share.end(), 0.0); }

TEST(SyntheticCanvas, CoversTheExactShareOfEveryPixel) {
  const Canvas canvas(20, 10);
  const Coverage c = canvas.cover({{2.25f, 3.5f}, {5.5f, 3.5f}, {5.5f, 6.25f}, {2.25f, 6.25f}});
  EXPECT_NEAR(c.at(2, 3), 0.75 * 0.5, 1e-5);
  EXPECT_NEAR(c.at(3, 3), 0.5, 1e-5);
  EXPECT_NEAR(c.at(4, 4), 1, 1e-5);
  EXPECT_NEAR(c.at(5, 6), 0.5 * 0.25, 1e-5);
  EXPECT_EQ(c.at(6, 5), 0);
  EXPECT_EQ(c.at(-1, 4), 0);
  EXPECT_NEAR(area(c), 3.25 * 2.75, 1e-4);
}

TEST(SyntheticCanvas, AreaOfAnEllipseInAndPartlyOutsideThePicture) {
  const Canvas canvas(100, 80);
  const double whole = 3.14159265 * 30 * 17;
  EXPECT_NEAR(area(canvas.cover(ellipse({50, 40}, 30, 17))), whole, 0.01 * whole);
  for (const Point edge : {Point{0, 40}, Point{100, 40}, Point{50, 0}, Point{50, 80}})
    EXPECT_NEAR(area(canvas.cover(ellipse(edge, 30, 17))), whole / 2, 0.01 * whole) << edge.x << " " << edge.y;
  EXPECT_EQ(area(canvas.cover(ellipse({300, -50}, 30, 17))), 0);
}

TEST(SyntheticCanvas, AStrokeIsAsWideAsAsked) {
  const Canvas canvas(100, 80);
  EXPECT_NEAR(area(canvas.cover(stroke({{20, 20}, {50, 60}}, 4, 0))), 50 * 4, 0.1);
}

TEST(SyntheticCanvas, InsideIsWhatBothCover) {
  const Canvas canvas(100, 80);
  const Coverage a = canvas.cover({{10, 10}, {50, 10}, {50, 40}, {10, 40}}), b = canvas.cover({{30, 20}, {80, 20}, {80, 70}, {30, 70}});
  EXPECT_NEAR(area(inside(a, b)), 20 * 20, 1e-2);
  EXPECT_NEAR(area(inside(b, a)), 20 * 20, 1e-2);
}

uint64_t fingerprint(const std::vector<uint8_t>& pixels) {  // FNV-1a
  uint64_t hash = 0xcbf29ce484222325u;
  for (const uint8_t pixel : pixels) hash = (hash ^ pixel) * 0x100000001b3u;
  return hash;
}

TEST(SyntheticFace, DependsOnItsArgumentsAlone) {
  const Person person{.seed = 3, .index = 5, .female = true, .age = 64};
  const auto picture = draw_face(person, MaskState::none, 1);
  EXPECT_EQ(picture.size(), static_cast<std::size_t>(kPhotoWidth) * kPhotoHeight * 3);
  EXPECT_EQ(picture, draw_face(person, MaskState::none, 1));
  std::set<uint64_t> others = {fingerprint(picture)};
  others.insert(fingerprint(draw_face(person, MaskState::none, 2)));
  others.insert(fingerprint(draw_face(person, MaskState::worn, 1)));
  others.insert(fingerprint(draw_face(person, MaskState::incorrect, 1)));
  others.insert(fingerprint(draw_face({.seed = 4, .index = 5, .female = true, .age = 64}, MaskState::none, 1)));
  others.insert(fingerprint(draw_face({.seed = 3, .index = 6, .female = true, .age = 64}, MaskState::none, 1)));
  others.insert(fingerprint(draw_face({.seed = 3, .index = 5, .female = false, .age = 64}, MaskState::none, 1)));
  others.insert(fingerprint(draw_face({.seed = 3, .index = 5, .female = true, .age = 25}, MaskState::none, 1)));
  EXPECT_EQ(others.size(), 8u);
}

TEST(SyntheticFace, IsTheSameOnEveryMachine) {
  // Taken from g++ 12 at -O3 on x86-64; scores quoted anywhere hold for these pictures only.
  EXPECT_EQ(fingerprint(draw_face({.seed = 1, .index = 2, .female = false, .age = 61}, MaskState::incorrect, 5)), 16796656884761960976u);
  EXPECT_EQ(fingerprint(draw_face({.seed = 1, .index = 3, .female = true, .age = 33}, MaskState::none, 6)), 16548488147014517459u);
}

std::map<std::string, std::string> files_under(const std::string& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    const auto bytes = read_file(entry.path().string());
    files[fs::relative(entry.path(), root).string()] = {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  return files;
}

TEST(SyntheticDataset, IsReadAsTheCompetitionsIs) {
  const TemporaryFolder folder;
  EXPECT_EQ(write_dataset({.root = folder / "set", .people = 12, .eval_people = 6, .seed = 1}), 18 * 7);
  const Dataset train = read_competition(folder / "set/train");
  ASSERT_EQ(train.photos.size(), 12u * 7);
  std::map<int, int> photos_of_class;
  std::set<std::string> people;
  for (const Photo& photo : train.photos) {
    ++photos_of_class[photo.label];
    people.insert(photo.person);
  }
  EXPECT_EQ(people.size(), 12u);
  EXPECT_EQ(photos_of_class.size(), 18u);
  for (const auto& [label, count] : photos_of_class) EXPECT_EQ(count, label < 6 ? 10 : 2) << label;
  const Image image = decode_image(train.photos[0].path);
  EXPECT_EQ(image.width, kPhotoWidth);
  EXPECT_EQ(image.height, kPhotoHeight);

  const Dataset truth = read_info(folder / "set/eval/gt.csv", folder / "set/eval/images", 18);
  ASSERT_EQ(truth.photos.size(), 6u * 7);
  photos_of_class.clear();
  for (const Photo& photo : truth.photos) ++photos_of_class[photo.label];
  for (int label = 0; label < 18; ++label) EXPECT_EQ(photos_of_class[label], label < 6 ? 5 : 1) << label;
  const Csv info = read_csv_table(folder / "set/eval/info.csv");
  EXPECT_EQ(info.rows.size(), 6u * 7);
  for (const CsvRow& row : info.rows) EXPECT_EQ(row.fields[info.column("ans")], "0");
}

TEST(SyntheticDataset, AgesFillTheirBins) {
  std::map<int, std::set<int>> ages;  // by bin
  for (uint32_t index = 0; index < 600; ++index) {
    const Person person = person_of(9, index);
    ages[class_of(person, MaskState::worn) % 3].insert(person.age);
  }
  EXPECT_EQ(*ages[0].begin(), 18);
  EXPECT_EQ(*ages[0].rbegin(), 29);
  EXPECT_EQ(*ages[1].begin(), 30);
  EXPECT_EQ(*ages[1].rbegin(), 59);
  EXPECT_EQ(*ages[2].begin(), 60);
  EXPECT_EQ(*ages[2].rbegin(), 70);
}

TEST(SyntheticDataset, SameSeedSameBytes) {
  const TemporaryFolder folder;
  write_dataset({.root = folder / "a", .people = 4, .eval_people = 1, .seed = 1, .irregular = true});
  write_dataset({.root = folder / "b", .people = 4, .eval_people = 1, .seed = 1, .irregular = true});
  write_dataset({.root = folder / "c", .people = 4, .eval_people = 1, .seed = 2, .irregular = true});
  write_dataset({.root = folder / "d", .people = 1, .eval_people = 1, .seed = 1});
  EXPECT_EQ(files_under(folder / "a"), files_under(folder / "b"));
  EXPECT_NE(files_under(folder / "a/eval"), files_under(folder / "c/eval"));
  EXPECT_EQ(files_under(folder / "a/eval"), files_under(folder / "d/eval")) << "eval's people depend on how many train";
}

TEST(SyntheticDataset, EvalShowsOtherPeople) {
  const TemporaryFolder folder;
  write_dataset({.root = folder / "set", .people = 6, .eval_people = 6, .seed = 1});
  std::set<std::string> seen;
  for (const auto& [name, bytes] : files_under(folder / "set/train")) seen.insert(bytes);
  for (const auto& [name, bytes] : files_under(folder / "set/eval/images")) EXPECT_EQ(seen.count(bytes), 0u) << name;
}

TEST(SyntheticDataset, IrregularHasEveryIrregularityAndIsStillReadRight) {
  const TemporaryFolder folder;
  constexpr int kPeople = 10;
  write_dataset({.root = folder / "set", .people = kPeople, .seed = 1, .irregular = true});
  std::map<std::string, int> extensions;
  int dot_files = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder / "set/train/images")) {
    const bool dot = entry.path().filename().string()[0] == '.';
    dot_files += dot;
    if (entry.is_regular_file() && !dot) ++extensions[entry.path().extension().string()];
  }
  EXPECT_GT(dot_files, 2);
  EXPECT_EQ(extensions.size(), 3u);
  for (const char* extension : {".jpg", ".jpeg", ".png"}) EXPECT_GT(extensions[extension], 0) << extension;

  const Csv csv = read_csv_table(folder / "set/train/train.csv");
  std::map<std::string, int> ids;
  int suffixed = 0, disagreeing = 0;
  for (const CsvRow& row : csv.rows) {
    const std::string id = row.fields[csv.column("id")], path = row.fields[csv.column("path")];
    ++ids[id];
    suffixed += id.size() > 6;
    const bool named_female = path.find("_female_") != std::string::npos;
    disagreeing += named_female != (row.fields[csv.column("gender")] == "female");
  }
  EXPECT_EQ(suffixed, 2);
  EXPECT_EQ(disagreeing, 2);
  EXPECT_EQ(std::count_if(ids.begin(), ids.end(), [](const auto& id) { return id.second == 2; }), 2) << "ids that stand twice";

  std::set<std::string> people;
  for (const Photo& photo : read_competition(folder / "set/train").photos) {
    people.insert(photo.person);
    const Person person = person_of(1, static_cast<uint32_t>(std::stoi(photo.person)) - 1);
    EXPECT_EQ(photo.label % 6, class_of(person, MaskState::worn)) << photo.path;
    EXPECT_EQ(decode_image(photo.path).width, kPhotoWidth);
  }
  EXPECT_EQ(people.size(), static_cast<std::size_t>(kPeople));
}

std::string complaint(const DatasetPlan& plan) {
  try {
    write_dataset(plan);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(SyntheticDataset, SaysWhatIsWrong) {
  const TemporaryFolder folder;
  EXPECT_EQ(complaint({.root = folder / "new", .people = 0}), "people is 0, expected 1 to 8388608");
  EXPECT_EQ(complaint({.root = folder / "new", .people = 1, .eval_people = -1}), "eval people is -1, expected 0 to 8388607");
  EXPECT_FALSE(fs::exists(folder / "new")) << "a wrong count left a folder behind";
  folder.write("full/note.txt", "mine");
  EXPECT_EQ(complaint({.root = folder / "full", .people = 1}), (folder / "full") + ": is not empty, expected a new or empty folder");
  EXPECT_EQ(complaint({.root = folder / "full/note.txt", .people = 1}),
            (folder / "full/note.txt") + ": is a file, expected a new or empty folder");
  EXPECT_EQ(complaint({.root = folder / "full/note.txt/deeper", .people = 1}),
            (folder / "full/note.txt/deeper") + ": cannot be created: Not a directory");
}

TEST(SyntheticDataset, SaysThatAFileCannotBeWritten) {
  // A limit on the size of files stands for a full disk: write() fails half way in the same manner.
  const TemporaryFolder folder;
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit tight{1000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &tight), 0);
  const std::string said = complaint({.root = folder / "set", .people = 1});
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_NE(said.find("mask1.jpg: cannot be written: File too large"), std::string::npos) << said;
}

}  // namespace
}  // namespace mcnn
