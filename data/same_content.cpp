// Compares sizes first, then hashes, then bytes.  Contract: same_content.h.
#include "data/same_content.h"

#include <filesystem>
#include <map>
#include <unordered_map>

#include "data/file_bytes.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

/// FNV-1a, 64 bits.
uint64_t hash(const std::vector<std::byte>& bytes) {
  uint64_t h = 0xcbf29ce484222325u;
  for (const std::byte b : bytes) h = (h ^ static_cast<uint64_t>(b)) * 0x100000001b3u;
  return h;
}

}  // namespace

std::vector<std::size_t> first_with_same_content(const std::vector<std::string>& paths) {
  std::map<std::uintmax_t, std::vector<std::size_t>> by_size;
  for (std::size_t i = 0; i < paths.size(); ++i) {
    std::error_code error;
    const std::uintmax_t size = std::filesystem::file_size(paths[i], error);
    if (error) fail("{}: cannot be read: {}", paths[i], error.message());
    by_size[size].push_back(i);
  }
  std::vector<std::size_t> first(paths.size());
  for (const auto& [size, same_size] : by_size) {
    std::unordered_map<uint64_t, std::vector<std::size_t>> by_hash;  // the first file of each content
    for (const std::size_t i : same_size) {
      first[i] = i;
      if (same_size.size() == 1 || size == 0) continue;  // empty files do not count as equal
      const std::vector<std::byte> bytes = read_file(paths[i]);
      std::vector<std::size_t>& known = by_hash[hash(bytes)];
      for (const std::size_t candidate : known)
        if (read_file(paths[candidate]) == bytes) first[i] = candidate;
      if (first[i] == i) known.push_back(i);
    }
  }
  return first;
}

}  // namespace mcnn
