// A whole data set of drawn faces in the competition's layout:
//   train/train.csv (id,gender,race,age,path), train/images/{id}_{gender}_{race}_{age}/{mask1..5,incorrect_mask,normal}.jpg
//   eval/info.csv (ImageID,ans; every answer 0), eval/gt.csv (the true answers), eval/images/*.jpg of other people
// Classes are balanced over people: gender and age bin go round in six.
#pragma once
#include <cstdint>
#include <string>

#include "drawn_faces/face.h"

namespace mcnn::synthetic {

/// Photos of a person: five with the mask worn, one with it worn wrongly, one without.
inline constexpr int kPhotosOfPerson = 7;
MaskState mask_of(int photo);
/// Person `index` of the data set: gender and age bin by the index, the age within its bin drawn.
Person person_of(uint64_t seed, uint32_t index);
/// mask*6 + gender*3 + age bin.
int class_of(const Person& person, MaskState mask);

struct DatasetPlan {
  std::string root;        ///< a folder that does not exist yet, or is empty
  int people = 0;          ///< under train/
  int eval_people = 0;     ///< under eval/
  uint64_t seed = 0;       ///< the same seed, the same bytes; eval's people do not depend on `people`
  bool irregular = false;  ///< with what the competition's own data has: see dataset.cpp
};

/// Returns the number of photos written. Throws Error: root is not empty, a count is out of range, a file cannot be written.
int64_t write_dataset(const DatasetPlan& plan);

}  // namespace mcnn::synthetic
