// Writes a data set of drawn faces in the competition's layout:
//   train/train.csv (id,gender,race,age,path), train/images/{id}_{gender}_{race}_{age}/{mask1..5,incorrect_mask,normal}.jpg
//   eval/info.csv (ImageID,ans; every answer is 0), eval/gt.csv (the true answers), eval/images/*.jpg of other people
// Classes are balanced: people cycle through the six combinations of gender and age bin.
// Next: face.h draws a photo.
#pragma once
#include <cstdint>
#include <string>

#include "drawn_faces/face.h"

namespace mcnn::synthetic {

/// Photos of a person: five with the mask worn, one with it worn wrongly, one without.
inline constexpr int kPhotosOfPerson = 7;
MaskState mask_of(int photo);
/// Person `index` of the data set: the index determines gender and age bin; the age within the bin is random.
Person person_of(uint64_t seed, uint32_t index);
/// mask*6 + gender*3 + age bin.
int class_of(const Person& person, MaskState mask);

struct DatasetPlan {
  std::string root;        ///< a folder that does not exist yet, or is empty
  int people = 0;          ///< under train/
  int eval_people = 0;     ///< under eval/
  uint64_t seed = 0;       ///< determines every byte; eval's people do not depend on `people`
  bool irregular = false;  ///< adds the irregularities of the competition's data, listed in dataset.cpp
};

/// Returns the number of photos written. Throws Error if root is not empty, a count is out of range, or a file cannot be written.
int64_t write_dataset(const DatasetPlan& plan);

}  // namespace mcnn::synthetic
