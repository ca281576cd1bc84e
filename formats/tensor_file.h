// A file of named tensors, independent of its container: a list of (name, type, shape, bytes) and string metadata.
// Opening converts nothing: the bytes are those of the mapped file, and as_floats() converts a single tensor.
// Next: safetensors.h, torch_zip.h and torch_legacy.h are the containers; weights/key_map.h translates the names; weights/load.h loads the
// values into a network.
#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace mcnn {

struct StoredTensor {
  std::string name;
  std::string dtype;  ///< safetensors' spelling: F64 F32 F16 BF16 I64 I32 I16 I8 U64 U32 U16 U8 BOOL
  std::vector<int64_t> shape;
  std::span<const std::byte> bytes;  ///< little-endian, row-major, not necessarily aligned

  int64_t size() const;           ///< number of elements; 1 for rank 0
  std::string shape_str() const;  ///< "(48,3,3,3)"
};

using Metadata = std::map<std::string, std::string>;

class TensorFile {
 public:
  /// `backing` keeps the tensors' bytes alive. Names must be unique (Error otherwise).
  TensorFile(std::string path, std::vector<StoredTensor> tensors, Metadata metadata, std::shared_ptr<const void> backing,
             std::vector<std::string> notes = {});

  const std::string& path() const { return path_; }
  const std::vector<StoredTensor>& tensors() const& { return tensors_; }  ///< in the file's order
  const std::vector<StoredTensor>& tensors() && = delete;                 // a loop over it would outlive the file
  const Metadata& metadata() const { return metadata_; }
  /// Notes for the user on how the file was read, one line each, such as which of several dictionaries was chosen.
  const std::vector<std::string>& notes() const { return notes_; }
  /// Null if there is none of that name.
  const StoredTensor* find(std::string_view name) const;

 private:
  std::string path_;
  std::vector<StoredTensor> tensors_;
  Metadata metadata_;
  std::vector<std::string> notes_;
  std::shared_ptr<const void> backing_;
  std::unordered_map<std::string_view, std::size_t> index_;
};

/// Opens a file of tensors and recognises its format by its content: safetensors, torch.save's zip or legacy pickle.
/// dictionary: which of a checkpoint's dictionaries to read; "": chosen by the rule of torch_tensors.h. safetensors has none.
/// Throws Error, one line, if the format is not recognised or the file is damaged.
TensorFile open_tensor_file(const std::string& path, const std::string& dictionary = "");

/// Bytes of one element; 0 for an unknown type.
std::size_t element_size(std::string_view dtype);

/// The values, converted; those that the result's type cannot represent are rounded. Throws Error for a type without a conversion.
std::vector<float> as_floats(const StoredTensor& tensor);
std::vector<double> as_doubles(const StoredTensor& tensor);

/// A name from a file, made safe for a one-line message: quoted, control characters escaped, long names cut.
std::string printable(std::string_view name);

}  // namespace mcnn
