// The stack machine: step() has one case per opcode.  Contract: unpickler.h.
// Next: torch_tensors.cpp uses the values.
#include "formats/unpickler.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <set>

#include "formats/tensor_file.h"
#include "runtime/error.h"

namespace mcnn {
namespace {

using Kind = PickleValue::Kind;

// The largest public checkpoint with optimizer state and EMA has about 60 thousand.
constexpr std::size_t kMostValues = 1'000'000;
constexpr uint8_t kNewestProtocol = 5;

constexpr std::string_view kOrderedDict = "collections.OrderedDict", kSize = "torch.Size",
                           kRebuildTensor = "torch._utils._rebuild_tensor_v2", kRebuildParameter = "torch._utils._rebuild_parameter";

struct Known {
  Kind kind;
  std::string_view text;
};

const std::map<std::string_view, Known>& known_globals() {
  static const std::map<std::string_view, Known> known = {
      {kOrderedDict, {Kind::function, kOrderedDict}},
      {kSize, {Kind::function, kSize}},
      {kRebuildTensor, {Kind::function, kRebuildTensor}},
      {kRebuildParameter, {Kind::function, kRebuildParameter}},
      {"torch.DoubleStorage", {Kind::storage_type, "F64"}},
      {"torch.FloatStorage", {Kind::storage_type, "F32"}},
      {"torch.HalfStorage", {Kind::storage_type, "F16"}},
      {"torch.BFloat16Storage", {Kind::storage_type, "BF16"}},
      {"torch.LongStorage", {Kind::storage_type, "I64"}},
      {"torch.IntStorage", {Kind::storage_type, "I32"}},
      {"torch.ShortStorage", {Kind::storage_type, "I16"}},
      {"torch.CharStorage", {Kind::storage_type, "I8"}},
      {"torch.ByteStorage", {Kind::storage_type, "U8"}},
      {"torch.BoolStorage", {Kind::storage_type, "BOOL"}},
      {"torch.float64", {Kind::dtype, "F64"}},
      {"torch.float32", {Kind::dtype, "F32"}},
      {"torch.float16", {Kind::dtype, "F16"}},
      {"torch.bfloat16", {Kind::dtype, "BF16"}},
      {"torch.int64", {Kind::dtype, "I64"}},
      {"torch.int32", {Kind::dtype, "I32"}},
      {"torch.int16", {Kind::dtype, "I16"}},
      {"torch.int8", {Kind::dtype, "I8"}},
      {"torch.uint8", {Kind::dtype, "U8"}},
      {"torch.bool", {Kind::dtype, "BOOL"}},
  };
  return known;
}

/// Whether a module can run programs or code. No trainer's state needs one.
bool runs_programs(std::string_view module) {
  static const std::set<std::string_view> modules = {
      "_pickle", "asyncio",    "bdb",       "code",      "codeop",  "commands",        "ctypes",    "ftplib",
      "gc",      "http",       "importlib", "inspect",   "marshal", "multiprocessing", "nt",        "os",
      "pdb",     "pickle",     "posix",     "pty",       "runpy",   "shutil",          "signal",    "smtplib",
      "socket",  "subprocess", "sys",       "threading", "timeit",  "urllib",          "webbrowser"};
  return modules.contains(module.substr(0, module.find('.')));
}
/// Whether a function of `builtins` can run code. (getattr is not listed: enumerations are saved with it.)
bool runs_code(std::string_view builtin) {
  static const std::set<std::string_view> functions = {"__import__", "breakpoint", "compile", "delattr", "eval",   "exec",
                                                       "execfile",   "file",       "globals", "input",   "locals", "open",
                                                       "raw_input",  "reload",     "setattr", "vars"};
  return functions.contains(builtin);
}

class Unpickler {
 public:
  Unpickler(const std::string& where, std::span<const std::byte> bytes, std::size_t begin)
      : where_(where), bytes_(bytes), begin_(begin), at_(begin) {}

  Pickle run() {
    opcode_at_ = at_;
    if (number<uint8_t>() != 0x80) refuse("is not a pickle of protocol 2 or later");
    if (const auto protocol = number<uint8_t>(); protocol < 2 || protocol > kNewestProtocol)
      refuse("pickle protocol {}, expected 2 to {}", protocol, kNewestProtocol);
    do {
      opcode_at_ = at_;
    } while (step(number<uint8_t>()));
    pickle_.end = at_;
    return std::move(pickle_);
  }

 private:
  template <class... Args>
  [[noreturn]] void refuse(fmt::format_string<Args...> format, Args&&... args) const {
    fail("{}: offset {}: {}", where_, opcode_at_, fmt::format(format, std::forward<Args>(args)...));
  }

  std::string_view take(uint64_t n) {
    if (n > bytes_.size() - at_) refuse("the pickle ends after {} of {} bytes", bytes_.size() - at_, n);
    const std::string_view text(reinterpret_cast<const char*>(bytes_.data()) + at_, n);
    at_ += n;
    return text;
  }
  template <class T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string_view line() {
    const std::string_view rest(reinterpret_cast<const char*>(bytes_.data()) + at_, bytes_.size() - at_);
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) refuse("the pickle ends inside a name");
    return take(end + 1).substr(0, end);
  }

  PickleValue& make(Kind kind) {
    if (pickle_.values.size() == kMostValues) refuse("more than {} values", kMostValues);
    PickleValue& value = pickle_.values.emplace_back();
    value.kind = kind;
    value.offset = opcode_at_;
    return value;
  }
  PickleValue& push(Kind kind) {
    stack_.push_back(&make(kind));
    return *stack_.back();
  }
  void push_integer(int64_t value) { push(Kind::integer).integer = value; }
  void push_text(uint64_t length) { push(Kind::text).text = take(length); }

  std::size_t bottom() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleValue& top() {
    if (stack_.size() <= bottom()) refuse("takes a value from an empty stack");
    return *stack_.back();
  }
  PickleValue& pop() {
    PickleValue& value = top();
    stack_.pop_back();
    return value;
  }
  /// Removes the last mark and the values above it, and returns these.
  std::vector<PickleValue*> pop_to_mark() {
    if (marks_.empty()) refuse("there is no mark on the stack");
    const auto first = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleValue*> values(first, stack_.end());
    stack_.erase(first, stack_.end());
    marks_.pop_back();
    return values;
  }
  PickleValue& top_of_kind(Kind kind) {
    if (top().kind != kind) refuse("adds to a {}, expected a {}", name_of(top().kind), name_of(kind));
    return top();
  }
  void push_tuple(std::size_t n) {
    std::vector<PickleValue*> items(n);
    for (std::size_t i = n; i > 0; --i) items[i - 1] = &pop();
    push(Kind::tuple).items = std::move(items);
  }
  void extend(Kind kind, const std::vector<PickleValue*>& items) {
    if (kind == Kind::dict && items.size() % 2 != 0) refuse("a key without a value");
    if (top().kind == Kind::object) return;  // contents of unknown objects are dropped: they hold no weights
    PickleValue& container = top_of_kind(kind);
    container.items.insert(container.items.end(), items.begin(), items.end());
  }

  /// Picklers number memo entries consecutively, and each takes at least a byte of the pickle: a larger index is refused.
  void memo_put(uint64_t index) {
    if (index > at_ - begin_) refuse("memo entry {} after {} bytes of the pickle", index, at_ - begin_);
    if (index >= memo_.size()) memo_.resize(index + 1);
    memo_[index] = &top();
  }
  void memo_get(uint64_t index) {
    if (index >= memo_.size() || memo_[index] == nullptr) refuse("memo entry {} was never stored", index);
    stack_.push_back(memo_[index]);
  }

  void push_global(std::string_view module, std::string_view name) {
    constexpr std::size_t kLongest = 1000;  // limits memory: a pickle can repeat a long text with a few bytes
    if (module.size() + name.size() > kLongest) refuse("a global's name of {} bytes", module.size() + name.size());
    const std::string full = std::string(module) + "." + std::string(name);
    const auto found = known_globals().find(full);
    if (found != known_globals().end()) {
      push(found->second.kind).text = found->second.text;
      return;
    }
    const bool builtin = module == "builtins" || module == "__builtin__";
    if (runs_programs(module) || (builtin && runs_code(name)))
      refuse("names {}, which runs programs or code and which no weights need; nothing is run, and the file is not read", printable(full));
    push_object(*pickle_.names.insert(full).first);
  }
  void push_object(std::string_view name) { push(Kind::object).text = name; }

  void reduce() {
    PickleValue& arguments = pop();
    const PickleValue& function = pop();
    if (function.kind == Kind::object) return push_object(function.text);
    if (function.kind != Kind::function || arguments.kind != Kind::tuple)
      refuse("calls a {} with a {}, which is not run", name_of(function.kind), name_of(arguments.kind));
    const auto& items = arguments.items;
    const auto first_is = [&](Kind kind) { return !items.empty() && items[0]->kind == kind; };
    if (function.text == kOrderedDict) {
      if (!items.empty()) return push_object(function.text);
      push(Kind::dict);
    } else if (function.text == kSize) {
      if (items.size() != 1 || !first_is(Kind::tuple)) refuse("{} of something else than a tuple", function.text);
      stack_.push_back(items[0]);
    } else if (function.text == kRebuildParameter) {
      if (!first_is(Kind::tensor)) refuse("{} of something else than a tensor", function.text);
      stack_.push_back(items[0]);
    } else {
      push(Kind::tensor).items = {&arguments};
    }
  }

  void persistent_id() {
    PickleValue& id = pop();
    const bool named = id.kind == Kind::tuple && !id.items.empty() && id.items[0]->kind == Kind::text;
    if (!named || id.items[0]->text != "storage")
      refuse("refers to {}, expected a storage", named ? printable(id.items[0]->text) : "something without a name");
    push(Kind::storage).items = {&id};
  }

  /// Sets an object's state. Ignored: an OrderedDict's attributes (PyTorch's _metadata) do not concern tensors.
  void build() {
    const PickleValue& state = pop();
    if (top().kind == Kind::object) return;
    if (top().kind != Kind::dict || state.kind != Kind::dict)
      refuse("sets the state of a {} from a {}, which is not run", name_of(top().kind), name_of(state.kind));
  }

  void push_long(uint64_t length) {
    const std::string_view digits = take(length);
    if (length > sizeof(int64_t)) {
      push(Kind::long_integer).text = digits;
      return;
    }
    uint64_t value = 0;
    std::memcpy(&value, digits.data(), length);
    const bool negative = length > 0 && (static_cast<unsigned char>(digits.back()) & 0x80) != 0;
    if (negative && length < sizeof value) value |= ~uint64_t{0} << (8 * length);
    push_integer(static_cast<int64_t>(value));
  }

  /// False after the last opcode.
  bool step(uint8_t opcode) {
    switch (opcode) {
      case 0x80: number<uint8_t>(); break;   // PROTO again
      case 0x95: number<uint64_t>(); break;  // FRAME: a hint for buffering
      case '.': pickle_.root = &pop(); return false;

      case 'N': push(Kind::none); break;
      case 0x88: push(Kind::boolean).integer = 1; break;
      case 0x89: push(Kind::boolean); break;
      case 'J': push_integer(number<int32_t>()); break;
      case 'K': push_integer(number<uint8_t>()); break;
      case 'M': push_integer(number<uint16_t>()); break;
      case 0x8a: push_long(number<uint8_t>()); break;
      case 0x8b: push_long(number<uint32_t>()); break;
      case 'G': push(Kind::real).real = std::bit_cast<double>(__builtin_bswap64(number<uint64_t>())); break;  // big-endian

      case 'X':
      case 'T':
      case 'B': push_text(number<uint32_t>()); break;
      case 0x8c:
      case 'U':
      case 'C': push_text(number<uint8_t>()); break;
      case 0x8d:
      case 0x8e: push_text(number<uint64_t>()); break;

      case ']': push(Kind::list); break;
      case '}': push(Kind::dict); break;
      case ')': push(Kind::tuple); break;
      case 0x85: push_tuple(1); break;
      case 0x86: push_tuple(2); break;
      case 0x87: push_tuple(3); break;
      case 't': {
        auto items = pop_to_mark();
        push(Kind::tuple).items = std::move(items);
        break;
      }
      case 'a': extend(Kind::list, {&pop()}); break;
      case 'e': extend(Kind::list, pop_to_mark()); break;
      case 's': {
        PickleValue& value = pop();
        PickleValue& key = pop();
        extend(Kind::dict, {&key, &value});
        break;
      }
      case 'u': extend(Kind::dict, pop_to_mark()); break;

      case '(': marks_.push_back(stack_.size()); break;
      case '0': pop(); break;
      case '1': pop_to_mark(); break;
      case '2': stack_.push_back(&top()); break;
      case 'q': memo_put(number<uint8_t>()); break;
      case 'r': memo_put(number<uint32_t>()); break;
      case 0x94: memo_put(memo_.size()); break;
      case 'h': memo_get(number<uint8_t>()); break;
      case 'j': memo_get(number<uint32_t>()); break;

      case 'c': {
        const std::string_view module = line();
        push_global(module, line());
        break;
      }
      case 0x93: {
        const PickleValue& name = pop();
        const PickleValue& module = pop();
        if (module.kind != Kind::text || name.kind != Kind::text) refuse("a global whose name is no text");
        push_global(module.text, name.text);
        break;
      }
      case 'R': reduce(); break;
      case 0x92: pop(); [[fallthrough]];  // NEWOBJ_EX: arguments by name
      case 0x81: {                        // NEWOBJ
        pop();
        const PickleValue& made_class = pop();
        if (made_class.kind == Kind::function && made_class.text == kOrderedDict)
          push(Kind::dict);
        else
          push_object(made_class.kind == Kind::object ? made_class.text : std::string_view(name_of(made_class.kind)));
        break;
      }
      case 0x8f: push_object("set"); break;
      case 0x90: {  // ADDITEMS
        pop_to_mark();
        top_of_kind(Kind::object);
        break;
      }
      case 0x91: {  // FROZENSET
        pop_to_mark();
        push_object("frozenset");
        break;
      }
      case 0x96: push_text(number<uint64_t>()); break;  // BYTEARRAY8
      case 'b': build(); break;
      case 'Q': persistent_id(); break;
      default: refuse("opcode 0x{:02x} is not one that checkpoints need, and is not run", opcode);
    }
    return true;
  }

  const std::string& where_;
  std::span<const std::byte> bytes_;
  std::size_t begin_, at_, opcode_at_ = 0;
  Pickle pickle_;
  std::vector<PickleValue*> stack_, memo_;
  std::vector<std::size_t> marks_;  ///< sizes of the stack
};

}  // namespace

const char* name_of(PickleValue::Kind kind) {
  static constexpr const char* names[] = {"None",       "bool",     "int",          "int",   "float",   "str",    "list",  "tuple",
                                          "dictionary", "function", "storage type", "dtype", "storage", "tensor", "object"};
  return names[static_cast<std::size_t>(kind)];
}

Pickle read_pickle(const std::string& where, std::span<const std::byte> bytes, std::size_t begin) {
  return Unpickler(where, bytes, begin).run();
}

}  // namespace mcnn
