// Writes the folders, names and csv files of a data set of drawn faces.  Contract: dataset.h.
// If requested, it adds irregularities that the competition's data has, to test readers:
//   extensions are mixed (jpg, jpeg, png); .DS_Store and ._* files lie between the photos;
//   every fifth person has a second folder with -1 behind the id, every fifth one with the same id but an age a year off;
//   every fifth folder's name has the wrong gender, and train.csv the right one.
#include "drawn_faces/dataset.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>

#include "drawn_faces/canvas.h"
#include "drawn_faces/encode.h"
#include "drawn_faces/face.h"
#include "runtime/error.h"

namespace mcnn::synthetic {
namespace {

namespace fs = std::filesystem;

constexpr int kMostPeople = 1 << 23;          // half of a stream's 24-bit indices; eval's people use the other half
constexpr uint32_t kNamesStep = 0xffffffffu;  // Philox step for names and extensions; photos use steps from 1
constexpr int kJpegQuality = 90;

struct PhotoKind {
  const char* stem;
  MaskState mask;
};
constexpr PhotoKind kPhotos[kPhotosOfPerson] = {{"mask1", MaskState::worn}, {"mask2", MaskState::worn},
                                                {"mask3", MaskState::worn}, {"mask4", MaskState::worn},
                                                {"mask5", MaskState::worn}, {"incorrect_mask", MaskState::incorrect},
                                                {"normal", MaskState::none}};

void write_file(const fs::path& path, const std::string& contents) {
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "wb"), [](FILE* f) { return f ? std::fclose(f) : 0; });
  if (!file || std::fwrite(contents.data(), 1, contents.size(), file.get()) != contents.size() || std::fflush(file.get()) != 0)
    fail("{}: cannot be written: {}", path.string(), std::strerror(errno));
}

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) fail("{}: cannot be created: {}", path.string(), error.message());
}

int age_bin(int age) { return age < 30 ? 0 : age < 60 ? 1 : 2; }

const char* gender_of(bool female) { return female ? "female" : "male"; }

/// Writes train/: each person's folders, and their rows in train.csv.
class TrainWriter {
 public:
  TrainWriter(const fs::path& root, bool irregular) : root_(root), irregular_(irregular) { make_folder(root_ / "images"); }

  void add(const Person& person) {
    const std::string id = fmt::format("{:06}", person.index + 1);
    const uint32_t kind = irregular_ ? person.index % 5 : 0;
    add_folder(person, id, person.age, kind == 3 ? !person.female : person.female, 0);
    if (kind == 1) add_folder(person, id + "-1", person.age, person.female, kPhotosOfPerson);
    if (kind == 2) {
      const int other_age = age_bin(person.age + 1) == age_bin(person.age) && person.age < 70 ? person.age + 1 : person.age - 1;
      add_folder(person, id, other_age, person.female, kPhotosOfPerson);
    }
  }
  int64_t finish() const {
    write_file(root_ / "train.csv", rows_);
    if (irregular_) write_file(root_ / "images" / ".DS_Store", "not a folder\n");
    return photos_;
  }

 private:
  void add_folder(const Person& person, const std::string& id, int age, bool named_female, int first_photo) {
    const std::string name = fmt::format("{}_{}_drawn_{}", id, gender_of(named_female), age);
    rows_ += fmt::format("{},{},drawn,{},{}\n", id, gender_of(person.female), age, name);
    const fs::path folder = root_ / "images" / name;
    make_folder(folder);
    Draws draws{{person.seed, stream::synthetic | person.index, kNamesStep - 1}};
    for (int i = 0; i < kPhotosOfPerson; ++i, ++photos_) {
      const std::vector<uint8_t> pixels = draw_face(person, kPhotos[i].mask, static_cast<uint32_t>(first_photo + i));
      const char* extension = "jpg";
      if (const int drawn = draws.below(10); irregular_ && drawn < 3) extension = drawn == 0 ? "png" : "jpeg";
      const bool png = std::strcmp(extension, "png") == 0;
      write_file(folder / fmt::format("{}.{}", kPhotos[i].stem, extension),
                 png ? encode_png(pixels, kPhotoWidth, kPhotoHeight) : encode_jpeg(pixels, kPhotoWidth, kPhotoHeight, kJpegQuality));
    }
    if (!irregular_ || person.index % 4 != 0) return;
    write_file(folder / "._mask1.jpg", "a file manager's note, not a photo\n");
    write_file(root_ / "images" / ("._" + name), "a file manager's note, not a folder\n");
  }

  fs::path root_;
  bool irregular_;
  std::string rows_ = "id,gender,race,age,path\n";
  int64_t photos_ = 0;
};

/// Writes eval/: photos with meaningless names, listed in the order of the names.
int64_t write_eval(const fs::path& root, const DatasetPlan& plan) {
  make_folder(root / "images");
  std::vector<std::pair<std::string, int>> answers;
  for (int i = 0; i < plan.eval_people; ++i) {
    const Person person = person_of(plan.seed, static_cast<uint32_t>(kMostPeople + i));
    Draws draws{{person.seed, stream::synthetic | person.index, kNamesStep - 1}};
    for (int photo = 0; photo < kPhotosOfPerson; ++photo) {
      std::string name;
      for (int word = 0; word < 5; ++word) name += fmt::format("{:08x}", draws.philox.bits(draws.next++));
      name += ".jpg";
      const MaskState mask = kPhotos[photo].mask;
      write_file(root / "images" / name,
                 encode_jpeg(draw_face(person, mask, static_cast<uint32_t>(photo)), kPhotoWidth, kPhotoHeight, kJpegQuality));
      answers.emplace_back(name, class_of(person, mask));
    }
  }
  std::sort(answers.begin(), answers.end());
  std::string info = "ImageID,ans\n", truth = info;
  for (const auto& [name, answer] : answers) {
    info += name + ",0\n";
    truth += fmt::format("{},{}\n", name, answer);
  }
  write_file(root / "info.csv", info);
  write_file(root / "gt.csv", truth);
  return static_cast<int64_t>(answers.size());
}

}  // namespace

MaskState mask_of(int photo) { return kPhotos[photo].mask; }

Person person_of(uint64_t seed, uint32_t index) {
  constexpr int kYoungest[] = {18, 30, 60}, kBinYears[] = {12, 30, 11};
  Draws draws{{seed, stream::synthetic | index, kNamesStep}};
  Person person{.seed = seed, .index = index, .female = index / 3 % 2 == 1};
  person.age = kYoungest[index % 3] + draws.below(kBinYears[index % 3]);
  return person;
}

int class_of(const Person& person, MaskState mask) { return static_cast<int>(mask) * 6 + (person.female ? 3 : 0) + age_bin(person.age); }

int64_t write_dataset(const DatasetPlan& plan) {
  if (plan.people <= 0 || plan.people > kMostPeople) fail("people is {}, expected 1 to {}", plan.people, kMostPeople);
  if (plan.eval_people < 0 || plan.eval_people >= kMostPeople)
    fail("eval people is {}, expected 0 to {}", plan.eval_people, kMostPeople - 1);
  const fs::path root = plan.root;
  std::error_code error;
  if (fs::exists(root, error) && !fs::is_directory(root, error)) fail("{}: is a file, expected a new or empty folder", plan.root);
  if (fs::is_directory(root, error) && !fs::is_empty(root, error)) fail("{}: is not empty, expected a new or empty folder", plan.root);
  make_folder(root);

  TrainWriter train(root / "train", plan.irregular);
  for (int i = 0; i < plan.people; ++i) train.add(person_of(plan.seed, static_cast<uint32_t>(i)));
  int64_t photos = train.finish();
  if (plan.eval_people > 0) photos += write_eval(root / "eval", plan);
  return photos;
}

}  // namespace mcnn::synthetic
