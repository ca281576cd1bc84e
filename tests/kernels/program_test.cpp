// Programs: how long tensors live and where they lie, what a pass over the calls sees, and what may not be said.
#include "kernels/program.h"

#include <gtest/gtest.h>

#include "runtime/arena.h"
#include "runtime/profiler.h"

namespace mcnn {
namespace {

constexpr int64_t kElements = 1000;
constexpr std::size_t kBytes = kElements * sizeof(float);

class Programs : public testing::Test {
 protected:
  Tensor own() { return program.tensor({kElements}, DType::f32); }
  /// y = x where nothing is dropped: the plainest operation that reads and writes.
  void copy(const Tensor& x, const Tensor& y) { program.add(Dropout{.x = x, .drop = 0.f, .y = y}); }
  std::string complaint() {
    try {
      program.plan();
    } catch (const Error& e) {
      return e.what();
    }
    return "";
  }
  float first_of(const Tensor& x) const { return program.placed(x).data<float>()[0]; }

  std::unique_ptr<Ops> ops = make_cpu_ops(1);
  Workspace workspace{ops->memory()};
  Program program;
};

TEST_F(Programs, TensorsThatAreNotInUseAtTheSameTimeShareMemory) {
  std::vector<Tensor> chain(10);
  for (Tensor& t : chain) t = own();
  program.add(Fill{chain[0], 3.f});
  for (std::size_t i = 1; i < chain.size(); ++i) copy(chain[i - 1], chain[i]);
  program.keep(chain.back());
  program.run_once(*ops, workspace);
  EXPECT_EQ(first_of(chain.back()), 3.f);
  EXPECT_GE(program.bytes(), 2 * kBytes);
  EXPECT_LT(program.bytes(), 3 * kBytes);
  EXPECT_EQ(workspace.bytes(), program.bytes());
}

TEST_F(Programs, ATensorLivesToItsLastReader) {
  const Tensor early = own(), middle = own(), late = own(), sum = own();
  program.add(Fill{early, 1.f});
  program.add(Fill{middle, 2.f});
  copy(middle, late);
  copy(early, sum);
  program.keep(sum);
  program.run_once(*ops, workspace);
  EXPECT_EQ(first_of(sum), 1.f);
}

TEST_F(Programs, WhatIsKeptOutlivesTheRun) {
  const Tensor kept = own(), others[3] = {own(), own(), own()};
  program.add(Fill{kept, 1.f});
  program.keep(kept);
  for (const Tensor& t : others) program.add(Fill{t, 2.f});
  program.run_once(*ops, workspace);
  EXPECT_EQ(first_of(kept), 1.f);
}

TEST_F(Programs, AnOutputThatNobodyReadsTakesMemoryForItsCallAlone) {
  for (int i = 0; i < 5; ++i) program.add(Fill{own(), 1.f});
  program.plan();
  EXPECT_LT(program.bytes(), 2 * kBytes);
}

TEST_F(Programs, APartOfATensorIsTheTensor) {
  const Tensor whole = own();
  const Tensor part(static_cast<float*>(const_cast<void*>(whole.raw())) + 10, DType::f32, {5});
  program.add(Fill{whole, 1.f});
  program.add(Fill{part, 2.f});
  program.keep(whole);
  program.run_once(*ops, workspace);
  const Tensor placed = program.placed(whole);
  EXPECT_EQ(placed.data<float>()[9], 1.f);
  EXPECT_EQ(placed.data<float>()[10], 2.f);
  EXPECT_EQ(program.placed(part).raw(), placed.data<float>() + 10);
}

TEST_F(Programs, TheCallersTensorsStayWhereTheyAre) {
  Arena arena(ops->memory());
  Tensor outside = arena.tensor({kElements});
  const Tensor inside = own();
  program.add(Fill{inside, 4.f});
  copy(inside, outside);
  program.run_once(*ops, workspace);
  EXPECT_EQ(program.placed(outside).raw(), outside.raw());
  EXPECT_EQ(outside.data<float>()[3], 4.f);
}

TEST_F(Programs, AnInputIsWrittenByTheCallerBeforeEachRun) {
  const Tensor x = own(), y = own();
  program.input(x);
  copy(x, y);
  program.keep(y);
  program.plan();
  program.place(workspace);
  for (const float value : {5.f, 6.f}) {
    Tensor there = program.placed(x);
    ops->run(Fill{there, value});
    program.run(*ops);
    EXPECT_EQ(first_of(y), value);
  }
}

TEST_F(Programs, APreparationIsNotRepeatedAndNothingElseMayUseItsMemory) {
  const Tensor prepared = own(), y = own(), others[3] = {own(), own(), own()};
  program.add_preparation(Fill{prepared, 7.f});
  for (const Tensor& t : others) program.add(Fill{t, 1.f});
  copy(prepared, y);
  program.keep(y);
  program.plan();
  program.place(workspace);
  program.prepare(*ops);
  for (int i = 0; i < 2; ++i) {
    program.run(*ops);
    EXPECT_EQ(first_of(y), 7.f);
  }
  // Another program in the same workspace leaves it alone.
  Program other;
  const Tensor large = other.tensor({100 * kElements}, DType::f32);
  other.add(Fill{large, -1.f});
  other.run_once(*ops, workspace);
  program.run(*ops);
  EXPECT_EQ(first_of(y), 7.f);
}

TEST_F(Programs, WhatNoCallWroteCannotBeRead) {
  program.set_layer("blocks.0.0");
  copy(own(), own());
  EXPECT_EQ(complaint(), "program: dropout of blocks.0.0 reads x, which no call before it writes");
}

TEST_F(Programs, ThePlanIsMadeOnceAndForAll) {
  program.add(Fill{own(), 1.f});
  EXPECT_THROW(program.place(workspace), Error);
  program.plan();
  EXPECT_THROW(program.plan(), Error);
  EXPECT_THROW(program.add(Fill{own(), 1.f}), Error);
  program.place(workspace);
  EXPECT_THROW(program.place(workspace), Error);
}

TEST_F(Programs, OnlyTheProgramsTensorsCanBeKept) {
  Arena arena(ops->memory());
  EXPECT_THROW(program.keep(arena.tensor({1})), Error);
  EXPECT_THROW(program.input(Tensor()), Error);
}

TEST_F(Programs, AnUpdateReadsToo) {
  Tensor averages = own();
  Arena arena(ops->memory());
  program.add(Ema{.decay = 0.5f, .values = arena.tensor({kElements}), .averages = averages});
  EXPECT_NE(complaint().find("reads averages"), std::string::npos);
}

TEST_F(Programs, FreshMemoryIsNaNWhereThatIsAsked) {
  const Tensor x = own(), pixel = program.tensor({1}, DType::f32), y = own();
  program.add(Fill{pixel, 1.f});  // written; the rest of what follows is not
  const Tensor part(const_cast<void*>(x.raw()), DType::f32, {1});
  program.add(Fill{part, 1.f});
  copy(x, y);
  program.keep(y);
  workspace.fill_fresh(true);
  program.run_once(*ops, workspace);
  EXPECT_EQ(first_of(y), 1.f);
  EXPECT_TRUE(std::isnan(program.placed(y).data<float>()[1]));
}

TEST_F(Programs, TheListingAndTheProfileNameLayersAndOperations) {
  const Tensor x = own();
  program.set_layer("stem");
  program.add(Fill{x, 1.f});
  program.set_layer("head");
  copy(x, own());
  const std::string listing = program.listing();
  EXPECT_NE(listing.find("stem "), std::string::npos) << listing;
  EXPECT_NE(listing.find("fill"), std::string::npos) << listing;
  EXPECT_NE(listing.find("y (1000)"), std::string::npos) << listing;
  EXPECT_NE(listing.find(std::to_string(2 * kBytes)), std::string::npos) << listing;
}

}  // namespace
}  // namespace mcnn
