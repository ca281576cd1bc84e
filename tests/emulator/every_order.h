// Runs a check with the threads in order, in reverse, and shuffled by several seeds.
#pragma once
#include <gtest/gtest.h>

#include "emulator/grid.h"

template <class Check>
void in_every_order(Check&& check) {
  const simt::Options before = simt::options();
  for (const simt::Options& options : {simt::Options{simt::Order::ascending}, simt::Options{simt::Order::descending},
                                       simt::Options{simt::Order::shuffled, 1}, simt::Options{simt::Order::shuffled, 2}}) {
    SCOPED_TRACE("order " + std::to_string(static_cast<int>(options.order)) + ", seed " + std::to_string(options.seed));
    simt::options() = options;
    check();
  }
  simt::options() = before;
}
