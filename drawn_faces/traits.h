// The parameters of a drawn photo: cues that depend on the class, and parameters independent of it.
// The rule: a class changes only the shape and number of small things (lines, outlines, textures that do not change the mean colour).
// Position, size, light and all colours have the same distribution for all classes.
// So a linear model on small images learns little (macro F1 0.2 from 300 people; tests/drawn_faces/linear_baseline_test.cpp), a small
// convolutional network most (0.8 from 360; examples/synthetic.ini).
// Next: face.cpp draws these numbers.
#pragma once
#include "drawn_faces/canvas.h"
#include "drawn_faces/face.h"

namespace mcnn::synthetic {

/// The age cues. Their number jumps at 30 and at 60, so that the class is visible; in between their strength grows.
struct AgeMarks {
  int forehead_lines = 0;     ///< one above the other
  int crows_feet = 0;         ///< lines beside each eye
  int eye_bags = 0;           ///< arcs under each eye
  bool folds = false;         ///< from the nose to the corners of the mouth
  float line_contrast = 0;    ///< of all these lines, as a share of the skin's brightness
  float streak_contrast = 0;  ///< of grey streaks in the hair
  float hairline = 0;         ///< how far it has moved up
};
AgeMarks age_marks(int age);

enum class HairStyle { cropped, long_hair, bob, bun };

/// Parameters of a person, the same in all photos.
struct Traits {
  HairStyle hair;
  float hair_volume, hair_length, parting;
  float jaw, chin;  ///< half widths
  float brow_width, brow_arch;
  float lash_length;
  float lip_height;
  float stubble;  ///< contrast of its texture
  float face_width, eye_spacing, eye_size, nose_width;
  bool glasses;
  Color skin, hair_color, iris, lip_color;
  AgeMarks age;
};
Traits traits_of(const Person& person, Draws& draws);

/// Parameters of a single photo.
struct Shot {
  Point center;  ///< of the face, in pixels
  float scale;   ///< pixels per half height of the face
  float tilt;    ///< tangent of half the angle
  float yaw;     ///< shift of the features towards one side
  float gaze, smile, eye_opening;
  float brightness, light_x, light_y;  ///< light and its gradient
  Color cast;                          ///< of the light
  float grain;                         ///< sensor noise
};
Shot shot_of(Draws& draws);

/// A colour of walls, clothes or masks. Its distribution is the same for all classes, with the mean and spread of hair colours.
Color any_color(Draws& draws);

}  // namespace mcnn::synthetic
