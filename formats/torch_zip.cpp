// Opens the archive, reads its data.pkl, and makes the tensors.  Contract: torch_zip.h.
#include "formats/torch_zip.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "formats/torch_tensors.h"
#include "formats/unpickler.h"
#include "formats/zip_archive.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

/// "<name>/", the folder that contains data.pkl.
std::string folder_of(const std::string& path, const ZipArchive& archive) {
  constexpr std::string_view kObject = "data.pkl";
  const auto is_object = [&](const auto& entry) {
    return entry.first.ends_with(kObject) &&
           (entry.first.size() == kObject.size() || entry.first[entry.first.size() - kObject.size() - 1] == '/');
  };
  const auto found = std::find_if(archive.entries().begin(), archive.entries().end(), is_object);
  if (found == archive.entries().end()) fail("{}: a zip file without data.pkl: not made by torch.save", path);
  if (const auto second = std::find_if(std::next(found), archive.entries().end(), is_object); second != archive.entries().end())
    fail("{}: two objects, {} and {}", path, printable(found->first), printable(second->first));
  return found->first.substr(0, found->first.size() - kObject.size());
}

struct Source {
  std::shared_ptr<const void> file;
  ZipArchive archive;
};

}  // namespace

TensorFile read_torch_zip(const std::string& path, std::span<const std::byte> bytes, std::shared_ptr<const void> backing,
                          const std::string& dictionary) {
  const auto source = std::make_shared<Source>(Source{std::move(backing), ZipArchive(path, bytes)});
  ZipArchive& archive = source->archive;
  const std::string folder = folder_of(path, archive);
  if (archive.entries().contains(folder + "byteorder")) {
    const auto order = archive.read(folder + "byteorder");
    if (const std::string_view text(reinterpret_cast<const char*>(order.data()), order.size()); text != "little")
      fail("{}: byte order {}, expected 'little'", path, printable(text));
  }

  const std::string where = path + ": data.pkl";
  const Pickle object = read_pickle(where, archive.read(folder + "data.pkl"));
  std::unordered_map<std::string, std::span<const std::byte>> storages;  // so that a storage shared by tensors is read and checked once
  const auto read = [&](const TorchStorage& storage) {
    auto known = storages.find(storage.key);
    if (known == storages.end()) known = storages.emplace(storage.key, archive.read(folder + "data/" + storage.key)).first;
    if (known->second.size() != storage.bytes())
      fail("{}: storage {} has {} bytes, expected {} of {} {}", path, printable(storage.key), known->second.size(), storage.bytes(),
           storage.elements, storage.dtype);
    return known->second;
  };
  return torch_tensors(path, where, *object.root, dictionary, read, bytes.size(), source);
}

}  // namespace mcnn
