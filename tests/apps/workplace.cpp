#include "tests/apps/workplace.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "drawn_faces/encode.h"
#include "runtime/philox.h"

namespace mcnn {

std::string tiny_photo(int label, int number) {
  constexpr int kWidth = 40, kHeight = 48;
  const Philox noise{1, stream::synthetic, static_cast<uint32_t>(label * 1000 + number)};
  std::vector<uint8_t> pixels;
  for (int i = 0; i < kWidth * kHeight; ++i)
    for (int c = 0; c < 3; ++c)
      pixels.push_back(
          static_cast<uint8_t>((c == label ? 170 : 70) + static_cast<int>(noise.bits(static_cast<uint64_t>(i / 8 * 3 + c)) % 60)));
  return synthetic::encode_jpeg(pixels, kWidth, kHeight, 90);
}

Workplace::Workplace() {
  for (int label = 0; label < 3; ++label)
    for (int number = 0; number < 6; ++number) {
      const std::string& name = classes()[static_cast<std::size_t>(label)];
      photos_.push_back(write("photos/" + name + "/" + name + std::to_string(number) + ".jpg", tiny_photo(label, number)));
    }
  write("config.ini",
        "[run]\nseed = 3\nthreads = 1\n"
        "[model]\nname = b0\nwidth = 0.25\ndepth = 0.5\ndrop_path = 0.3\n"
        "[data]\nlayout = folders\nroot = " +
            *this / "photos" +
            "\ncrop = 32\nholdout = 0.34\n"
            "[train]\nepochs = 2\nbatch = 4\nwarmup_epochs = 0.5\nema = 0.5\n");
}

const std::vector<std::string>& Workplace::classes() {
  static const std::vector<std::string> names = {"cat", "dog", "owl"};
  return names;
}

std::vector<std::string> Workplace::arguments(const std::string& run, const std::vector<std::string>& settings) const {
  std::vector<std::string> all = {*this / "config.ini", "--set", "run.dir=" + *this / run};
  for (const std::string& setting : settings) {
    all.push_back("--set");
    all.push_back(setting);
  }
  return all;
}

Outcome Workplace::train(const std::string& run, const std::vector<std::string>& settings, const std::vector<std::string>& more) const {
  std::vector<std::string> all = arguments(run, settings);
  all.insert(all.end(), more.begin(), more.end());
  return run_program("mcnn-train", all);
}

Outcome Workplace::train_on_full_disk(const std::string& run, int64_t largest_file) const {
  return run_program("mcnn-train", arguments(run, {}), largest_file);
}

std::vector<std::string> Workplace::names_in(const std::string& folder) const {
  std::vector<std::string> names;
  std::error_code absent;
  for (const auto& entry : std::filesystem::directory_iterator(*this / folder, absent)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + " is not there");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace mcnn
