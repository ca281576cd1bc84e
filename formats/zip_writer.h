// Writes uncompressed zip archives in torch.save's layout: the data of every record starts at a multiple of 64 bytes, so that readers can
// use it in place. Hand-written because libzip supports neither that alignment nor writing a file completely or not at all
// (atomic_file.h).
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

/// Throws Error if a name occurs twice, or for more than 65535 records or 4 GiB, which would need zip64.
void write_zip(const std::string& path, std::span<const ZipRecord> records);

}  // namespace mcnn
