// Flattens curves to polygons, computes pixel shares, and blends paint with them.  Contract: canvas.h.
// Shares are found by accumulation: in each row that an edge crosses, it adds its signed height to the pixels on its right; the running
// sum along the row then is the area inside. This is exact and reads each edge once. Source: Levien's font-rs, 2016.
#include "drawn_faces/canvas.h"

#include <algorithm>
#include <cmath>

namespace mcnn::synthetic {
namespace {

constexpr int kCurveSteps = 6;  // pieces per control point: an error below half a pixel at the sizes drawn here

void add_quadratic(Outline& outline, Point from, Point control, Point to) {
  for (int i = 0; i < kCurveSteps; ++i) {
    const float t = static_cast<float>(i) / kCurveSteps;
    outline.push_back(mix(mix(from, control, t), mix(control, to, t), t));
  }
}

/// One edge's part in one pixel row: from (x_in, .) to (x_out, .), `height` of the row with the edge's sign.
void add_to_row(float* row, float x_in, float x_out, float height, int width) {
  const float left = std::clamp(std::min(x_in, x_out), 0.0f, static_cast<float>(width));
  const float right = std::clamp(std::max(x_in, x_out), 0.0f, static_cast<float>(width));
  const float span = right - left;
  const int last = std::min(static_cast<int>(right), width - 1);
  for (int x = std::min(static_cast<int>(left), width - 1); x <= last; ++x) {
    const float begin = std::max(left, static_cast<float>(x)), end = std::min(right, static_cast<float>(x + 1));
    const float part = span > 1e-6f ? height * (end - begin) / span : height;
    const float inside_pixel = static_cast<float>(x + 1) - 0.5f * (begin + end);
    row[x] += part * inside_pixel;
    row[x + 1] += part * (1 - inside_pixel);
    if (span <= 1e-6f) break;
  }
}

float smooth(float t) { return t * t * (3 - 2 * t); }

}  // namespace

Point operator+(Point a, Point b) { return {a.x + b.x, a.y + b.y}; }
Point operator-(Point a, Point b) { return {a.x - b.x, a.y - b.y}; }
Point operator*(float s, Point a) { return {s * a.x, s * a.y}; }
Point mix(Point a, Point b, float t) { return a + t * (b - a); }

Color operator*(float s, Color c) { return {s * c.r, s * c.g, s * c.b}; }
Color mix(Color a, Color b, float t) { return {a.r + t * (b.r - a.r), a.g + t * (b.g - a.g), a.b + t * (b.b - a.b)}; }

Outline ellipse(Point center, float rx, float ry) {
  // The rational parametrisation of a quarter circle, rotated four times: needs no sine.
  constexpr int kSteps = 8;
  Outline outline;
  for (int quarter = 0; quarter < 4; ++quarter)
    for (int i = 0; i < kSteps; ++i) {
      const float t = static_cast<float>(i) / kSteps, c = (1 - t * t) / (1 + t * t), s = 2 * t / (1 + t * t);
      const Point unit[4] = {{c, s}, {-s, c}, {-c, -s}, {s, -c}};
      outline.push_back({center.x + rx * unit[quarter].x, center.y + ry * unit[quarter].y});
    }
  return outline;
}

Outline closed_curve(const std::vector<Point>& control) {
  Outline outline;
  for (std::size_t i = 0, n = control.size(); i < n; ++i)
    add_quadratic(outline, mix(control[i], control[(i + n - 1) % n], 0.5f), control[i], mix(control[i], control[(i + 1) % n], 0.5f));
  return outline;
}

Outline open_curve(const std::vector<Point>& control) {
  Outline outline;
  const std::size_t last = control.size() - 1;
  if (last == 1) return control;
  for (std::size_t i = 1; i < last; ++i)
    add_quadratic(outline, i == 1 ? control[0] : mix(control[i - 1], control[i], 0.5f), control[i],
                  i + 1 == last ? control[last] : mix(control[i], control[i + 1], 0.5f));
  outline.push_back(control[last]);
  return outline;
}

Outline stroke(const Outline& line, float width, float taper) {
  Outline left, right;
  const std::size_t n = line.size();
  for (std::size_t i = 0; i < n; ++i) {
    const Point along = line[std::min(i + 1, n - 1)] - line[i == 0 ? 0 : i - 1];
    const float length = std::sqrt(along.x * along.x + along.y * along.y), t = static_cast<float>(i) / static_cast<float>(n - 1);
    const float half = 0.5f * width * (1 - taper * (2 * t - 1) * (2 * t - 1)) / std::max(length, 1e-6f);
    left.push_back({line[i].x - half * along.y, line[i].y + half * along.x});
    right.push_back({line[i].x + half * along.y, line[i].y - half * along.x});
  }
  left.insert(left.end(), right.rbegin(), right.rend());
  return left;
}

float Coverage::at(int x, int y) const {
  const int column = x - x0, row = y - y0;
  return column < 0 || row < 0 || column >= width || row >= height ? 0 : share[static_cast<std::size_t>(row) * width + column];
}

Coverage Canvas::cover(const Outline& outline) const {
  Point low = outline[0], high = outline[0];
  for (const Point p : outline) {
    low = {std::min(low.x, p.x), std::min(low.y, p.y)};
    high = {std::max(high.x, p.x), std::max(high.y, p.y)};
  }
  Coverage c;
  c.x0 = std::clamp(static_cast<int>(std::floor(low.x)), 0, width);
  c.y0 = std::clamp(static_cast<int>(std::floor(low.y)), 0, height);
  c.width = std::clamp(static_cast<int>(std::ceil(high.x)), 0, width) - c.x0;
  c.height = std::clamp(static_cast<int>(std::ceil(high.y)), 0, height) - c.y0;
  if (c.width <= 0 || c.height <= 0) return {};

  std::vector<float> rows(static_cast<std::size_t>(c.width + 1) * c.height);  // one column more, for what lies to the right
  for (std::size_t i = 0; i < outline.size(); ++i) {
    Point a = outline[i], b = outline[(i + 1) % outline.size()];
    if (a.y == b.y) continue;
    const float sign = a.y < b.y ? 1.0f : -1.0f;
    if (a.y > b.y) std::swap(a, b);
    const float slope = (b.x - a.x) / (b.y - a.y);
    const int first = std::max(0, static_cast<int>(std::floor(a.y)) - c.y0);
    for (int y = first; y < c.height && static_cast<float>(y + c.y0) < b.y; ++y) {
      const float top = std::max(a.y, static_cast<float>(y + c.y0)), bottom = std::min(b.y, static_cast<float>(y + c.y0 + 1));
      const float x_in = a.x + slope * (top - a.y) - static_cast<float>(c.x0);
      add_to_row(&rows[static_cast<std::size_t>(y) * (c.width + 1)], x_in, x_in + slope * (bottom - top), sign * (bottom - top), c.width);
    }
  }
  c.share.resize(static_cast<std::size_t>(c.width) * c.height);
  for (int y = 0; y < c.height; ++y) {
    float sum = 0;
    for (int x = 0; x < c.width; ++x) {
      sum += rows[static_cast<std::size_t>(y) * (c.width + 1) + x];
      c.share[static_cast<std::size_t>(y) * c.width + x] = std::min(std::abs(sum), 1.0f);
    }
  }
  return c;
}

void Canvas::fill(const Coverage& where, const std::function<Color(int x, int y)>& color) {
  for (int y = 0; y < where.height; ++y)
    for (int x = 0; x < where.width; ++x) {
      const float share = where.share[static_cast<std::size_t>(y) * where.width + x];
      if (share <= 0) continue;
      Color& pixel = pixels[static_cast<std::size_t>(y + where.y0) * width + x + where.x0];
      pixel = mix(pixel, color(x + where.x0, y + where.y0), share);
    }
}

void Canvas::fill(const Coverage& where, Color color, float opacity) {
  for (int y = 0; y < where.height; ++y)
    for (int x = 0; x < where.width; ++x) {
      Color& pixel = pixels[static_cast<std::size_t>(y + where.y0) * width + x + where.x0];
      pixel = mix(pixel, color, opacity * where.share[static_cast<std::size_t>(y) * where.width + x]);
    }
}

void Canvas::shade(const Coverage& where, float amount) {
  for (int y = 0; y < where.height; ++y)
    for (int x = 0; x < where.width; ++x) {
      Color& pixel = pixels[static_cast<std::size_t>(y + where.y0) * width + x + where.x0];
      pixel = (1 + amount * where.share[static_cast<std::size_t>(y) * where.width + x]) * pixel;
    }
}

Coverage inside(Coverage a, const Coverage& b) {
  for (int y = 0; y < a.height; ++y)
    for (int x = 0; x < a.width; ++x) a.share[static_cast<std::size_t>(y) * a.width + x] *= b.at(x + a.x0, y + a.y0);
  return a;
}

Noise::Noise(int width, int height, float cell, Draws& draws)
    : cell_(cell),
      columns_(static_cast<int>(static_cast<float>(width) / cell) + 2),
      rows_(static_cast<int>(static_cast<float>(height) / cell) + 2) {
  values_.resize(static_cast<std::size_t>(columns_) * rows_);
  for (float& value : values_) value = draws.uniform(-1, 1);
}

float Noise::at(float x, float y) const {
  const int column = std::clamp(static_cast<int>(x / cell_), 0, columns_ - 2), row = std::clamp(static_cast<int>(y / cell_), 0, rows_ - 2);
  const float tx = smooth(std::clamp(x / cell_ - static_cast<float>(column), 0.0f, 1.0f));
  const float ty = smooth(std::clamp(y / cell_ - static_cast<float>(row), 0.0f, 1.0f));
  const float* v = &values_[static_cast<std::size_t>(row) * columns_ + column];
  return (v[0] * (1 - tx) + v[1] * tx) * (1 - ty) + (v[columns_] * (1 - tx) + v[columns_ + 1] * tx) * ty;
}

}  // namespace mcnn::synthetic
