// Reads five pickles, then the storages in the order that the fifth lists.  Contract: torch_legacy.h.
// Next: unpickler.h reads a pickle, torch_tensors.h makes the tensors.
#include "formats/torch_legacy.h"

#include <cstring>
#include <map>

#include "formats/torch_tensors.h"
#include "formats/unpickler.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

using Kind = PickleValue::Kind;
constexpr std::string_view kMagic = "\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";  // 0x1950a86a20f9469cfc6c, little-endian
constexpr int64_t kProtocol = 1001;

struct Place {
  TorchStorage storage;
  std::span<const std::byte> bytes;
};

/// The storages that the object refers to, without their bytes.
std::map<std::string, Place> named_storages(const std::string& path, const Pickle& object) {
  std::map<std::string, Place> storages;
  for (const PickleValue& value : object.values) {
    if (value.kind != Kind::storage) continue;
    const TorchStorage s = torch_storage(path, value);
    const auto [known, added] = storages.emplace(s.key, Place{s, {}});
    const TorchStorage& first = known->second.storage;
    if (!added && (first.dtype != s.dtype || first.elements != s.elements))
      fail("{}: offset {}: storage {} is {} {} here and {} {} before", path, value.offset, printable(s.key), s.elements, s.dtype,
           first.elements, first.dtype);
  }
  return storages;
}

}  // namespace

TensorFile read_torch_legacy(const std::string& path, std::span<const std::byte> bytes, std::shared_ptr<const void> backing,
                             const std::string& dictionary) {
  const Pickle magic = read_pickle(path, bytes);
  if (magic.root->kind != Kind::long_integer || magic.root->text != kMagic)
    fail("{}: a pickle of a {}, but not one of torch.save: its magic number is missing", path, name_of(magic.root->kind));
  const Pickle protocol = read_pickle(path, bytes, magic.end);
  if (protocol.root->kind != Kind::integer || protocol.root->integer != kProtocol)
    fail("{}: offset {}: torch.save's protocol is not {}", path, magic.end, kProtocol);
  const Pickle machine = read_pickle(path, bytes, protocol.end);
  const auto& facts = machine.root->items;
  for (std::size_t i = 0; machine.root->kind == Kind::dict && i < facts.size(); i += 2)
    if (facts[i]->kind == Kind::text && facts[i]->text == "little_endian" && facts[i + 1]->integer == 0)
      fail("{}: offset {}: big-endian values, expected little-endian", path, facts[i]->offset);
  const Pickle object = read_pickle(path, bytes, machine.end);
  const Pickle keys = read_pickle(path, bytes, object.end);
  if (keys.root->kind != Kind::list) fail("{}: offset {}: a {}, expected the list of storages", path, object.end, name_of(keys.root->kind));

  std::map<std::string, Place> storages = named_storages(path, object);
  std::size_t at = keys.end;
  for (const PickleValue* key : keys.root->items) {
    const auto named = key->kind == Kind::text ? storages.find(std::string(key->text)) : storages.end();
    if (named == storages.end()) fail("{}: offset {}: a storage that the object does not name", path, key->offset);
    auto& [storage, place] = named->second;
    if (place.data() != nullptr) fail("{}: offset {}: storage {} occurs twice", path, key->offset, printable(storage.key));
    uint64_t elements = 0;
    if (bytes.size() - at < sizeof elements || storage.bytes() > bytes.size() - at - sizeof elements)
      fail("{}: offset {}: storage {} needs {} bytes, but the file ends after {}", path, at, printable(storage.key),
           sizeof elements + storage.bytes(), bytes.size() - at);
    std::memcpy(&elements, bytes.data() + at, sizeof elements);
    if (elements != storage.elements)
      fail("{}: offset {}: storage {} has {} elements, expected {}", path, at, printable(storage.key), elements, storage.elements);
    place = bytes.subspan(at + sizeof elements, storage.bytes());
    at += sizeof elements + storage.bytes();
  }
  if (at != bytes.size()) fail("{}: {} bytes at the end, from offset {} on, belong to no storage", path, bytes.size() - at, at);

  const auto read = [&](const TorchStorage& storage) {
    const auto place = storages.at(storage.key).bytes;
    if (place.data() == nullptr) fail("{}: storage {} is not in the file", path, printable(storage.key));
    return place;
  };
  return torch_tensors(path, path, *object.root, dictionary, read, bytes.size(), std::move(backing));
}

}  // namespace mcnn
