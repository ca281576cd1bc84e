// Chooses the dictionary of weights, then finds each tensor's storage and bytes.  Contract: torch_tensors.h.
// Next: torch_zip.cpp and torch_legacy.cpp call it.
#include "formats/torch_tensors.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <optional>

#include "runtime/error.h"
#include "runtime/nearest.h"

namespace mcnn {
namespace {

using Kind = PickleValue::Kind;
constexpr std::array kWellKnown = {"state_dict_ema", "model_ema", "ema_state_dict", "ema", "state_dict", "model_state_dict",
                                   "model_state",    "model",     "module",         "net", "weights"};
constexpr int kDeepest = 8;          // nested dictionaries; a limit is needed because a pickle can contain cycles
constexpr uint64_t kMostGrowth = 4;  // memory for copies of strided views, in sizes of the file

template <class... Args>
[[noreturn]] void refuse(const std::string& where, const PickleValue& at, fmt::format_string<Args...> format, Args&&... args) {
  fail("{}: offset {}: {}", where, at.offset, fmt::format(format, std::forward<Args>(args)...));
}

/// The value of `key`; null if `dictionary` is not a dictionary or has no such key.
const PickleValue* find(const PickleValue& dictionary, std::string_view key) {
  if (dictionary.kind != Kind::dict) return nullptr;
  for (std::size_t i = 0; i < dictionary.items.size(); i += 2)
    if (dictionary.items[i]->kind == Kind::text && dictionary.items[i]->text == key) return dictionary.items[i + 1];
  return nullptr;
}

bool holds_tensors(const PickleValue& value) {
  if (value.kind != Kind::dict) return false;
  for (std::size_t i = 1; i < value.items.size(); i += 2)
    if (value.items[i]->kind == Kind::tensor) return true;
  return false;
}

/// Keys of the entries that are dictionaries; if with_tensors, only of those that contain tensors.
std::vector<std::string> keys_of_dictionaries(const PickleValue& dictionary, bool with_tensors) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < dictionary.items.size(); i += 2) {
    const PickleValue &key = *dictionary.items[i], &value = *dictionary.items[i + 1];
    if (key.kind == Kind::text && value.kind == Kind::dict && (!with_tensors || holds_tensors(value))) keys.emplace_back(key.text);
  }
  return keys;
}

std::string quoted(const std::vector<std::string>& keys) {
  constexpr std::size_t kMost = 8;
  std::vector<std::string> shown;
  shown.reserve(kMost);
  for (const std::string& key : keys) {
    if (shown.size() == kMost) break;
    shown.push_back(printable(key));
  }
  return fmt::format("{}{}", fmt::join(shown, ", "), shown.size() < keys.size() ? ", ..." : "");
}

const PickleValue& named_dictionary(const std::string& where, const PickleValue& root, const std::string& name) {
  const PickleValue* here = &root;
  for (std::size_t from = 0; from <= name.size();) {
    const std::size_t slash = std::min(name.find('/', from), name.size());
    const std::string key = name.substr(from, slash - from);
    const PickleValue* next = find(*here, key);
    if (next == nullptr || next->kind != Kind::dict)
      fail("{}: there is no dictionary {}{}", where, printable(key), did_you_mean(key, keys_of_dictionaries(*here, false)));
    here = next;
    from = slash + 1;
  }
  return *here;
}

/// Lists objects, for a message: the value itself, or those in the dictionary ("an object of 'a.B' under 'model'"). Empty if none.
std::string objects_in(const PickleValue& value) {
  if (value.kind == Kind::object) return fmt::format("an object of {}", printable(value.text));
  std::vector<std::string> objects;
  if (value.kind == Kind::dict)
    for (std::size_t i = 0; i < value.items.size(); i += 2) {
      const PickleValue &key = *value.items[i], &item = *value.items[i + 1];
      if (item.kind == Kind::object)
        objects.push_back(fmt::format("an object of {} under {}", printable(item.text),
                                      key.kind == Kind::text ? printable(key.text) : std::string("a key that is no text")));
    }
  constexpr std::size_t kMost = 4;
  if (objects.size() > kMost) objects.resize(kMost);
  return fmt::format("{}", fmt::join(objects, ", "));
}

/// Applies the rule of torch_tensors.h. Appends the keys that lead to the chosen dictionary to `way`.
const PickleValue& chosen_dictionary(const std::string& where, const PickleValue& root, std::vector<std::string>& way) {
  const PickleValue* here = &root;
  for (int depth = 0; depth < kDeepest; ++depth) {
    if (here->kind == Kind::object)
      refuse(where, *here, "is {}, which is not run: only tensors and plain containers are read (save model.state_dict())",
             objects_in(*here));
    if (here->kind != Kind::dict) refuse(where, *here, "is a {}, expected a dictionary of tensors", name_of(here->kind));
    const PickleValue* next = nullptr;
    for (const char* key : kWellKnown) {
      next = find(*here, key);
      if (next != nullptr && next->kind != Kind::dict) next = nullptr;
      if (next == nullptr) continue;
      way.emplace_back(key);
      break;
    }
    if (next == nullptr) {
      if (holds_tensors(*here)) return *here;
      const auto keys = keys_of_dictionaries(*here, true);
      if (keys.empty()) {
        const std::string objects = objects_in(*here);
        if (!objects.empty())
          refuse(where, *here, "a dictionary without tensors, but with {}, which is not run (save model.state_dict())", objects);
        refuse(where, *here, "a dictionary without tensors");
      }
      if (keys.size() > 1) refuse(where, *here, "several dictionaries hold tensors: {}; name one", quoted(keys));
      next = find(*here, keys[0]);
      way.push_back(keys[0]);
    }
    here = next;
  }
  refuse(where, *here, "dictionaries in dictionaries, more than {} deep", kDeepest);
}

std::vector<std::string> notes_of(const PickleValue& start, const PickleValue& dictionary, const std::vector<std::string>& way) {
  std::vector<std::string> notes;
  if (!way.empty()) {
    std::vector<std::string> others = keys_of_dictionaries(start, false);
    std::erase(others, way[0]);
    notes.push_back(fmt::format("its weights are those under {}{}", printable(fmt::format("{}", fmt::join(way, "/"))),
                                others.empty() ? "" : "; also there: " + quoted(others)));
  }
  std::vector<std::string> left_out;
  for (std::size_t i = 0; i < dictionary.items.size(); i += 2)
    if (dictionary.items[i + 1]->kind != Kind::tensor)
      left_out.push_back(fmt::format(
          "{}{}", dictionary.items[i]->kind == Kind::text ? dictionary.items[i]->text : "(no name)",
          dictionary.items[i + 1]->kind == Kind::object ? fmt::format(" (an object of {})", dictionary.items[i + 1]->text) : ""));
  if (!left_out.empty()) notes.push_back("entries that are no tensors: " + quoted(left_out));
  return notes;
}

/// The product; nullopt if it exceeds 2^63.
std::optional<uint64_t> product(uint64_t a, uint64_t b) {
  if (b != 0 && a > static_cast<uint64_t>(INT64_MAX) / b) return std::nullopt;
  return a * b;
}

/// A tuple (torch.Size) of non-negative integers.
std::vector<int64_t> integers(const std::string& where, const PickleValue& tuple, const char* what) {
  if (tuple.kind != Kind::tuple) refuse(where, tuple, "{} is a {}, expected a tuple", what, name_of(tuple.kind));
  std::vector<int64_t> out;
  for (const PickleValue* item : tuple.items) {
    if (item->kind != Kind::integer || item->integer < 0)
      refuse(where, *item, "{} holds {}, expected non-negative integers", what,
             item->kind == Kind::integer ? std::to_string(item->integer) : std::string("a ") + name_of(item->kind));
    out.push_back(item->integer);
  }
  return out;
}

uint64_t non_negative(const std::string& where, const PickleValue& value, const char* what) {
  if (value.kind != Kind::integer || value.integer < 0) refuse(where, value, "{} is no non-negative integer", what);
  return static_cast<uint64_t>(value.integer);
}

/// Whether the strides are row-major without gaps; an axis of length 1 may have any stride.
bool contiguous(const std::vector<int64_t>& shape, const std::vector<int64_t>& strides) {
  int64_t expected = 1;
  for (std::size_t i = shape.size(); i > 0; --i) {
    if (shape[i - 1] != 1 && strides[i - 1] != expected) return false;
    expected *= shape[i - 1];
  }
  return true;
}

template <std::size_t kSize>
void gather(const std::byte* in, const std::vector<int64_t>& shape, const std::vector<int64_t>& strides, std::span<std::byte> out) {
  const std::size_t last = shape.size() - 1;
  std::vector<int64_t> index(shape.size());
  int64_t at = 0;
  for (std::byte* to = out.data(); to != out.data() + out.size();) {
    for (int64_t i = 0; i < shape[last]; ++i, to += kSize)
      std::memcpy(to, in + (at + i * strides[last]) * static_cast<int64_t>(kSize), kSize);
    for (std::size_t axis = last; axis-- > 0;) {
      at += strides[axis];
      if (++index[axis] < shape[axis]) break;
      at -= shape[axis] * strides[axis];
      index[axis] = 0;
    }
  }
}

std::vector<std::byte> laid_out(const std::byte* in, std::size_t element, const std::vector<int64_t>& shape,
                                const std::vector<int64_t>& strides, uint64_t bytes) {
  std::vector<std::byte> out(bytes);
  switch (element) {
    case 1: gather<1>(in, shape, strides, out); break;
    case 2: gather<2>(in, shape, strides, out); break;
    case 4: gather<4>(in, shape, strides, out); break;
    default: gather<8>(in, shape, strides, out); break;
  }
  return out;
}

struct Views {
  std::shared_ptr<const void> storages;
  std::deque<std::vector<std::byte>> laid_out;
  uint64_t may_use = 0;
};

/// `tensor`: the arguments of _rebuild_tensor_v2 (storage, offset, shape, strides, requires_grad, hooks[, metadata]).
StoredTensor stored_tensor(const std::string& where, std::string name, const PickleValue& tensor, const ReadStorage& read, Views& views) {
  const std::string here = fmt::format("{}: tensor {}", where, printable(name));
  const auto& arguments = tensor.items[0]->items;
  if (arguments.size() < 4) refuse(here, tensor, "{} arguments, expected at least 4", arguments.size());
  const TorchStorage storage = torch_storage(here, *arguments[0]);
  const uint64_t offset = non_negative(here, *arguments[1], "its offset");
  StoredTensor t{.name = std::move(name), .dtype = storage.dtype, .shape = integers(here, *arguments[2], "its shape")};
  const std::vector<int64_t> strides = integers(here, *arguments[3], "its strides");
  if (strides.size() != t.shape.size()) refuse(here, tensor, "{} strides for {}", strides.size(), t.shape_str());

  // The tensor's bytes, and the index of its last element in the storage.
  const std::size_t element = element_size(t.dtype);
  std::optional<uint64_t> bytes = element, last = offset;
  for (std::size_t i = 0; i < t.shape.size(); ++i) {
    const auto extent = static_cast<uint64_t>(t.shape[i]);
    bytes = bytes ? product(*bytes, extent) : bytes;
    const auto step = product(extent - (extent > 0), static_cast<uint64_t>(strides[i]));
    last = last && step && *last <= static_cast<uint64_t>(INT64_MAX) - *step ? std::optional(*last + *step) : std::nullopt;
  }
  if (!bytes) refuse(here, tensor, "its shape {} is too large", t.shape_str());
  if (*bytes == 0) return t;
  if (!last || *last >= storage.size)
    refuse(here, tensor, "{}{} with strides ({}) from element {} on leaves its storage of {} elements", t.dtype, t.shape_str(),
           fmt::join(strides, ","), offset, storage.size);

  const std::span<const std::byte> from = read(storage).subspan((storage.begin + offset) * element);
  if (contiguous(t.shape, strides)) {
    t.bytes = from.first(*bytes);
  } else {
    if (*bytes > views.may_use) refuse(here, tensor, "views of storages take more than {} times the file", kMostGrowth);
    views.may_use -= *bytes;
    t.bytes = views.laid_out.emplace_back(laid_out(from.data(), element, t.shape, strides, *bytes));
  }
  return t;
}

}  // namespace

TorchStorage torch_storage(const std::string& where, const PickleValue& value) {
  if (value.kind != Kind::storage) refuse(where, value, "a {}, expected a storage", name_of(value.kind));
  const auto& id = value.items[0]->items;  // ('storage', type, key, location, elements[, view])
  if (id.size() >= 5 && id[1]->kind == Kind::object) refuse(where, value, "a storage of {}, which is not read", printable(id[1]->text));
  if (id.size() < 5 || id[1]->kind != Kind::storage_type || id[2]->kind != Kind::text)
    refuse(where, value, "a storage's id is not ('storage', type, key, location, number of elements)");
  TorchStorage s{.key = std::string(id[2]->text), .dtype = std::string(id[1]->text)};
  s.elements = s.size = non_negative(where, *id[4], "a storage's number of elements");
  if (!product(s.elements, element_size(s.dtype)))
    refuse(where, *id[4], "storage {} of {} elements is too large", printable(s.key), s.elements);
  if (id.size() > 5 && id[5]->kind != Kind::none) {  // legacy: (key of the view, its first element, its elements)
    const PickleValue& view = *id[5];
    if (view.kind != Kind::tuple || view.items.size() != 3) refuse(where, view, "a storage's view is not (key, offset, size)");
    s.begin = non_negative(where, *view.items[1], "a view's offset");
    s.size = non_negative(where, *view.items[2], "a view's size");
    if (s.begin > s.elements || s.size > s.elements - s.begin)
      refuse(where, view, "view [{}, +{}] leaves storage {} of {} elements", s.begin, s.size, printable(s.key), s.elements);
  }
  return s;
}

TensorFile torch_tensors(const std::string& path, const std::string& where, const PickleValue& root, const std::string& dictionary,
                         const ReadStorage& read, uint64_t file_size, std::shared_ptr<const void> backing) {
  std::vector<std::string> way;
  const PickleValue& start = dictionary.empty() ? root : named_dictionary(where, root, dictionary);
  const PickleValue& chosen = chosen_dictionary(where, start, way);
  const auto views = std::make_shared<Views>(Views{std::move(backing), {}, kMostGrowth * file_size});
  std::vector<StoredTensor> tensors;
  for (std::size_t i = 0; i < chosen.items.size(); i += 2) {
    const PickleValue &key = *chosen.items[i], &value = *chosen.items[i + 1];
    if (value.kind != Kind::tensor) continue;
    if (key.kind != Kind::text) refuse(where, key, "a tensor's name is a {}, expected a str", name_of(key.kind));
    tensors.push_back(stored_tensor(where, std::string(key.text), value, read, *views));
  }
  return TensorFile(path, std::move(tensors), {}, views, notes_of(start, chosen, way));
}

}  // namespace mcnn
