// Finding cuBLAS and cuDNN: where they are looked for, and the line that says what is missing or does not fit. Files that only have
// the libraries' names stand for them. Each case is a process of its own: a library stays open where it was found once.
#include "kernels/cuda/vendor/libraries.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>

#include "kernels/cuda/vendor/cublas.h"
#include "kernels/cuda/vendor/cudnn.h"
#include "tests/data/temporary_folder.h"
#include "tests/train/message.h"

namespace mcnn::cuda {
namespace {

namespace fs = std::filesystem;

/// An environment variable that is as it was when this is gone.
class Variable {
 public:
  explicit Variable(const char* name) : name_(name) {
    if (const char* value = std::getenv(name)) value_ = value;
  }
  ~Variable() {
    if (value_)
      setenv(name_, value_->c_str(), 1);
    else
      unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> value_;
};

class FindingLibraries : public testing::Test {
 protected:
  void SetUp() override {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    unsetenv("MCNN_CUDA_LIBS");
  }
  /// Runs `say` in a new process and expects its words on stderr.
  template <class Say>
  static void expect(const Say& say, const std::string& words) {
    EXPECT_EXIT(
        {
          fputs(say().c_str(), stderr);
          std::exit(0);
        },
        testing::ExitedWithCode(0), words);
  }
  /// What a user reads who asks for libraries.
  static std::string found() {
    return message_of([] {
      const FoundVendor found = find_vendor(90);
      fail("{} ({})", found.line, found.vendor ? "used" : "not used");
    });
  }
  void offer(const char* built, const std::string& as) {
    fs::create_directories(fs::path(here.path()) / fs::path(as).parent_path());
    fs::copy_file(fs::path(MCNN_OTHER_LIBRARIES) / built, fs::path(here.path()) / as);
  }
  void name_folder() { setenv("MCNN_CUDA_LIBS", here.path().c_str(), 1); }

  TemporaryFolder here;
  Variable libraries{"MCNN_CUDA_LIBS"}, environment{"VIRTUAL_ENV"}, path{"PATH"};
};

/// What is found is opened and asked for its version.
class UnfitLibraries : public FindingLibraries {
 protected:
  void SetUp() override {
#if !defined(MCNN_WITH_CUBLAS) || !defined(MCNN_WITH_CUDNN)
    GTEST_SKIP() << "this build was made without the headers of cuBLAS or cuDNN";
#endif
    FindingLibraries::SetUp();
  }
};

TEST_F(FindingLibraries, ANamedFolderMustBeOne) {
  setenv("MCNN_CUDA_LIBS", "/no/such/folder", 1);
  EXPECT_TRUE(says(found(), {"MCNN_CUDA_LIBS names /no/such/folder, which is no folder"}));
}

TEST_F(FindingLibraries, ANamedFolderMustHaveOneOfThem) {
  name_folder();
  EXPECT_TRUE(says(found(), {"MCNN_CUDA_LIBS names " + std::string(here.path()), "neither", Cublas::kFile, Cudnn::kFile}));
}

TEST_F(UnfitLibraries, OtherVersionsAreNamedAndNotUsed) {
  offer("libother_cublas.so", Cublas::kFile);
  offer("libolder_cudnn.so", Cudnn::kFile);
  name_folder();
  expect(found,
         "own kernels, no cuBLAS: .*/libcublas.so.13 is cuBLAS 11.4, and this build needs 13, "
         "no cuDNN: .*/libcudnn.so.9 is cuDNN 9.1, and this build needs 9.8 or a later 9 .not used.$");
}

TEST_F(UnfitLibraries, ACudnnForAnotherCudaIsNamedAndNotUsed) {
  offer("libcuda12_cudnn.so", std::string("cudnn/lib/") + Cudnn::kFile);  // as PyPI's package has it
  name_folder();
  expect(found,
         "own kernels, no cuBLAS: there is no libcublas.so.13 in .*MCNN_CUDA_LIBS., "
         "no cuDNN: .*/cudnn/lib/libcudnn.so.9 is for CUDA 12, and this build needs one for 13 .not used.$");
}

TEST_F(UnfitLibraries, WhatIsNoLibraryIsSaidToBeNone) {
  here.write(Cublas::kFile, "a text that is long enough not to be taken for a cut file, as an ELF header has 64 bytes");
  offer("libother_cublas.so", Cudnn::kFile);
  name_folder();
  expect(found, "no cuBLAS: .*/libcublas.so.13: invalid ELF header, no cuDNN: .*/libcudnn.so.9 has no cudnnGetVersion .not used.$");
}

TEST_F(FindingLibraries, AVirtualEnvironmentIsSearched) {
  const std::string file = "libmcnn_nowhere_else.so.13";
  EXPECT_TRUE(says(message_of([&] { Library{file}; }), {file + ": cannot open", "MCNN_CUDA_LIBS names a folder"}));
  offer("libother_cublas.so", "lib/python3.11/site-packages/nvidia/cu13/lib/" + file);
  setenv("VIRTUAL_ENV", here.path().c_str(), 1);
  EXPECT_EQ(Library{file}.path(), std::string(here.path()) + "/lib/python3.11/site-packages/nvidia/cu13/lib/" + file);
}

TEST_F(FindingLibraries, TheEnvironmentOfThePythonInPathIsSearched) {
  const std::string file = "libmcnn_nowhere_else.so.13";
  unsetenv("VIRTUAL_ENV");  // called by its path, an environment sets no variable
  offer("libother_cublas.so", "lib/python3.12/site-packages/nvidia/cudnn/lib/" + file);
  fs::create_directories(fs::path(here.path()) / "bin");
  here.write("bin/python3", "");
  setenv("PATH", ("/no/such/folder:" + std::string(here.path()) + "/bin:/usr/bin").c_str(), 1);
  EXPECT_EQ(Library{file}.path(), std::string(here.path()) + "/lib/python3.12/site-packages/nvidia/cudnn/lib/" + file);
}

}  // namespace
}  // namespace mcnn::cuda
