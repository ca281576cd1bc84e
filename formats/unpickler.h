// Reads the part of Python's pickle format that checkpoints use: tensors, plain containers, numbers and texts. A pickle is a program for
// a stack machine that may call any Python function. This machine calls none: the few functions that torch.save uses become plain values,
// and anything else that a trainer saves (arguments, schedules, numpy's numbers) becomes an object of which only the class's name is
// known. Names of functions that can run programs are refused.
// Opcodes: CPython's Lib/pickletools.py. What PyTorch writes: torch/_utils.py, torch/serialization.py.
// Next: torch_tensors.h turns the values into named tensors.
#pragma once
#include <cstddef>
#include <cstdint>
#include <deque>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace mcnn {

struct PickleValue {
  enum class Kind : uint8_t {
    none,
    boolean,
    integer,
    long_integer,  ///< beyond 64 bits: little-endian bytes in `text`
    real,
    text,  ///< also Python 2's str and bytes
    list,
    tuple,         ///< torch.Size too
    dict,          ///< OrderedDict too
    function,      ///< one of the known functions; full name in `text`
    storage_type,  ///< torch.FloatStorage: "F32" in `text`
    dtype,         ///< torch.float32: "F32" in `text`
    storage,       ///< items: {the persistent id, a tuple whose first item is 'storage'}
    tensor,        ///< items: {the arguments of torch._utils._rebuild_tensor_v2, a tuple}
    object,        ///< an unknown class or function, or the result of a call of it; full name in `text`
  };
  Kind kind = Kind::none;
  uint64_t offset = 0;  ///< of the opcode that made it, in the bytes read
  int64_t integer = 0;  ///< boolean too
  double real = 0;
  std::string_view text;            ///< points into the bytes read, or into Pickle::names
  std::vector<PickleValue*> items;  ///< of a dict: key, value, key, value
};

const char* name_of(PickleValue::Kind kind);

struct Pickle {
  std::deque<PickleValue> values;  ///< all values in order; a deque, since they point at each other, even in cycles
  std::set<std::string> names;     ///< names of objects' classes
  const PickleValue* root = nullptr;
  std::size_t end = 0;  ///< offset after the pickle's last byte
};

/// Reads the pickle (protocols 2 to 5) that starts at `begin`; `bytes` must outlive the result. Does not recurse. Memory is limited: at
/// most a million values, and a memo no longer than the pickle. Throws Error "`where`: offset ...: ...".
Pickle read_pickle(const std::string& where, std::span<const std::byte> bytes, std::size_t begin = 0);

}  // namespace mcnn
