// Finds and opens NVIDIA's libraries when a program starts. Nothing is linked, so the plugin also loads without them.
// If MCNN_CUDA_LIBS is set, only that folder is searched. Else: what the dynamic loader finds, the toolkit's folder, and PyPI's nvidia
// packages in the active virtual environment, the user's and the system's Pythons.
// Next: cublas.cpp and cudnn.cpp each open one.
#pragma once
#include <string>

namespace mcnn::cuda {

/// A library that stays open until the process ends.
class Library {
 public:
  /// file: "libcublas.so.13". Throws Error with the folders searched or the loader's message.
  explicit Library(const std::string& file);
  const std::string& path() const { return path_; }
  /// Throws Error if the library has no such function.
  template <class Function>
  Function function(const char* name) const {
    return reinterpret_cast<Function>(symbol(name));
  }

 private:
  void* symbol(const char* name) const;
  void* handle_ = nullptr;
  std::string path_;
};

/// Throws Error if MCNN_CUDA_LIBS is set and is not a folder with at least one of the two files.
void check_named_folder(const std::string& file, const std::string& or_file);

}  // namespace mcnn::cuda
