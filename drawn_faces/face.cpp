// Draws a picture from the numbers of traits.h, from back to front: background, clothes, back hair, neck, head, features, age lines, mask,
// front hair, light. Unit of length: half the height of the face; x to the right, y down, (0,0) between nose and eyes, chin at y = 1.
// Contract: face.h.  Next: traits.cpp draws the numbers, canvas.cpp has the brushes.
#include "drawn_faces/face.h"

#include <algorithm>

#include "drawn_faces/canvas.h"
#include "drawn_faces/traits.h"

namespace mcnn::synthetic {
namespace {

/// Draws in face coordinates.
struct Pen {
  Canvas& canvas;
  Point center;
  float scale, cosine, sine, yaw;

  Point place(Point p) const {
    const float bulge = std::max(0.0f, 1 - (p.x / 0.8f) * (p.x / 0.8f));  // turning the head shifts the front of the face
    const float x = scale * (p.x + yaw * bulge), y = scale * p.y;
    return {center.x + cosine * x - sine * y, center.y + sine * x + cosine * y};
  }
  Coverage cover(const Outline& outline) const {
    Outline placed;
    for (const Point p : outline) placed.push_back(place(p));
    return canvas.cover(placed);
  }
  void fill(const Outline& outline, Color color, float opacity = 1) const { canvas.fill(cover(outline), color, opacity); }
  void line(const std::vector<Point>& control, float width, float taper, Color color, float opacity = 1) const {
    fill(stroke(open_curve(control), width, taper), color, opacity);
  }
  /// A crease of the skin: a dark line and a light one beside it, so that the mean brightness does not change.
  void crease(const std::vector<Point>& control, float contrast) const {
    constexpr float kWidth = 0.036f;  // two to three pixels: still visible after resizing to 96
    Outline line = open_curve(control);
    canvas.shade(cover(stroke(line, kWidth, 0.7f)), -contrast);
    for (Point& p : line) p.y += kWidth;
    canvas.shade(cover(stroke(line, kWidth, 0.7f)), contrast);
  }
};

/// The points and their mirror images as a closed sequence: right side downwards, left side upwards.
std::vector<Point> both_sides(const std::vector<Point>& right) {
  std::vector<Point> all = right;
  for (std::size_t i = right.size(); i-- > 0;) all.push_back({-right[i].x, right[i].y});
  return all;
}

void draw_background(Canvas& canvas, Draws& draws) {
  const Color top = any_color(draws), bottom = any_color(draws);
  const float width = static_cast<float>(canvas.width), height = static_cast<float>(canvas.height);
  const Noise noise(canvas.width, canvas.height, draws.uniform(10, 50), draws);
  const float roughness = draws.uniform(0, 0.2f);
  canvas.fill(canvas.cover({{0, 0}, {width, 0}, {width, height}, {0, height}}), [&](int x, int y) {
    const float shade = 1 + roughness * noise.at(static_cast<float>(x), static_cast<float>(y));
    return shade * mix(top, bottom, static_cast<float>(y) / height);
  });
  for (int shapes = draws.below(7); shapes > 0; --shapes) {  // frames, shelves, lamps
    const Color color = any_color(draws);
    const float x = draws.uniform(0, width), y = draws.uniform(0, height);
    const float rx = draws.uniform(6, 50), ry = draws.uniform(6, 70);
    if (draws.chance(0.3f))
      canvas.fill(canvas.cover(ellipse({x, y}, rx, ry)), color, 0.8f);
    else
      canvas.fill(canvas.cover({{x - rx, y - ry}, {x + rx, y - ry}, {x + rx, y + ry}, {x - rx, y + ry}}), color, 0.8f);
  }
}

void draw_clothes(const Pen& pen, Draws& draws) {
  const Color color = any_color(draws);
  const float shoulder = draws.uniform(1.3f, 1.6f);
  const Coverage body =
      pen.cover(closed_curve(both_sides({{0.25f, 1.1f}, {0.5f, 1.25f}, {shoulder, 1.4f}, {shoulder + 0.3f, 2.6f}, {0.5f, 4}})));
  const Color second = any_color(draws);
  const Color stripe = draws.chance(0.5f) ? mix(color, second, 0.7f) : color;
  const int period = 6 + draws.below(10);
  const bool upright = draws.chance(0.5f);
  pen.canvas.fill(body, [&](int x, int y) { return (upright ? x : y) / period % 2 == 0 ? color : stripe; });
}

/// Thin strands of alternating brightness, which do not change the mean; grey hair also gets wide strands without colour.
void draw_strands(const Pen& pen, const Coverage& hair, const Traits& t, const std::vector<std::vector<Point>>& strands, Draws& draws) {
  float sign = 1;
  for (const auto& strand : strands) {
    const float fine = draws.uniform(0.03f, 0.08f), width = draws.uniform(0.02f, 0.04f);
    const Outline line = open_curve(strand);
    pen.canvas.shade(inside(pen.cover(stroke(line, width, 0.5f)), hair), sign * fine);
    if (t.age.streak_contrast > 0) {
      const Coverage streak = inside(pen.cover(stroke(line, 0.05f, 0.5f)), hair);
      const float light = t.hair_color.g;
      const float contrast = std::min(t.age.streak_contrast * light + 0.1f, 0.95f - light);
      const float grey = light + sign * contrast;
      pen.canvas.fill(streak, Color{grey, grey, grey}, 0.75f);
    }
    sign = -sign;
  }
}

void draw_back_hair(const Pen& pen, const Traits& t, Draws& draws) {
  const float out = 0.92f + t.hair_volume, end = t.hair_length, wave = draws.uniform(-0.08f, 0.08f);
  const Coverage hair = pen.cover(closed_curve(both_sides({{0.2f, -1.1f - t.hair_volume},
                                                           {out - 0.1f, -0.95f},
                                                           {out, -0.3f},
                                                           {out + wave, 0.4f * end},
                                                           {out, end},
                                                           {0.7f, end + 0.12f},
                                                           {0.3f, end}})));
  pen.canvas.fill(hair, t.hair_color);
  std::vector<std::vector<Point>> strands;
  for (const float side : {-1.0f, 1.0f})
    for (int i = 0; i < 6; ++i) {
      const float x = side * (0.62f + 0.07f * static_cast<float>(i)) + draws.uniform(-0.02f, 0.02f);
      strands.push_back({{x, -0.3f}, {x + side * wave, 0.4f * end}, {x, end}});
    }
  draw_strands(pen, hair, t, strands, draws);
  pen.canvas.shade(hair, -0.08f);  // in the shadow of the front hair
}

void draw_front_hair(const Pen& pen, const Traits& t, Draws& draws) {
  const bool cropped = t.hair == HairStyle::cropped;
  const float v = t.hair_volume, line = -0.62f - t.age.hairline, out = 0.86f + 0.5f * v;
  const float sides = cropped ? draws.uniform(-0.15f, 0.05f) : t.hair == HairStyle::bun ? 0.05f : 0.9f * t.hair_length;
  if (t.hair == HairStyle::bun) {
    const float x = draws.uniform(-0.15f, 0.15f);
    const Coverage bun = pen.cover(ellipse({x, -1.2f - v}, 0.3f, 0.24f));
    pen.canvas.fill(bun, t.hair_color);
    pen.canvas.shade(bun, -0.1f);
  }
  const Coverage hair = pen.cover(closed_curve({
      {-0.72f, sides},
      {-out, sides},
      {-out - 0.02f, -0.5f},
      {-0.75f, -1.0f - v},
      {0, -1.2f - v},
      {0.75f, -1.0f - v},
      {out + 0.02f, -0.5f},
      {out, sides},
      {0.72f, sides},
      {0.7f, -0.35f},
      {0.58f, line + 0.06f},
      {0.5f * t.parting + 0.25f, line - 0.05f},
      {t.parting, line - 0.12f},
      {0.5f * t.parting - 0.25f, line - 0.05f},
      {-0.58f, line + 0.06f},
      {-0.7f, -0.35f},
  }));
  pen.canvas.fill(hair, t.hair_color);
  std::vector<std::vector<Point>> strands;
  constexpr int kStrands = 14;
  for (int i = 0; i < kStrands; ++i) {
    const float u = -1 + 2 * (static_cast<float>(i) + draws.uniform(0.2f, 0.8f)) / kStrands;
    strands.push_back({{t.parting + 0.1f * u, -1.15f - v}, {0.75f * u, -1.0f - 0.5f * v}, {0.85f * u, -0.35f}});
  }
  draw_strands(pen, hair, t, strands, draws);
}

Coverage draw_head(const Pen& pen, const Traits& t) {
  const float w = t.face_width;
  for (const float side : {-1.0f, 1.0f}) {
    pen.fill(ellipse({side * 0.75f * w, 0.06f}, 0.09f, 0.17f), 0.93f * t.skin);
    pen.fill(ellipse({side * 0.76f * w, 0.06f}, 0.04f, 0.1f), 0.75f * t.skin);
  }
  const Coverage head = pen.cover(closed_curve(
      both_sides({{0.3f, -1.02f}, {0.7f * w, -0.9f}, {0.79f * w, -0.3f}, {0.77f * w, 0.25f}, {t.jaw * w, 0.72f}, {t.chin * w, 1.04f}})));
  pen.canvas.fill(head, t.skin);
  return head;
}

void draw_eyes(const Pen& pen, const Traits& t, const Shot& s) {
  const Color brow = 0.6f * mix(t.hair_color, t.skin, 0.2f), ink = {0.08f, 0.06f, 0.06f};
  for (const float side : {-1.0f, 1.0f}) {
    const float x = side * t.eye_spacing, y = -0.06f, rx = 0.135f * t.eye_size, ry = 0.065f * t.eye_size * s.eye_opening;
    const Coverage eye = pen.cover(ellipse({x, y}, rx, ry));
    pen.canvas.fill(eye, Color{0.93f, 0.93f, 0.91f});
    pen.canvas.fill(inside(pen.cover(ellipse({x + s.gaze, y}, 0.065f, 0.065f)), eye), t.iris);
    pen.canvas.fill(inside(pen.cover(ellipse({x + s.gaze, y}, 0.03f, 0.03f)), eye), ink);
    const auto out = [&](float u) { return x + side * u; };  // towards the temple
    pen.line({{out(-rx), y + 0.01f}, {x, y - 1.9f * ry}, {out(rx), y}}, t.lash_length > 0 ? 0.04f : 0.022f, 0.4f, ink);
    for (int lash = 0; t.lash_length > 0 && lash < 3; ++lash) {
      const float u = rx * (0.55f + 0.2f * static_cast<float>(lash)), root = y - ry * (0.75f - 0.28f * static_cast<float>(lash));
      pen.line({{out(u), root},
                {out(u + 0.6f * t.lash_length), root - 0.2f * t.lash_length},
                {out(u + t.lash_length), root - 0.8f * t.lash_length}},
               0.025f, 0.3f, ink);
    }
    pen.line({{out(-0.17f), -0.22f}, {out(0.03f), -0.24f - 1.6f * t.brow_arch}, {out(0.2f), -0.22f}}, t.brow_width, 0.5f, brow);
    if (t.glasses) {
      Outline rim = ellipse({x, y + 0.02f}, 0.21f, 0.16f);
      rim.push_back(rim[0]);
      pen.fill(stroke(rim, 0.02f, 0), ink);
      pen.line({{out(0.21f), y}, {out(0.4f), y - 0.02f}}, 0.02f, 0, ink);
      pen.line({{out(-0.21f), y}, {0, y - 0.02f}}, 0.02f, 0, ink);
    }
  }
}

void draw_nose_and_mouth(const Pen& pen, const Traits& t, const Shot& s) {
  const float n = t.nose_width;
  pen.line({{0.06f, -0.05f}, {0.07f, 0.2f}, {n, 0.32f}}, 0.03f, 0.6f, 0.72f * t.skin, 0.7f);
  pen.line({{-n, 0.32f}, {-0.5f * n, 0.41f}, {0, 0.38f}, {0.5f * n, 0.41f}, {n, 0.32f}}, 0.04f, 0.4f, 0.6f * t.skin);
  pen.canvas.shade(pen.cover(ellipse({-0.02f, 0.24f}, 0.045f, 0.11f)), 0.15f);
  for (const float side : {-1.0f, 1.0f}) pen.fill(ellipse({side * 0.5f * n, 0.355f}, 0.042f, 0.027f), 0.3f * t.skin);

  const float w = 0.24f, y = 0.62f, h = t.lip_height, corner = y - s.smile;
  pen.fill(closed_curve({{-w - 0.06f, corner},
                         {-0.1f, y - h},
                         {0, y - 0.5f * h},
                         {0.1f, y - h},
                         {w + 0.06f, corner},
                         {0.1f, y + 1.6f * h},
                         {-0.1f, y + 1.6f * h}}),
           t.lip_color);
  pen.line({{-w, corner}, {0, y + 0.02f}, {w, corner}}, 0.022f, 0.5f, 0.4f * t.lip_color);
}

void draw_stubble(const Pen& pen, const Traits& t, const Coverage& head, Draws& draws) {
  const Noise noise(pen.canvas.width, pen.canvas.height, 1.6f, draws);
  const Coverage area = inside(pen.cover(closed_curve(both_sides({{0.2f, 0.5f}, {0.7f, 0.35f}, {0.8f, 0.8f}, {0.4f, 1.2f}}))), head);
  pen.canvas.fill(area, [&](int x, int y) {
    const Color skin = pen.canvas.pixels[static_cast<std::size_t>(y) * pen.canvas.width + x];
    return (1 + t.stubble * noise.at(static_cast<float>(x), static_cast<float>(y))) * skin;
  });
}

void draw_age(const Pen& pen, const Traits& t, Draws& draws) {
  const AgeMarks& age = t.age;
  for (int i = 0; i < age.forehead_lines; ++i) {
    const float y = -0.36f - 0.082f * static_cast<float>(i) + draws.uniform(-0.008f, 0.008f);
    const float half = draws.uniform(0.3f, 0.42f), bend = draws.uniform(-0.03f, 0.03f);
    pen.crease({{-half, y + 0.02f}, {-0.1f, y + bend}, {0.1f, y - bend}, {half, y + 0.02f}}, age.line_contrast);
  }
  for (const float side : {-1.0f, 1.0f}) {
    const float x = side * t.eye_spacing;
    for (int i = 0; i < age.eye_bags; ++i) {
      const float y = 0.05f + 0.075f * static_cast<float>(i), half = 0.14f - 0.02f * static_cast<float>(i);
      pen.crease({{x - half, y - 0.03f}, {x, y + 0.05f}, {x + half, y - 0.03f}}, age.line_contrast);
    }
    for (int i = 0; i < age.crows_feet; ++i) {
      const float fan = static_cast<float>(i) - 1;
      pen.crease(
          {{x + side * 0.17f, -0.07f + 0.05f * fan}, {x + side * 0.25f, -0.07f + 0.08f * fan}, {x + side * 0.35f, -0.08f + 0.13f * fan}},
          age.line_contrast);
    }
    if (age.folds) pen.crease({{side * 0.2f, 0.34f}, {side * 0.34f, 0.48f}, {side * 0.34f, 0.66f}}, age.line_contrast);
  }
}

void draw_mask(const Pen& pen, const Traits& t, MaskState state, Draws& draws) {
  const Color first = any_color(draws), second = any_color(draws);
  const bool pale = draws.chance(0.45f);
  const Color color = pale ? mix(first, Color{0.9f, 0.92f, 0.95f}, 0.8f) : first;
  const int pattern = draws.below(4), period = 5 + draws.below(8);
  const bool pleated = draws.chance(0.5f);
  const float jitter = draws.uniform(-0.03f, 0.03f), w = t.face_width;

  const bool at_chin = state == MaskState::incorrect && draws.chance(0.4f);
  const float top = (state == MaskState::worn ? 0.18f : at_chin ? 0.84f : 0.51f) + jitter;
  const float bottom = state == MaskState::worn ? 1.1f : at_chin ? 1.34f : 1.18f;
  const float half = w * (at_chin ? 0.62f : 0.74f), middle = 0.5f * (top + bottom);

  for (const float side : {-1.0f, 1.0f}) {  // ear loops
    pen.line({{side * half * 0.93f, top + 0.05f}, {side * 0.74f * w, 0.1f}, {side * 0.77f * w, -0.04f}}, 0.025f, 0, 0.9f * color);
    pen.line({{side * half * 0.85f, middle + 0.1f}, {side * 0.76f * w, 0.35f}, {side * 0.78f * w, 0.2f}}, 0.025f, 0, 0.9f * color);
  }
  const Coverage cloth = pen.cover(closed_curve({{0, top - 0.06f},
                                                 {0.35f, top},
                                                 {half, top},
                                                 {half, middle},
                                                 {0.82f * half, bottom - 0.12f},
                                                 {0.3f, bottom + 0.02f},
                                                 {-0.3f, bottom + 0.02f},
                                                 {-0.82f * half, bottom - 0.12f},
                                                 {-half, middle},
                                                 {-half, top},
                                                 {-0.35f, top}}));
  pen.canvas.fill(cloth, [&](int x, int y) {
    const bool stripe = pattern == 1 ? y / period % 2 == 0 : pattern == 2 ? (x / period + y / period) % 2 == 0 : false;
    return stripe ? mix(color, second, 0.6f) : color;
  });
  const auto fold = [&](const std::vector<Point>& control) {
    pen.canvas.shade(inside(pen.cover(stroke(open_curve(control), 0.025f, 0.3f)), cloth), -0.25f);
  };
  fold({{-half, top + 0.04f}, {0, top + 0.02f}, {half, top + 0.04f}});
  for (int i = 1; pleated && i <= 3; ++i) {
    const float y = mix(Point{0, top}, Point{0, bottom}, 0.25f * static_cast<float>(i)).y;
    fold({{-half, y}, {0, y + 0.03f}, {half, y}});
  }
  if (!pleated) fold({{0, top}, {0.02f, bottom}});
}

std::vector<uint8_t> develop(const Canvas& canvas, const Shot& s, Draws& draws) {
  std::vector<uint8_t> pixels;
  pixels.reserve(canvas.pixels.size() * 3);
  for (int y = 0; y < canvas.height; ++y)
    for (int x = 0; x < canvas.width; ++x) {
      const float across = static_cast<float>(x) / static_cast<float>(canvas.width) - 0.5f;
      const float down = static_cast<float>(y) / static_cast<float>(canvas.height) - 0.5f;
      const float light = s.brightness * (1 + s.light_x * across + s.light_y * down), grain = draws.uniform(-s.grain, s.grain);
      const Color c = light * canvas.pixels[static_cast<std::size_t>(y) * canvas.width + x];
      for (const float value : {c.r * s.cast.r, c.g * s.cast.g, c.b * s.cast.b})
        pixels.push_back(static_cast<uint8_t>(std::clamp(255 * (value + grain) + 0.5f, 0.0f, 255.0f)));
    }
  return pixels;
}

}  // namespace

std::vector<uint8_t> draw_face(const Person& person, MaskState mask, uint32_t photo) {
  const uint32_t stream = stream::synthetic | (person.index & stream::kIndexMask);
  Draws always{{person.seed, stream, 0}}, now{{person.seed, stream, 1 + photo}};  // random numbers of the person, of this photo
  const Traits t = traits_of(person, always);
  const Shot s = shot_of(now);

  Canvas canvas(kPhotoWidth, kPhotoHeight);
  const float cosine = (1 - s.tilt * s.tilt) / (1 + s.tilt * s.tilt), sine = 2 * s.tilt / (1 + s.tilt * s.tilt);
  const Pen body{canvas, s.center, s.scale, 1, 0, 0}, pen{canvas, s.center, s.scale, cosine, sine, s.yaw};

  draw_background(canvas, now);
  draw_clothes(body, now);
  if (t.hair == HairStyle::long_hair || t.hair == HairStyle::bob) draw_back_hair(pen, t, always);
  body.fill(closed_curve(both_sides({{0.3f, 0.6f}, {0.34f, 1.1f}, {0.4f, 1.35f}, {0.2f, 1.5f}})), 0.82f * t.skin);
  const Coverage head = draw_head(pen, t);
  if (t.stubble > 0) draw_stubble(pen, t, head, now);
  draw_nose_and_mouth(pen, t, s);
  draw_age(pen, t, always);
  draw_eyes(pen, t, s);
  if (mask != MaskState::none) draw_mask(pen, t, mask, now);
  draw_front_hair(pen, t, always);
  return develop(canvas, s, now);
}

}  // namespace mcnn::synthetic
