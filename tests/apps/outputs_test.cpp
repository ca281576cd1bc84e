// Output of programs: targets that are no regular files, closed streams, and targets that are refused before the work.
// Next: runtime/atomic_file.h, apps/entry.h.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "emulator/sanitizers.h"
#include "tests/apps/workplace.h"

namespace mcnn {
namespace {

namespace fs = std::filesystem;

class Outputs : public testing::Test {
 protected:
  /// Runs a command line with the programs' folder as $bin.
  int shell(const std::string& command) const {
    const int status = std::system(("cd '" + (here / "") + "' && bin='" + MCNN_PROGRAMS + "' && " + command).c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  std::string trained() const {
    EXPECT_TRUE(succeeded(here.train("run")));
    here.write("info.csv", "ImageID,ans\ncat0.jpg,0\ncat1.jpg,0\n");
    return "$bin/mcnn-infer --device cpu --run run --images photos/cat --info info.csv --output ";
  }
  Workplace here;
};

TEST_F(Outputs, ALinkStaysAndItsTargetIsWritten) {
  fs::create_directory(here / "elsewhere");
  here.write("elsewhere/old.csv", "old");
  fs::create_symlink("elsewhere/old.csv", here / "link.csv");
  fs::create_symlink("elsewhere/new.csv", here / "dangling.csv");
  const std::string infer = trained();
  EXPECT_EQ(shell(infer + "link.csv 2>/dev/null"), 0);
  EXPECT_EQ(shell(infer + "dangling.csv 2>/dev/null"), 0);
  EXPECT_TRUE(fs::is_symlink(here / "link.csv"));
  EXPECT_TRUE(fs::is_symlink(here / "dangling.csv"));
  EXPECT_TRUE(bytes_of(here / "elsewhere/old.csv").starts_with("ImageID,ans\n"));
  EXPECT_EQ(bytes_of(here / "elsewhere/new.csv"), bytes_of(here / "elsewhere/old.csv"));
  fs::create_symlink("loop.csv", here / "loop.csv");
  EXPECT_EQ(shell(infer + "loop.csv 2>err"), 1);
}

TEST_F(Outputs, ADeviceAndAPipeAreWrittenInto) {
  const std::string infer = trained();
  ASSERT_EQ(::mkfifo((here / "pipe").c_str(), 0600), 0);
  EXPECT_EQ(shell("(cat pipe >through &) ; " + infer + "pipe 2>/dev/null"), 0);
  for (int wait = 0; wait < 100 && (!fs::exists(here / "through") || fs::file_size(here / "through") == 0); ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_TRUE(bytes_of(here / "through").starts_with("ImageID,ans\n"));
  EXPECT_TRUE(fs::is_fifo(here / "pipe"));
  // Written through a link: replacing the target would replace the link instead.
  fs::create_symlink("/dev/null", here / "null.safetensors");
  EXPECT_EQ(shell("$bin/mcnn-weights convert run/best.safetensors null.safetensors >/dev/null 2>&1"), 0);
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  EXPECT_EQ(shell(infer + "/dev/full 2>err"), 1);
  EXPECT_NE(bytes_of(here / "err").find("/dev/full: cannot be written: No space left"), std::string::npos);
}

TEST_F(Outputs, AnOpenDescriptorIsWrittenWhereItStands) {
  const std::string infer = trained();
  ASSERT_EQ(shell(infer + "plain.csv 2>/dev/null"), 0);
  const std::string expected = bytes_of(here / "plain.csv");
  for (const std::string& name : std::vector<std::string>{"/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"}) {
    EXPECT_EQ(shell(infer + name + " 2>err | cat >piped"), 0);
    EXPECT_EQ(bytes_of(here / "piped"), expected) << name << ": " << bytes_of(here / "err");
    EXPECT_EQ(shell("{ echo before; " + infer + name + " 2>err; echo behind; } >redirected"), 0);
    EXPECT_EQ(bytes_of(here / "redirected"), "before\n" + expected + "behind\n") << name;
  }
  EXPECT_EQ(shell(infer + "/dev/fd/9 9>ninth 2>err"), 0);
  EXPECT_EQ(bytes_of(here / "ninth"), expected);
  EXPECT_EQ(shell(infer + "/dev/fd/9 9<plain.csv 2>err"), 1);
  EXPECT_NE(bytes_of(here / "err").find("open for reading"), std::string::npos);
  EXPECT_EQ(shell("$bin/mcnn-weights convert run/best.safetensors /dev/stdout --format safetensors 2>/dev/null | cat >a.safetensors"), 0);
  EXPECT_EQ(shell("$bin/mcnn-weights convert run/best.safetensors b.safetensors >/dev/null 2>&1 && cmp a.safetensors b.safetensors"), 0);
}

TEST_F(Outputs, WhatCannotBeWrittenIsRefusedBeforeTheWork) {
  const std::string infer = trained();
  fs::create_directory(here / "folder.csv");
  for (const auto& [name, words] : {std::pair<std::string, std::string>{"folder.csv", "it is a folder"},
                                    {"absent/out.csv", "there is no folder absent"},
                                    {std::string(256, 'n'), "File name too long"}}) {
    EXPECT_EQ(shell(infer + name + " >out 2>err"), 1);
    const std::string err = bytes_of(here / "err");
    EXPECT_NE(err.find(words), std::string::npos) << err;
    EXPECT_EQ(err.find("inferring"), std::string::npos) << "only after the work: " << err;
  }
  const std::string longest(250, 'n');  // legal, and longer than a name with something added may be
  EXPECT_EQ(shell(infer + longest + " 2>err"), 0) << bytes_of(here / "err");
  EXPECT_TRUE(fs::exists(here / longest));
  EXPECT_EQ(shell("$bin/mcnn-weights convert run/best.safetensors folder.csv --format torch >out 2>err"), 1);
  EXPECT_NE(bytes_of(here / "err").find("it is a folder"), std::string::npos);
}

TEST_F(Outputs, ProgressThatCannotBeWrittenChangesNothing) {
  const std::string infer = trained();
  const std::string expected = [&] {
    EXPECT_EQ(shell(infer + "expected.csv 2>/dev/null"), 0);
    return bytes_of(here / "expected.csv");
  }();
  int number = 0;
  for (const char* streams : {"2>&-", "2>/dev/full", ">&- 2>&-", "<&- >&- 2>&-", "2>/dev/full >&-"}) {
    const std::string name = "out" + std::to_string(number++) + ".csv";
    EXPECT_EQ(shell(infer + name + " " + streams), 0) << streams;
    EXPECT_EQ(bytes_of(here / name), expected) << streams;  // and nothing that was printed is in it
    EXPECT_EQ(shell("$bin/mcnn-train config.ini --set run.dir=run" + name + " " + streams), 0) << streams;
    EXPECT_EQ(bytes_of(here / ("run" + name + "/best.safetensors")), bytes_of(here / "run/best.safetensors")) << streams;
  }
  // The error line itself may be impossible to write; the exit code is the same.
  EXPECT_EQ(shell("$bin/mcnn-infer --no-such-flag 2>/dev/full"), 1);
  EXPECT_EQ(shell("$bin/mcnn-weights inspect absent 2>/dev/full"), 1);
}

TEST_F(Outputs, NotesThatCannotBeWrittenChangeNoAnswer) {
  trained();
  for (const std::string& command :
       {std::string("weights inspect run/best.safetensors"), std::string("weights diff run/best.safetensors run/last.safetensors"),
        std::string("data check photos"), std::string("infer --device cpu --run run photos")}) {
    const int status = shell("$bin/mcnn-" + command + " >plain 2>/dev/null");
    EXPECT_EQ(shell("$bin/mcnn-" + command + " >full 2>/dev/full"), status) << command;
    EXPECT_EQ(shell("$bin/mcnn-" + command + " >closed 2>&-"), status) << command;
    EXPECT_EQ(bytes_of(here / "full"), bytes_of(here / "plain")) << command;
    EXPECT_EQ(bytes_of(here / "closed"), bytes_of(here / "plain")) << command;
    EXPECT_EQ(shell("$bin/mcnn-" + command + " >/dev/full 2>err"), 1) << command;
    EXPECT_NE(bytes_of(here / "err").find("standard output cannot be written: No space left on device"), std::string::npos)
        << command << ": " << bytes_of(here / "err");
    EXPECT_EQ(shell("$bin/mcnn-" + command + " >&- 2>/dev/null"), 1) << command;
    EXPECT_EQ(shell("$bin/mcnn-" + command + " 2>err | head -0"), 0) << command;
    EXPECT_EQ(bytes_of(here / "err").find("Broken pipe"), std::string::npos) << command;
  }
}

TEST_F(Outputs, AnswersThatAreLostAreAnError) {
  trained();
  for (const char* command : {"mcnn-infer --device cpu --run run photos/cat/cat0.jpg", "mcnn-weights inspect run/best.safetensors",
                              "mcnn-train --help-config", "mcnn-train --describe config.ini", "mcnn-data synth drawn --people 1"}) {
    EXPECT_EQ(shell(std::string("$bin/") + command + " >/dev/full 2>err"), 1) << command;
    const std::string err = bytes_of(here / "err");
    EXPECT_TRUE(err.find("No space left") != std::string::npos || err.find("standard output cannot be written") != std::string::npos)
        << command << ": " << err;
  }
}

TEST_F(Outputs, TheLargestPhotoIsTheUsersChoice) {
  trained();
  const std::string infer = "$bin/mcnn-infer --device cpu --run run photos/cat/cat0.jpg >out 2>err --max-megapixels ";
  EXPECT_EQ(shell(infer + "0.001"), 1);
  EXPECT_NE(bytes_of(here / "err").find("--max-megapixels"), std::string::npos) << bytes_of(here / "err");
  EXPECT_EQ(shell(infer + "1000"), 0);
  EXPECT_EQ(shell(infer + "nan"), 1);
  EXPECT_TRUE(complained(here.train("large", {"data.max_megapixels=0.001"}), {"million pixels", "max_megapixels"}));
}

TEST_F(Outputs, LimitedAddressSpaceIsEnough) {
  if (simt::address_sanitizer()) GTEST_SKIP() << "SKIPPED: AddressSanitizer reserves terabytes";
  const std::string infer = trained();
  EXPECT_EQ(shell("ulimit -v 64000000; " + infer + "limited.csv 2>err"), 0) << bytes_of(here / "err");
  EXPECT_EQ(shell("ulimit -v 2000000; " + infer + "narrow.csv 2>err"), 0) << bytes_of(here / "err");
  EXPECT_EQ(shell("ulimit -v 64000000; $bin/mcnn-train config.ini --set run.dir=limited >out 2>err"), 0) << bytes_of(here / "err");
  EXPECT_EQ(bytes_of(here / "limited/best.safetensors"), bytes_of(here / "run/best.safetensors"));
}

}  // namespace
}  // namespace mcnn
