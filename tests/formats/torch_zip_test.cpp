// write_torch_zip's files, byte by byte: everything that torch.load relies on. check_exports.py loads them with torch.
// Next: formats/write_torch_zip.h.
#include <gtest/gtest.h>
#include <libdeflate.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include "formats/write_torch_zip.h"
#include "formats/zip_writer.h"
#include "tests/data/temporary_folder.h"
#include "tests/train/message.h"

namespace mcnn {
namespace {

class TorchZip : public testing::Test {
 protected:
  std::string content() const {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  TemporaryFolder folder;
  std::string path = folder / "weights.pth";
};

template <class T>
T at(const std::string& bytes, std::size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

struct Record {
  std::string name, data;
  std::size_t begin = 0;
};

/// Reads records by the central directory. Both headers of each must agree, and the CRC must be that of the data.
std::vector<Record> records_of(const std::string& zip) {
  std::vector<Record> records;
  const std::size_t end = zip.size() - 22;
  EXPECT_EQ(at<uint32_t>(zip, end), 0x06054b50u);
  const auto count = at<uint16_t>(zip, end + 10);
  std::size_t entry = at<uint32_t>(zip, end + 16);
  EXPECT_EQ(entry + at<uint32_t>(zip, end + 12), end) << "the directory's size";
  for (int i = 0; i < count; ++i) {
    EXPECT_EQ(at<uint32_t>(zip, entry), 0x02014b50u);
    const std::size_t local = at<uint32_t>(zip, entry + 42);
    EXPECT_EQ(at<uint32_t>(zip, local), 0x04034b50u);
    EXPECT_EQ(zip.substr(entry + 6, 22), zip.substr(local + 4, 22)) << "version, flags, method, time, CRC, sizes";
    EXPECT_EQ(at<uint16_t>(zip, local + 8), 0) << "stored";
    const std::size_t size = at<uint32_t>(zip, local + 22), name = at<uint16_t>(zip, local + 26), extra = at<uint16_t>(zip, local + 28);
    const std::size_t begin = local + 30 + name + extra;
    Record r{zip.substr(local + 30, name), zip.substr(begin, size), begin};
    EXPECT_EQ(zip.substr(entry + 46, name), r.name);
    EXPECT_EQ(at<uint32_t>(zip, local + 14), libdeflate_crc32(0, r.data.data(), r.data.size())) << r.name;
    records.push_back(std::move(r));
    entry += 46 + name + at<uint16_t>(zip, entry + 30) + at<uint16_t>(zip, entry + 32);
  }
  EXPECT_EQ(entry, end);
  return records;
}

StoredTensor floats(const std::string& name, std::vector<int64_t> shape, const std::vector<float>& values) {
  return {name, "F32", std::move(shape), std::as_bytes(std::span(values))};
}

TEST_F(TorchZip, RecordsAreStoredAlignedAndChecked) {
  const std::vector<float> a(7, 1.5f), none;
  const std::vector<int64_t> counter = {1234567890123};
  const std::vector<StoredTensor> tensors = {
      floats("a", {7, 1}, a), {"counter", "I64", {}, std::as_bytes(std::span(counter))}, floats("none", {0, 3}, none)};
  write_torch_zip(path, tensors);
  const std::vector<Record> records = records_of(content());
  std::vector<std::string> names;
  for (const Record& r : records) {
    names.push_back(r.name);
    EXPECT_EQ(r.begin % 64, 0u) << r.name;
  }
  EXPECT_EQ(names, (std::vector<std::string>{"archive/data.pkl", "archive/byteorder", "archive/data/0", "archive/data/1", "archive/data/2",
                                             "archive/version"}));
  EXPECT_EQ(records[1].data, "little");
  EXPECT_EQ(records[2].data, std::string(reinterpret_cast<const char*>(a.data()), 28));
  EXPECT_EQ(at<int64_t>(records[3].data, 0), 1234567890123);
  EXPECT_EQ(records[4].data, "");
  EXPECT_EQ(records[5].data, "3\n");
}

TEST_F(TorchZip, ThePickleIsATensorByItsBook) {
  const std::vector<float> w(6);
  const std::vector<StoredTensor> tensors = {floats("w", {3, 2}, w)};
  write_torch_zip(path, tensors);
  const auto number = [](int n) { return std::string("J") + static_cast<char>(n) + std::string(3, '\0'); };
  const auto text = [](const std::string& s) { return std::string("X") + static_cast<char>(s.size()) + std::string(3, '\0') + s; };
  const std::string dict = "ccollections\nOrderedDict\n)R";
  EXPECT_EQ(records_of(content())[0].data, "\x80\x02" + dict + "(" + text("w") + "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") +
                                               "ctorch\nFloatStorage\n" + text("0") + text("cpu") + number(6) + "tQ" + number(0) + "(" +
                                               number(3) + number(2) + "t(" + number(2) + number(1) + "t\x89" + dict + "tRu.");
}

TEST_F(TorchZip, IsReadBackToTheBit) {
  const std::vector<float> a = {0.f, -0.f, 1.5f, -3e38f, 1e-42f, 7.f}, none;
  const std::vector<int64_t> counter = {1234567890123};
  const std::vector<StoredTensor> tensors = {
      floats("a.weight", {3, 2}, a), {"a.num_batches_tracked", "I64", {}, std::as_bytes(std::span(counter))}, floats("none", {0, 3}, none)};
  write_torch_zip(path, tensors);
  const TensorFile file = open_tensor_file(path);
  ASSERT_EQ(file.tensors().size(), tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const StoredTensor &found = file.tensors()[i], &written = tensors[i];
    EXPECT_EQ(found.name, written.name);
    EXPECT_EQ(found.dtype, written.dtype) << written.name;
    EXPECT_EQ(found.shape, written.shape) << written.name;
    EXPECT_TRUE(std::ranges::equal(found.bytes, written.bytes)) << written.name;
  }
}

TEST_F(TorchZip, RefusesWhatCannotBeWritten) {
  const std::vector<float> w(6);
  const auto refusal = [&](const std::vector<StoredTensor>& tensors) { return message_of([&] { write_torch_zip(path, tensors); }); };
  EXPECT_TRUE(says(refusal({floats("w", {6}, w), floats("w", {6}, w)}), {path, "two tensors named 'w'"}));
  EXPECT_TRUE(says(refusal({floats("w", {7}, w)}), {path, "'w' has 24 bytes, expected F32(7)"}));
  StoredTensor unsigned_64 = floats("w", {3}, w);
  unsigned_64.dtype = "U64";
  EXPECT_TRUE(says(refusal({unsigned_64}), {path, "no storage for dtype 'U64'"}));
  const std::vector<ZipRecord> twice = {{"a", {}}, {"a", {}}};
  EXPECT_TRUE(says(message_of([&] { write_zip(path, twice); }), {path, "two records named 'a'"}));
  const std::vector<ZipRecord> huge = {{"a", {reinterpret_cast<const std::byte*>(w.data()), std::size_t{1} << 32}}};  // never read
  EXPECT_TRUE(says(message_of([&] { write_zip(path, huge); }), {path, "without zip64"}));
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace mcnn
