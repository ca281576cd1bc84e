// Writes seeds for the fuzz targets of configurations, tables and photos: OUT/config, OUT/csv and OUT/image.
#include <filesystem>
#include <fstream>
#include <iostream>

#include "tests/data/pictures.h"
#include "train/config.h"

namespace {

using namespace std::string_literals;

void write(const std::filesystem::path& file, const std::string& content) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << content;
}

/// 2x2 pixels of four colours, interlaced, with a transparent one. Source: GIF89a specification.
const std::string kGif =
    "GIF89a\2\0\2\0\xA1\0\0"
    "\0\0\0\xFF\0\0\0\xFF\0\0\0\xFF"
    "\x21\xF9\4\1\0\0\1\0"
    "\x2C\0\0\0\0\2\0\2\0\x40"
    "\2\3\x44\x34\5\0;"s;

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "seeds: expected the folder to write\n";
    return 1;
  }
  const std::filesystem::path out = argv[1];
  using namespace mcnn;
  write(out / "config/defaults", write_config({}));
  write(out / "config/short", "[model]\nname = lite0\n[data]\nclasses = a, b\nmean = 0.1, 0.2, 0.3\n");
  write(out / "config/override", "train.epochs=3\nmodel.name=b9\n");
  write(out / "csv/plain", "id,gender,age\n1,male,30\n2,female,61\n");
  write(out / "csv/quoted", "\xEF\xBB\xBFpath,label\r\n\"a, \"\"b\"\".jpg\",x\r\n\r\n\"two\nlines\",\r\n");
  const Image picture = smooth_picture(19, 13);
  write(out / "image/baseline.jpg", jpeg_file(picture));
  write(out / "image/progressive.jpg", jpeg_file(picture, 60, true));
  write(out / "image/grey.jpg", grey_jpeg_file(picture));
  write(out / "image/cmyk.jpg", cmyk_jpeg_file(picture));
  for (const int orientation : {3, 6})
    write(out / ("image/orientation" + std::to_string(orientation) + ".jpg"),
          with_orientation(jpeg_file(picture), orientation, orientation == 3));
  write(out / "image/picture.png", png_file(picture));
  write(out / "image/picture.bmp", bmp_file(picture));
  write(out / "image/picture.gif", kGif);
  return 0;
}
