// Out of memory at every allocation of the C++ code: the API always returns a status code, never crashes and leaks nothing.
// operator new is replaced for the whole program, the library included.
#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <new>

#include "capi/mcnn.h"
#include "tests/capi/weights_file.h"
#include "tests/data/pictures.h"

namespace {
/// Number of allocations of the calling thread until one fails; negative: none fails.
thread_local long until_failure = -1;
thread_local long allocations = 0;
}  // namespace

#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // malloc's memory is what this operator delete frees
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  if (until_failure >= 0 && until_failure-- == 0) return nullptr;
  return std::malloc(size > 0 ? size : 1);
}
void* operator new(std::size_t size) {
  if (void* const memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace mcnn {
namespace {

/// Calls `call` with its n-th allocation failing, for all n below its number of allocations, later ones at growing steps.
template <class Call>
void fail_everywhere(const Call& call) {
  allocations = 0;
  ASSERT_EQ(call(), MCNN_OK) << mcnn_last_error();
  const long total = allocations;
  ASSERT_GT(total, 10);
  for (long n = 0; n < total; n += 1 + n / 100) {
    until_failure = n;
    const mcnn_status status = call();
    const bool failed = until_failure < 0;
    until_failure = -1;
    if (failed) {
      ASSERT_TRUE(status == MCNN_OUT_OF_MEMORY || status == MCNN_OK) << n << ": " << status << " " << mcnn_last_error();
    }
  }
  ASSERT_EQ(call(), MCNN_OK) << mcnn_last_error();
}

TEST(CApiMemory, OpeningWithoutMemory) {
  const TemporaryFolder folder;
  const std::string weights = write_tiny_weights(folder);
  fail_everywhere([&] {
    mcnn_options options = MCNN_OPTIONS_INIT;
    options.threads = 1;
    mcnn_model* model = nullptr;
    const mcnn_status status = mcnn_open(weights.c_str(), &options, &model);
    EXPECT_EQ(model == nullptr, status != MCNN_OK);
    mcnn_close(model);
    return status;
  });
}

TEST(CApiMemory, ClassifyingWithoutMemoryLeaksNothing) {
  const TemporaryFolder folder;
  const std::string weights = write_tiny_weights(folder);
  mcnn_options options = MCNN_OPTIONS_INIT;
  options.threads = 1;
  mcnn_model* model = nullptr;
  ASSERT_EQ(mcnn_open(weights.c_str(), &options, &model), MCNN_OK) << mcnn_last_error();
  const std::string jpeg = jpeg_file(smooth_picture(120, 90), 90, true);
  std::vector<float> p(5);
  const auto sweep = [&] { fail_everywhere([&] { return mcnn_classify_bytes(model, jpeg.data(), jpeg.size(), p.data(), p.size()); }); };
  sweep();
  const std::size_t before = mallinfo2().uordblks;
  sweep();
  // A leaked decoder would hold 120x90 coefficients of two bytes, several times. (AddressSanitizer replaces malloc and reports leaks
  // itself.)
  EXPECT_LT(mallinfo2().uordblks, before + 8192);
  mcnn_close(model);
}

}  // namespace
}  // namespace mcnn
