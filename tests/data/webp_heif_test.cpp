// WebP, HEIC and AVIF are decoded as by Pillow; error messages for formats that are not decoded.
// Next: data/webp.h, data/heif.h, data/image_format.h.
#include <gtest/gtest.h>

#include "data/folder_listing.h"
#include "data/heif.h"
#include "data/image_format.h"
#include "runtime/error.h"
#include "tests/data/pictures.h"
#include "tests/data/pil.h"

namespace mcnn {
namespace {

struct Known {
  const char *what, *file, *pixels;
};
/// 7x5, by Pillow 13.0.0, which also gave the pixels.
const Known kWebp[] = {
    {"lossy",
     "524946465c000000574542505650382050000000f001009d012a0700050002804225b00274ba0002ba55c95000feefa34ff748a92d6c529d4f1933ff"
     "27af5b7a8cbcd53ae679f66a2ff66ffb3b99f9ff43df2365fef00e1ce679f7f438dd762fdd480000",
     "0000001208003912005d12027401009f080dbf0a150c2e00223602473e136a3d2191382fbd3f45dc40531577002c7e0e508231757f4e93705cbf757c"
     "de749315ad052cb12051b44c76b267a3b37bccb896ebb8ac1cdd2c33e34559e56f7ee57eaaed79bcde65e3e877"},
    {"lossless, transparent",
     "5249464636000000574542505650384c2a0000002f06000110b93244f43f7611d1ff8042b611a0819d3fd98b3024d340906d1bda76964f0048b76288"
     "3d01",
     "0000002400004800006c0000900000b40000d80000003c00243c0d483c1a6c3c27903c34b43c41d83c4e00780024781a4878346c784e907868b47882"
     "d8789c00b40024b42748b44e6cb47590b49cb4b4c3d8b4ea00f00024f03448f0686cf09c90f0d0b4f004d8f038"},
    {"lossy, transparent",
     "524946468e00000057454250565038580a00000010000000060000040000414c50481800000001b98ce87f4041db364c0f96f227b9cb2062022600a3"
     "b4175650382050000000f001009d012a0700050002804225b00274ba0002ba55c95000feefa34ff748a92d6c529d4f1933ff27af5b7a8cff30d87ae6"
     "79f66a2ff66ff8879ff287be46cbfde01c39ccf3efe871bae6bfa2c00000",
     "0001001209003913005d13007402009f0907bf0a110c2e00223602473e136a3d2191382dbd3f45dc40531576012c7c1850803c757e56936e66bf7386"
     "de729d15ab0d2cb02651b35276b06fa3b183ccb79cebb7b21cde2633e43f59e6697ee776aaee71bcdf5fe3ea6f"},
};
constexpr const char* kMovingWebp =
    "524946462a01000057454250565038580a00000012000000060000040000414e494d06000000000000000000414e4d467c0000000000000000000600"
    "00040000000000025650384c640000002f0600010017211048f1080335248a02a0892840010af0f5a0c00a2c85a10c65241ff31f41000080030441d0"
    "1f0441905f1886613f0882203e502814ca3f1a8d4603830000cbc666db3a23fa1f802a5fe60d990e753d889bd8f68b854dfd7c44ba3cae1f414e4d46"
    "7a000000000000000000060000040000000000005650384c610000002f06000110ef201048f108032510487130c38c26009a508002a4984a010a90cf"
    "5046f298ff080200001c401004dd832008f2178661d80d822088fb288aa2c0b06d24c5b96366be8789e87fdc91e12479668157f45d1541b36f3744c3"
    "ffd391ac0000";
/// 16x16, likewise.
constexpr const char* kAvif =
    "00000020667479706176696600000000617669666d6966316d6961664d413141000000eb6d657461000000000000002168646c720000000000000000"
    "70696374000000000000000000000000000000000e7069746d0000000000010000001e696c6f63000000004400000100010000000100000113000000"
    "720000002869696e660000000000010000001a696e6665020000000001000061763031436f6c6f72000000006a697072700000004b6970636f000000"
    "1469737065000000000000001000000010000000107069786900000000030808080000000c617631438120000000000013636f6c726e636c78000100"
    "0d0006800000001769706d610000000000000001000104010283040000007a6d64617412000a08380cffda404341a432641202434a8041041f200000"
    "7582ba9d091b90a20e618b6b80a8793a74163956a59ca8f5c9e1513cd016074b41bce1b5a81f4a08d1847badf5a770362e118d54b462b9da2ebc5d74"
    "adff52f937e667bb7015635b2c194e7011e83a61f503fac14fa17eecb4";
constexpr const char* kAvifPixels =
    "000200030200140200240200340201460200540000630100770002860000930100a20106b30008c50003d70000dc0003000000040000130101240201"
    "340203460201540200630100770203860100920300a20202b40106c60000d60000dc0103000c00040c01130c02250c05340f07450f05550e04640d06"
    "760e0b850d0c920e09a20e0ab40d0cc50d0ad60d0ddb0e12001f0005200013200225210634220b46210e54210e64211077201784211b91211da4201d"
    "b3201ec42122d52227db232b00370403380413380423390833380f46361554371963371e77352484382a923631a23634b43536c4373fd43746db3849"
    "004806034a04124a09244a0e334c1546491c554825634a29764a31844b3a924b43a24a48b2494fc44959d54b62da4c64005d03045c07135c0d245e14"
    "345c1d475c25545e2c635e36765d3f845c4a925c51a25e5db35c64c45d6ed45e76da5d7a007200047002127010256f1c337024466f2b537037627243"
    "757050856f59916f63a2706db27177c57080d4708cdb6f8f00860004810114810e23812034812946803554813e64824c76805d848065928171a38180"
    "b28192c5809dd381a7da7eab00990003950413951122962134952e45933d53954b629759759566859372919385a1969cb295b1c495c1d495ccda94d3"
    "00a90005a60413a61224a82235a63246a44354a65364a76176a77284a68591a79aa2a7adb1a7c0c3a6d6d4a6e5d9a7ee00bd0103ba0213bb1023bc25"
    "34ba3545ba4a53bb5e63bc6e76ba7f83bb9891baa8a2baacb2baafc4bac3d3bad8dab9e400d30003d20212d21424d22c32d24345d15654d16b63d27b"
    "75d29183d1af91d2b4a1d195b1d279c4d084d4d2a1dad2ad00e40004e40312e41923e43534e34a45e45e53e47562e48676e49f84e4bf8fe4baa2e476"
    "b2e33bc4e43cd5e359dae56600f00004f10412f21a22f13833f04d45f16353f17b61f08e75f1aa82f3cf91f1c1a2f066b3f010c5ee0bd4f02bdbf138"
    "00f50003f70312f71823f53433f64a45f66253f57d62f58f75f6ad82f8d891f7c7a2f55fb3f401c5f400d3f51cdaf629";

Image decoded(const std::string& file) { return decode_image(std::as_bytes(std::span(file)), "photo", 1000); }

/// The error message for a file; empty: it was decoded.
std::string complaint(const std::string& file) {
  try {
    decoded(file);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A chunk of a RIFF file.
std::string chunk(const std::string& name, std::string content) {
  std::string size(4, '\0');
  for (int i = 0; i < 4; ++i) size[i] = static_cast<char>(content.size() >> (8 * i));
  if (content.size() % 2 != 0) content += '\0';
  return name + size + content;
}

#ifdef MCNN_WITH_WEBP
TEST(Webp, HasThePixelsThatPillowHas) {
  for (const Known& known : kWebp) {
    const std::string pixels = from_hex(known.pixels);
    EXPECT_EQ(worst_difference(decoded(from_hex(known.file)), {7, 5, {pixels.begin(), pixels.end()}}), 0) << known.what;
  }
}

TEST(Webp, AFileThatIsCutShortIsRefused) {
  for (const Known& known : kWebp) {
    const std::string file = from_hex(known.file);
    for (std::size_t length = 12; length < file.size(); ++length) {
      const std::string said = complaint(file.substr(0, length));
      const bool only_padding_is_missing = length + 1 == file.size();  // which decoders do not need
      EXPECT_TRUE(only_padding_is_missing || contains(said, "photo: cannot be decoded")) << known.what << " " << length << ": " << said;
    }
  }
}

TEST(Webp, DamageIsAPictureOrALine) {
  for (const Known& known : kWebp) {
    const std::string file = from_hex(known.file);
    for (std::size_t at = 0; at < file.size(); ++at)
      for (const int bit : {0, 3, 7}) {
        std::string damaged = file;
        damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
        complaint(damaged);
      }
  }
}

TEST(Webp, AMovingOneIsRefused) { EXPECT_TRUE(contains(complaint(from_hex(kMovingWebp)), "photo: is a moving WebP picture")); }

TEST(Webp, TooManyPixelsAreRefusedBeforeTheyAreMade) {
  std::string large = from_hex(kWebp[0].file);
  large[26] = large[28] = '\xff', large[27] = large[29] = '\x3f';  // 16383x16383
  EXPECT_TRUE(contains(complaint(large), "16383x16383 is more than")) << complaint(large);
}

TEST(Webp, StandsUprightByItsExif) {
  const std::string plain = from_hex(kWebp[0].file);
  const Image upright_already = decoded(plain);
  for (const std::string& prefix : {std::string(), std::string("Exif\0\0", 6)}) {
    // Little-endian tags: one, the orientation, 6: to be turned a quarter clockwise.
    const std::string tiff = prefix + std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0", 26);
    const std::string flags = std::string("\x08\0\0\0", 4) + std::string("\x06\0\0\x04\0\0", 6);  // EXIF; 7x5
    const std::string body = "WEBP" + chunk("VP8X", flags) + plain.substr(12) + chunk("EXIF", tiff);
    const Image turned = decoded(chunk("RIFF", body));
    ASSERT_EQ(turned.width, 5);
    ASSERT_EQ(turned.height, 7);
    EXPECT_TRUE(std::equal(turned.rgb.begin(), turned.rgb.begin() + 3, upright_already.rgb.begin() + 3 * 7 * 4));
  }
}

TEST(Webp, IsFoundInFolders) {
  const TemporaryFolder folder;
  folder.write("a.webp", from_hex(kWebp[0].file));
  folder.write("b.WEBP", from_hex(kWebp[1].file));
  Skipped skipped;
  EXPECT_EQ(photos_in(folder / "", skipped), (std::vector<std::string>{"a.webp", "b.WEBP"}));
  EXPECT_TRUE(skipped.empty());
}
#else
TEST(Webp, IsNamedWhereThisBuildDoesNotReadIt) {
  EXPECT_TRUE(contains(complaint(from_hex(kWebp[0].file)), "is a WebP picture, and this build was made without libwebp"));
}
#endif

TEST(Heif, HasAlmostThePixelsThatPillowHas) {
  const std::string file = from_hex(kAvif), pixels = from_hex(kAvifPixels);
  if (!decodes_heif()) {
    EXPECT_TRUE(contains(complaint(file), "is an AVIF picture") && contains(complaint(file), "libheif")) << complaint(file);
    GTEST_SKIP() << "SKIPPED: this build has no libheif";
  }
  EXPECT_LE(worst_difference(decoded(file), {16, 16, {pixels.begin(), pixels.end()}}), 3);  // another conversion from YUV
  for (std::size_t length = 12; length < file.size(); length += 5)
    EXPECT_TRUE(contains(complaint(file.substr(0, length)), "photo: cannot be decoded")) << length;
}

TEST(Formats, ThatAreNotReadAreNamed) {
  const std::vector<std::pair<std::string, std::string>> files = {{std::string("II*\0\x08\0\0\0", 8), "TIFF"},
                                                                  {std::string("MM\0*\0\0\0\x08", 8), "TIFF"},
                                                                  {"%PDF-1.7", "PDF"},
                                                                  {"8BPS", "Photoshop"},
                                                                  {std::string("\0\0\0\x0cJXL \r\n\x87\n", 12), "JPEG XL"},
                                                                  {std::string("\0\0\0\x18"
                                                                               "ftypmp42",
                                                                               12),
                                                                   "video"},
                                                                  {"version https://git-lfs.github.com/spec/v1", "Git LFS pointer"},
                                                                  {"<html><body>404", "HTML"},
                                                                  {std::string("PK\x03\x04", 4), "zip"}};
  for (const auto& [file, name] : files) {
    EXPECT_TRUE(contains(complaint(file), name)) << complaint(file);
    EXPECT_TRUE(contains(complaint(file), "photo: is a ")) << complaint(file);
  }
  const auto name_of_media = [](const char(&brands)[13]) {
    const std::string file = std::string(
                                 "\0\0\0\x14"
                                 "ftyp",
                                 8) +
                             std::string(brands, 12);
    return format_of(std::as_bytes(std::span(file))).name;
  };
  EXPECT_EQ(name_of_media("mif1\0\0\0\0avif"), "AVIF");
  EXPECT_EQ(name_of_media("mif2\0\0\0\0avif"), "AVIF");
  EXPECT_EQ(name_of_media("mif1\0\0\0\0heic"), "HEIC");
  EXPECT_EQ(name_of_media("mp42\0\0\0\0isom"), "video (MP4 or QuickTime)");
  EXPECT_TRUE(contains(complaint("no picture at all"), "is not a JPEG, PNG, WebP"));
}

}  // namespace
}  // namespace mcnn
