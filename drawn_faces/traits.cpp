// Draws the parameters. Their ranges were tuned by looking at pictures and at both models' scores. The scores depend most on the spread of
// position and scale (wider lowers the linear model's) and on the contrast and number of lines (more raises the network's).
// Contract: traits.h.
#include "drawn_faces/traits.h"

#include <algorithm>

namespace mcnn::synthetic {

AgeMarks age_marks(int age) {
  AgeMarks marks;
  if (age < 30) return marks;
  const bool old = age >= 60;
  const float grown = old ? static_cast<float>(age - 60) / 10 : static_cast<float>(age - 30) / 30;
  marks.forehead_lines = old ? 4 : 3;
  marks.eye_bags = old ? 2 : 1;
  marks.crows_feet = old ? 3 : 0;
  marks.folds = true;
  marks.line_contrast = (old ? 0.42f : 0.4f) + 0.06f * grown;
  marks.streak_contrast = old ? 0.5f : 0;
  marks.hairline = old ? 0.10f : 0.03f;
  return marks;
}

Color any_color(Draws& draws) {
  const float light = draws.uniform(0.1f, 0.8f);
  const float red = 1.12f + draws.uniform(-0.35f, 0.35f), blue = 0.86f + draws.uniform(-0.4f, 0.4f);
  return {std::min(0.95f, light * red), light, std::min(0.95f, light * blue)};
}

Traits traits_of(const Person& person, Draws& draws) {
  Traits t;
  const bool female = person.female;
  t.age = age_marks(person.age);

  const float style = draws.uniform(0, 1);
  t.hair = !female ? HairStyle::cropped : style < 0.5f ? HairStyle::long_hair : style < 0.8f ? HairStyle::bob : HairStyle::bun;
  t.hair_length = t.hair == HairStyle::long_hair ? draws.uniform(1.2f, 1.9f) : draws.uniform(0.55f, 0.95f);
  t.hair_volume = draws.uniform(0.04f, 0.2f);
  t.parting = draws.uniform(-0.3f, 0.3f);
  t.jaw = (female ? 0.58f : 0.74f) + draws.uniform(-0.05f, 0.05f);
  t.chin = (female ? 0.20f : 0.42f) + draws.uniform(-0.05f, 0.05f);
  t.brow_width = (female ? 0.045f : 0.125f) + draws.uniform(-0.01f, 0.01f);
  t.brow_arch = (female ? 0.11f : 0.02f) + draws.uniform(-0.02f, 0.02f);
  t.lash_length = female ? draws.uniform(0.12f, 0.16f) : 0;
  t.lip_height = female ? draws.uniform(0.075f, 0.1f) : draws.uniform(0.03f, 0.045f);
  t.stubble = female ? 0 : draws.uniform(0.1f, 0.3f);

  t.face_width = draws.uniform(0.92f, 1.06f);
  t.eye_spacing = draws.uniform(0.29f, 0.34f);
  t.eye_size = draws.uniform(0.9f, 1.1f);
  t.nose_width = draws.uniform(0.12f, 0.17f);
  t.glasses = draws.chance(0.15f);

  const float skin = draws.uniform(0.4f, 0.82f);
  const float green = 0.78f + draws.uniform(-0.04f, 0.04f), blue = 0.62f + draws.uniform(-0.08f, 0.08f);
  t.skin = {skin, skin * green, skin * blue};
  const float hair = draws.uniform(0.1f, 0.8f), warmth = draws.uniform(0, 1), tint = warmth * warmth;
  t.hair_color = {hair * (1 + 0.36f * tint), hair, hair * (1 - 0.42f * tint)};
  const float iris = draws.uniform(0, 1);
  t.iris = mix({0.25f, 0.15f, 0.08f}, {0.3f, 0.45f, 0.55f}, iris * iris);
  const Color lips = {0.78f * skin + 0.1f, 0.45f * skin, 0.45f * skin};
  t.lip_color = female ? mix(lips, Color{0.7f, 0.1f, 0.2f}, draws.uniform(0.1f, 0.6f)) : mix(lips, t.skin, draws.uniform(0.2f, 0.5f));
  return t;
}

Shot shot_of(Draws& draws) {
  Shot s;
  s.center.x = kPhotoWidth * 0.5f + draws.uniform(-11, 11);
  s.center.y = kPhotoHeight * 0.5f + draws.uniform(-9, 13);
  s.scale = draws.uniform(60, 76);
  s.tilt = draws.uniform(-0.08f, 0.08f);
  s.yaw = draws.uniform(-0.13f, 0.13f);
  s.gaze = draws.uniform(-0.03f, 0.03f);
  s.smile = draws.uniform(-0.02f, 0.06f);
  s.eye_opening = draws.uniform(0.8f, 1.1f);
  s.brightness = draws.uniform(0.75f, 1.15f);
  s.light_x = draws.uniform(-0.25f, 0.25f);
  s.light_y = draws.uniform(-0.2f, 0.2f);
  s.cast.r = draws.uniform(0.92f, 1.08f);
  s.cast.g = draws.uniform(0.95f, 1.05f);
  s.cast.b = draws.uniform(0.9f, 1.1f);
  s.grain = draws.uniform(0.005f, 0.02f);
  return s;
}

}  // namespace mcnn::synthetic
