// A process that has classified and then forks, as Python's multiprocessing and pre-forking servers do: the child classifies too.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capi/mcnn.h"
#include "tests/capi/weights_file.h"
#include "tests/data/pictures.h"

namespace mcnn {
namespace {

TEST(CApiFork, AChildGivesTheSameAnswers) {
  const TemporaryFolder folder;
  const Image photo = smooth_picture(70, 61);
  const std::string weights = write_tiny_weights(folder);
  mcnn_options options = MCNN_OPTIONS_INIT;
  options.threads = 4;
  mcnn_model* model = nullptr;
  ASSERT_EQ(mcnn_open(weights.c_str(), &options, &model), MCNN_OK) << mcnn_last_error();
  std::vector<float> expected(5);
  const auto classify = [&](mcnn_model* with, std::vector<float>& p) {
    return mcnn_classify_rgb(with, photo.rgb.data(), photo.width, photo.height, 210, p.data(), 5) == MCNN_OK;
  };
  ASSERT_TRUE(classify(model, expected));
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);  // ends a child that hangs
    std::vector<float> p(5), again(5);
    mcnn_model* own = nullptr;
    const bool right = classify(model, p) && p == expected && mcnn_open(weights.c_str(), &options, &own) == MCNN_OK &&
                       classify(own, again) && again == expected;
    _exit(right ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
  std::vector<float> p(5);
  EXPECT_TRUE(classify(model, p));
  EXPECT_EQ(p, expected);
  mcnn_close(model);
}

}  // namespace
}  // namespace mcnn
