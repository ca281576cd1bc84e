// NVIDIA's libraries, found when a program starts: nothing is linked, so that a plugin without them still loads.
// Searched: the folder in MCNN_CUDA_LIBS alone where that is set; else what the dynamic loader finds, the toolkit's folder, and
// PyPI's nvidia packages in the active virtual environment, the user's and the system's Pythons.
// Next: cublas.cpp and cudnn.cpp open theirs.
#pragma once
#include <string>

namespace mcnn::cuda {

/// Opened for good: code of it runs as long as the process does.
class Library {
 public:
  /// "libcublas.so.13". Throws Error: where it was looked for, or what the loader says of it.
  explicit Library(const std::string& file);
  const std::string& path() const { return path_; }
  /// Throws Error where it has no such function.
  template <class Function>
  Function function(const char* name) const {
    return reinterpret_cast<Function>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;
  void* handle_ = nullptr;
  std::string path_;
};

/// Throws Error where MCNN_CUDA_LIBS is set and names no folder that has one of the files.
void check_named_folder(const std::string& file, const std::string& or_file);

}  // namespace mcnn::cuda
