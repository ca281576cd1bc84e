// What kernels asked of memory, by kernel name. An access is counted if whatever makes it calls
// record_access (grid.h), as the kernels' load and store do.
//
// A GPU serves a warp's 32 lanes by one request; here lanes run one after another. Accesses count as one request if they were
// made by lanes of one warp, at the same place in the machine code, each lane there for the k-th time since the last
// __syncthreads. Where lanes of a warp skip different iterations of a loop, that puts accesses together which a GPU would not.
// Loads and stores must be inlined for places to be told apart: count in Release.
//   sector     32 bytes of global memory. ideal: the distinct bytes of a request / 32, rounded up
//   wavefront  shared memory serves 8 lanes of 16 bytes, 16 of 8, or 32 of 4 at once, if no two of them want different
//              4-byte words of one bank (address/4 mod 32); else it takes as many wavefronts as one bank has words
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "emulator/include/vector_types.h"

namespace simt {

struct GlobalTraffic {
  int64_t requests, bytes, sectors, ideal_sectors;
};
struct SharedTraffic {
  int64_t phases, bytes, wavefronts;  ///< phases: wavefronts if there were no conflicts
  int worst;                          ///< most wavefronts of one phase
};
struct Counters {
  int64_t launches, blocks, threads;
  int64_t barriers;         ///< of blocks
  int64_t warp_operations;  ///< shuffles, votes, products: of warps
  GlobalTraffic loads, stores;
  SharedTraffic shared_loads, shared_stores;
};

/// Kernels that ran, since the program began or the map was cleared. Launches, blocks, threads, barriers and warp operations are always
/// counted, accesses if options().count.
std::map<std::string, Counters>& counters();
/// The grids of the launches that options().run kept from running, in their order.
std::vector<dim3>& noted_launches();
/// One line a kernel.
std::string counters_table();

}  // namespace simt
