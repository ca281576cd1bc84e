// Uncompressed zip archives as torch.save lays them out: the data of every record starts at a multiple of 64 bytes, so that a
// reader can use it where it lies. Written by hand because that alignment, and files that are whole or absent
// (atomic_file.h), are beyond libzip's writer.
// Formats: PKWARE APPNOTE 6.3.10; the padding is an extra field 'FB', PyTorch's caffe2/serialize/inline_container.cc.
#pragma once
#include <cstddef>
#include <span>
#include <string>

namespace mcnn {

struct ZipRecord {
  std::string name;
  std::span<const std::byte> bytes;
};

/// Names must be unique. Throws Error: a name twice, more than 65535 records, or 4 GiB and more (no zip64).
void write_zip(const std::string& path, std::span<const ZipRecord> records);

}  // namespace mcnn
