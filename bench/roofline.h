// The measured limits of this machine, with which a kernel's time is compared.
#pragma once

namespace mcnn::bench {

struct Roofline {
  double flops;  ///< per second: independent fp32 multiply-adds in registers, the widest vectors, all threads
  double bytes;  ///< per second: triad a = b + s*c over arrays far larger than the caches, all threads, 3 arrays counted
  /// The least time for `work` flops and `traffic` bytes: the longer of the two.
  double seconds(double work, double traffic) const { return work / flops > traffic / bytes ? work / flops : traffic / bytes; }
};

Roofline measure_roofline(int threads);

}  // namespace mcnn::bench
