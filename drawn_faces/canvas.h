// A small anti-aliased rasteriser for the drawn faces. For an outline (a closed polygon; curves are flattened) it computes the exact share
// of each pixel that lies inside, and blends paint with that share.
// It uses only +, -, *, / and sqrt, which IEEE rounds the same everywhere, so a seed gives the same picture on every machine.
// Next: face.cpp draws with it.
#pragma once
#include <cstdint>
#include <functional>
#include <vector>

#include "runtime/philox.h"

namespace mcnn::synthetic {

struct Point {
  float x = 0, y = 0;
};
Point operator+(Point a, Point b);
Point operator-(Point a, Point b);
Point operator*(float s, Point a);
Point mix(Point a, Point b, float t);  ///< a at t = 0, b at t = 1

struct Color {
  float r = 0, g = 0, b = 0;  ///< 0..1
};
Color operator*(float s, Color c);
Color mix(Color a, Color b, float t);

/// Random numbers in sequence: the i-th call reads element i of a Philox stream.
struct Draws {
  Philox philox;
  uint64_t next = 0;

  float uniform(float low, float high) { return low + (high - low) * philox.uniform(next++); }
  bool chance(float p) { return philox.uniform(next++) < p; }
  int below(int n) { return static_cast<int>(philox.uniform(next++) * static_cast<float>(n)); }
};

using Outline = std::vector<Point>;  ///< a polygon; for strokes, the open line they follow

Outline ellipse(Point center, float rx, float ry);
/// A smooth closed outline with the given control points (quadratic B-spline).
Outline closed_curve(const std::vector<Point>& control);
/// An open curve from the first control point to the last.
Outline open_curve(const std::vector<Point>& control);
/// The area that a brush covers along `line`. taper 0: constant width; 1: pointed at both ends.
Outline stroke(const Outline& line, float width, float taper);

/// The share of each pixel of a box that lies inside an outline.
struct Coverage {
  int x0 = 0, y0 = 0, width = 0, height = 0;
  std::vector<float> share;  ///< (height, width), 0..1

  float at(int x, int y) const;  ///< of the canvas' pixel; 0 outside the box
};

/// Value noise, -1..1: interpolates smoothly between random values on a lattice of `cell` pixels.
class Noise {
 public:
  Noise(int width, int height, float cell, Draws& draws);
  float at(float x, float y) const;

 private:
  float cell_;
  int columns_, rows_;
  std::vector<float> values_;
};

struct Canvas {
  int width, height;
  std::vector<Color> pixels;  ///< (height, width)

  Canvas(int w, int h) : width(w), height(h), pixels(static_cast<std::size_t>(w) * h) {}

  Coverage cover(const Outline& outline) const;
  void fill(const Coverage& where, Color color, float opacity = 1);
  void fill(const Coverage& where, const std::function<Color(int x, int y)>& color);
  /// Multiplies by 1 + amount: a shadow or a highlight of the same hue.
  void shade(const Coverage& where, float amount);
};

/// The part of `a` inside `b`.
Coverage inside(Coverage a, const Coverage& b);

}  // namespace mcnn::synthetic
