// JPEG is decoded to within one grey level of PIL (libjpeg-turbo, exact integer DCT, fancy upsampling).
#include <gtest/gtest.h>

#include "tests/data/pictures.h"
#include "tests/data/pil.h"

namespace mcnn {
namespace {

/// 19x11, quality 40, colours at half the resolution: rows and columns that fill no block.
constexpr const char* kFile =
    "ffd8ffe000104a46494600010100000100010000ffdb004300140e0f120f0d14121012171514181e32211e1c1c1e3d2c2e243249404c4b4740464550"
    "5a736250556d5645466488656d777b8182814e608d978c7d96737e817cffdb0043011517171e1a1e3b21213b7c5346537c7c7c7c7c7c7c7c7c7c7c7c"
    "7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7c7cffc0001108000b001303012200021101031101ffc400"
    "1800000203000000000000000000000000000004030506ffc400221000020102060301000000000000000000010200030405111222316113214142ff"
    "c40017010003010000000000000000000000000000010203ffc4001c1100010403010000000000000000000000010002031104051221ffda000c0301"
    "0002110311003f00ab6229a47f0bc30f916bdc2efe550fe7b3dc8b0e45a97a7580742165cfe1cc4d05a005a3eb91411b3c873a51037c0984a1b47a84"
    "68710914b010b697ffd9";
/// Decoded by Pillow 13.0.0 (libjpeg-turbo 3.2.0), row by row.
constexpr const char* kPixels =
    "8024178f2321a92032c41b46db1256e50a64e1066ed20876c41a8578005c5108574a357019315700192e00545e54beb057d2a45bdd9f64e4a7"
    "90201e9c2126b31d36cb1949de1259e20c64db096eca0b7591005d861c745e296f1b1749001f3e105a673fa1a45ccdbb5dd8a964e2a56ee8ad"
    "ad1929b71930c8183fd7164de1115cdd0d65ce0c6cb712717e045b7129723d2b5f00193b00475540a7a463ddd258d9bd65dfb073e6ad7dedb5"
    "cb1136d2133edc1349e01354df105ed11063b911689a19697c2b7035194c061d3d1458653aa19d4ecfbd4bdbc04edab56ee4b480e7b28bedbc"
    "e80844e90b48ec0c52e6105ad71160bf12619b17607622604023510d223f0c525a3caaa151dbc239d5b02fd4a94fe5b576e4b78ee5b899ecc2"
    "f8024df60552f10a58e20f5cc9135ea6165c791e594f2a55000d251b606545b5a749d8ba35d6ac2cd7a33de9b160f3bd85e6bb9ee4bfa9ebc7"
    "fd0057f7035aec0a5ed5105fb3185c871e5755274e28344a1155563aab9951e5c337ddaf25d1993ce6a857fabb6cf1ba96e8c0b0e7c8bbedd0"
    "f8015cf0065fdf0e61c3175f9b1f5b6a27523432470840415ecbb844d8b42dd7a623d59b36e0a157f3b468f4b773e2ada7e8c6bee9cec9efd8"
    "f00b66d80258d9206cc031714c0023442a4331595b5ebcaa3ecfa82ddaa529e1a333e6a44ce8a766ecaf81eeb599ebbdc0f1d4cdedd8d3eedd"
    "e31168c70657bb1b61a432664f1838646b7548908258d5b330d8a423e1a126e59f38e7a256e7a677e7ad97e7b4ade4bdc9ecd4d2eadad7ecdd"
    "d91a6ab90d57a0165284295450304589a7a55fbfa447dbab28e0a020e89f27ea9e3fe9a263e5a78ae4b0abe2b8c0e1c2ceead4d3e9dcd9ebdf";

TEST(JpegAsPil, AKnownFile) {
  const std::string file = from_hex(kFile), pixels = from_hex(kPixels);
  const Image expected{19, 11, {pixels.begin(), pixels.end()}};
  EXPECT_LE(worst_difference(decode_image(std::as_bytes(std::span(file)), "photo"), expected), 1);
}

TEST(JpegAsPil, EveryKindOfFile) {
  const auto python = python_with_pil();
  SKIP_WITHOUT_PIL(python);
  const TemporaryFolder folder;
  std::vector<std::string> paths;
  for (const auto& [width, height] : {std::pair(64, 48), std::pair(61, 45), std::pair(7, 100), std::pair(1, 1)}) {
    const Image picture = smooth_picture(width, height);
    for (const std::string& file :
         {jpeg_file(picture), jpeg_file(picture, 30), jpeg_file(picture, 80, true), grey_jpeg_file(picture), cmyk_jpeg_file(picture)})
      paths.push_back(folder.write(std::to_string(paths.size()) + ".jpg", file));
  }
  const std::vector<Image> expected = pil_images(*python, "", paths);
  for (std::size_t i = 0; i < paths.size(); ++i) EXPECT_LE(worst_difference(decode_image(paths[i]), expected[i]), 1) << paths[i];
}

}  // namespace
}  // namespace mcnn
