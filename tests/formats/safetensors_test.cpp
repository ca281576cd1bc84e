// safetensors: what is written is read back to the bit; what is malformed is refused with one line, never a crash.
// Next: formats/safetensors.h.
#include "formats/safetensors.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <bit>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "runtime/error.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

class Safetensors : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("mcnn_safetensors_" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    path_ = (folder_ / "weights.safetensors").string();
  }
  void TearDown() override { fs::remove_all(folder_); }

  void write_raw(const std::string& content) const { std::ofstream(path_, std::ios::binary) << content; }
  /// A file with this header (its true length in front) and `data_bytes` of zeros.
  void write_header(const std::string& header, std::size_t data_bytes) const {
    const uint64_t length = header.size();
    write_raw(std::string(reinterpret_cast<const char*>(&length), 8) + header + std::string(data_bytes, '\0'));
  }
  std::string content() const {
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  /// The reader's error message; the test fails if the file is accepted.
  std::string refusal() const {
    try {
      open_tensor_file(path_);
    } catch (const Error& e) {
      const std::string line = e.what();
      EXPECT_TRUE(line.starts_with(path_)) << line;
      EXPECT_EQ(line.find('\n'), std::string::npos) << line;
      return line;
    }
    ADD_FAILURE() << "was read without complaint";
    return {};
  }
  std::size_t files_in_folder() const { return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {})); }

  fs::path folder_;
  std::string path_;
};

template <class T>
StoredTensor stored(std::string name, std::string dtype, std::vector<int64_t> shape, const std::vector<T>& values) {
  return {std::move(name), std::move(dtype), std::move(shape), std::as_bytes(std::span(values))};
}

#define EXPECT_REFUSED(part) EXPECT_NE(refusal().find(part), std::string::npos) << refusal()

TEST_F(Safetensors, WhatIsWrittenIsReadBack) {
  const std::vector<float> a = {1.f, -2.5f, 3e-39f, INFINITY, 0.f, -0.f};
  const std::vector<int64_t> counter = {1234567};
  const std::vector<uint8_t> odd = {1, 2, 3};
  const std::vector<float> none;
  const std::vector<StoredTensor> tensors = {stored("odd", "U8", {3}, odd), stored("a \"b\"\n", "F32", {2, 3}, a),
                                             stored("counter", "I64", {}, counter), stored("none", "F32", {0, 7}, none)};
  write_safetensors(path_, tensors, {{"format", "pt"}, {"classes", "[\"a\"]"}});
  const TensorFile file = open_tensor_file(path_);
  ASSERT_EQ(file.tensors().size(), 4u);
  EXPECT_EQ(file.metadata(), (Metadata{{"format", "pt"}, {"classes", "[\"a\"]"}}));
  EXPECT_EQ(file.path(), path_);
  for (const StoredTensor& t : tensors) {
    const StoredTensor* found = file.find(t.name);
    ASSERT_NE(found, nullptr) << t.name;
    EXPECT_EQ(found->dtype, t.dtype);
    EXPECT_EQ(found->shape, t.shape);
    ASSERT_EQ(found->bytes.size(), t.bytes.size());
    EXPECT_TRUE(std::equal(found->bytes.begin(), found->bytes.end(), t.bytes.begin()));
  }
  EXPECT_EQ(file.find("b"), nullptr);
  EXPECT_EQ(files_in_folder(), 1u) << "a temporary file stayed";
  // All tensors are aligned although a three-byte tensor was listed first: other programs map these files and read them in place.
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file.find("counter")->bytes.data()) % 8, 0u);
}

TEST_F(Safetensors, EveryTypeConverts) {
  const std::vector<double> f64 = {0.1, -1e300};
  EXPECT_EQ(as_doubles(stored("", "F64", {2}, f64)), f64);
  EXPECT_EQ(as_floats(stored("", "F64", {2}, f64)), (std::vector<float>{0.1f, -INFINITY}));
  // 1, -2, largest 65504, smallest subnormal 2^-24, infinity
  const std::vector<uint16_t> f16 = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x7c00};
  EXPECT_EQ(as_floats(stored("", "F16", {5}, f16)), (std::vector<float>{1.f, -2.f, 65504.f, std::ldexp(1.f, -24), INFINITY}));
  EXPECT_TRUE(std::isnan(as_floats(stored("", "F16", {1}, std::vector<uint16_t>{0x7e00}))[0]));
  EXPECT_EQ(as_floats(stored("", "BF16", {2}, std::vector<uint16_t>{0x3f80, 0xc040})), (std::vector<float>{1.f, -3.f}));
  EXPECT_EQ(as_floats(stored("", "I64", {2}, std::vector<int64_t>{-5, 1 << 20})), (std::vector<float>{-5.f, 1048576.f}));
  EXPECT_EQ(as_floats(stored("", "I32", {1}, std::vector<int32_t>{-7})), (std::vector<float>{-7.f}));
  EXPECT_EQ(as_floats(stored("", "I16", {1}, std::vector<int16_t>{-300})), (std::vector<float>{-300.f}));
  EXPECT_EQ(as_floats(stored("", "I8", {1}, std::vector<int8_t>{-3})), (std::vector<float>{-3.f}));
  EXPECT_EQ(as_floats(stored("", "U64", {1}, std::vector<uint64_t>{9})), (std::vector<float>{9.f}));
  EXPECT_EQ(as_floats(stored("", "U32", {1}, std::vector<uint32_t>{4000000000u})), (std::vector<float>{4e9f}));
  EXPECT_EQ(as_floats(stored("", "U16", {1}, std::vector<uint16_t>{60000})), (std::vector<float>{60000.f}));
  EXPECT_EQ(as_floats(stored("", "U8", {1}, std::vector<uint8_t>{200})), (std::vector<float>{200.f}));
  EXPECT_EQ(as_floats(stored("", "BOOL", {2}, std::vector<uint8_t>{0, 1})), (std::vector<float>{0.f, 1.f}));
  EXPECT_THROW(as_floats(stored("", "C64", {1}, f64)), Error);
}

TEST_F(Safetensors, UnalignedDataIsRead) {  // the format does not require padding after the header
  const std::string header =
      R"({"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  const uint64_t length = header.size();
  const float value = 1.5f;
  write_raw(std::string(reinterpret_cast<const char*>(&length), 8) + header + "x" + std::string(reinterpret_cast<const char*>(&value), 4));
  EXPECT_EQ(as_floats(*open_tensor_file(path_).find("f")), (std::vector<float>{1.5f}));
}

// ---- Malformed files -------------------------------------------------------------------------------------------------

TEST_F(Safetensors, TheFileItself) {
  EXPECT_REFUSED("cannot be opened");
  write_raw("");
  EXPECT_REFUSED("0 bytes");
  write_raw("1234567");
  EXPECT_REFUSED("7 bytes");
  write_raw("PK\x03\x04 and so on");
  EXPECT_REFUSED("zip");
  fs::remove(path_);
  fs::create_directory(path_);
  EXPECT_REFUSED("not a regular file");
}

TEST_F(Safetensors, HeaderLength) {
  write_raw(std::string(8, '\xff') + "{}");
  EXPECT_REFUSED("18446744073709551615 bytes");
  write_raw(std::string("\x00\xe1\xf5\x05\x00\x00\x00\x00", 8) + "{}");  // the format's limit of 10^8, longer than the file
  EXPECT_REFUSED("file ends after 2");
  write_raw(std::string("\x03\x00\x00\x00\x00\x00\x00\x00", 8) + "{}");
  EXPECT_REFUSED("file ends after 2");
}

struct BadHeader {
  const char* what;
  const char* header;
  std::size_t data_bytes;
  const char* expected;  // part of the message
};

const BadHeader kBadHeaders[] = {
    {"empty", "", 0, "not JSON"},
    {"not JSON", "{\"a\":", 0, "not JSON"},
    {"not UTF-8", "{\"\xff\":{}}", 0, "not JSON"},
    {"text behind the object", "{}x", 0, "not JSON"},
    {"a list", "[]", 0, "not a JSON object"},
    {"a number", "7", 0, "not a JSON object"},
    {"deep nesting", R"({"a":{"shape":[[[[1]]]]}})", 4, "nested"},
    {"tensor twice", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2,
     "key 'a' twice"},
    {"field twice", R"({"a":{"dtype":"U8","dtype":"I8","shape":[1],"data_offsets":[0,1]}})", 1, "key 'dtype' twice"},
    {"entry is a string", R"({"a":"U8"})", 0, "tensor 'a': its header entry"},
    {"unknown field", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"stride":1}})", 1, "unknown field 'stride'"},
    {"no dtype", R"({"a":{"shape":[1],"data_offsets":[0,1]}})", 1, "'dtype' is not a string"},
    {"dtype is a number", R"({"a":{"dtype":4,"shape":[1],"data_offsets":[0,1]}})", 1, "'dtype' is not a string"},
    {"unknown dtype", R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,1]}})", 1, "unknown dtype 'F33'"},
    {"no shape", R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", 1, "'shape' is not a list"},
    {"negative shape", R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})", 1, "holds -1"},
    {"fractional shape", R"({"a":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}})", 1, "holds 1.5"},
    {"shape of strings", R"({"a":{"dtype":"U8","shape":["1"],"data_offsets":[0,1]}})", 1, "non-negative integers"},
    {"shape overflows", R"({"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}})", 0, "too large"},
    {"shape overflows at the element size", R"({"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}})", 0, "too large"},
    {"shape beyond 63 bits", R"({"a":{"dtype":"U8","shape":[0,18446744073709551615],"data_offsets":[0,0]}})", 0, "too large"},
    {"shape beyond 64 bits", R"({"a":{"dtype":"U8","shape":[18446744073709551616],"data_offsets":[0,0]}})", 0, "non-negative integers"},
    {"no offsets", R"({"a":{"dtype":"U8","shape":[1]}})", 1, "'data_offsets' is not a list"},
    {"one offset", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}})", 1, "1 values, expected 2"},
    {"negative offset", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}})", 1, "holds -1"},
    {"end before begin", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1, "offsets [1,0]"},
    {"end outside", R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})", 1, "outside the 1 bytes"},
    {"both outside", R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[5,5]}})", 1, "outside the 1 bytes"},
    {"offsets overflow", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[18446744073709551615,18446744073709551615]}})", 1, "outside"},
    {"offsets longer than the shape", R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}})", 8, "hold 8 bytes, expected 4"},
    {"offsets shorter than the shape", R"({"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})", 8, "expected 12 for F32(3)"},
    {"overlap", R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[2,6]}})", 6,
     "tensor 'b' at offset 2 overlaps 'a'"},
    {"the same bytes", R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}})", 4,
     "overlaps"},
    {"hole before", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})", 2, "1 bytes before tensor 'a'"},
    {"hole behind", R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 3, "2 bytes at the end"},
    {"data without tensors", "{}", 3, "3 bytes at the end"},
    {"metadata is a list", R"({"__metadata__":[]})", 0, "'__metadata__' is not an object"},
    {"metadata holds a number", R"({"__metadata__":{"classes":18}})", 0, "'classes' is not a string"},
};

TEST_F(Safetensors, HeaderContent) {
  for (const BadHeader& bad : kBadHeaders) {
    SCOPED_TRACE(bad.what);
    write_header(bad.header, bad.data_bytes);
    EXPECT_REFUSED(bad.expected);
  }
}

TEST_F(Safetensors, ControlCharactersInNamesStayOnOneLine) {
  write_header(R"({"a\nb\u0000":{"dtype":"U8","shape":[1],"data_offsets":[0,9]}})", 9);
  EXPECT_REFUSED("'a\\x0ab\\x00'");
}

TEST_F(Safetensors, CutAnywhereItIsRefused) {
  const std::vector<float> a(5, 1.f);
  write_safetensors(path_, std::vector{stored("a", "F32", {5}, a), stored("b", "F32", {1, 5}, a)}, {{"k", "v"}});
  const std::string whole = content();
  for (std::size_t length = 0; length < whole.size(); ++length) {
    SCOPED_TRACE(length);
    write_raw(whole.substr(0, length));
    refusal();
  }
}

TEST_F(Safetensors, AnyByteChangedNeverCrashes) {
  const std::vector<float> a(5, 1.f);
  write_safetensors(path_, std::vector{stored("a", "F32", {5}, a), stored("b", "F32", {1, 5}, a)}, {{"k", "v"}});
  const std::string whole = content();
  std::mt19937 random(7);
  int refused = 0;
  for (int trial = 0; trial < 1000; ++trial) {
    std::string damaged = whole;
    for (int flips = 1 + trial % 3; flips > 0; --flips)
      damaged[random() % (whole.size() - 2 * sizeof(float) * a.size())] = static_cast<char>(random());
    write_raw(damaged);
    try {
      const TensorFile file = open_tensor_file(path_);
      for (const StoredTensor& t : file.tensors()) as_floats(t);
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 500);  // most of the header is structure
}

// ---- Writing ---------------------------------------------------------------------------------------------------------

TEST_F(Safetensors, TheWriterRefusesWhatItCouldNotReadBack) {
  const std::vector<float> a(5, 1.f);
  const auto write = [&](std::vector<StoredTensor> tensors, const Metadata& metadata = {}) { write_safetensors(path_, tensors, metadata); };
  EXPECT_THROW(write({stored("a", "F32", {5}, a), stored("a", "F32", {5}, a)}), Error);
  EXPECT_THROW(write({stored("a", "F32", {4}, a)}), Error);
  EXPECT_THROW(write({stored("a", "F31", {5}, a)}), Error);
  EXPECT_THROW(write({stored("__metadata__", "F32", {5}, a)}), Error);
  EXPECT_THROW(write({stored("\xff", "F32", {5}, a)}), Error);
  EXPECT_EQ(files_in_folder(), 0u);
}

TEST_F(Safetensors, AFullDiskLeavesTheOldFileAndNoOther) {
  const std::vector<float> small(5, 1.f), large(1 << 16, 2.f);
  write_safetensors(path_, std::vector{stored("a", "F32", {5}, small)}, {});
  const std::string before = content();

  // A limit on the file size stands for the full disk: write() fails half-way with EFBIG.
  struct rlimit old {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &old), 0);
  const auto old_handler = std::signal(SIGXFSZ, SIG_IGN);
  const struct rlimit limit = {1 << 16, old.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::string message;
  try {
    write_safetensors(path_, std::vector{stored("a", "F32", {1 << 16}, large)}, {});
  } catch (const Error& e) {
    message = e.what();
  }
  ::setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, old_handler);

  EXPECT_NE(message.find(path_ + ": cannot be written: File too large"), std::string::npos) << message;
  EXPECT_EQ(content(), before);
  EXPECT_EQ(files_in_folder(), 1u) << "a half-written file stayed";
}

TEST_F(Safetensors, AMissingFolderIsNamed) {
  const std::vector<float> a(5, 1.f);
  try {
    write_safetensors((folder_ / "no" / "w.safetensors").string(), std::vector{stored("a", "F32", {5}, a)}, {});
    FAIL() << "wrote into a folder that is not there";
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find("No such file or directory"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace mcnn
