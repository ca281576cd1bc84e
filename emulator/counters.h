// Counts memory accesses, by kernel name. Accesses through record_access (grid.h) are counted: those of the kernels' load and store.
//
// A GPU serves a warp's 32 lanes by one request; the emulator runs lanes one after another. It counts accesses as one request if they
// were made by lanes of one warp, at the same address in the machine code, each lane being there for the k-th time since the last
// __syncthreads. If lanes of a warp skip different iterations of a loop, this merges accesses that a GPU would not.
// Loads and stores must be inlined, so that they have different code addresses: count in Release builds.
//   sector     32 bytes of global memory. ideal: the distinct bytes of a request / 32, rounded up
//   wavefront  shared memory serves 8 lanes of 16 bytes, 16 of 8, or 32 of 4 at once, unless two lanes need different
//              4-byte words of one bank (address/4 mod 32); then it needs as many wavefronts as the most words of one bank
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
  int64_t phases, bytes, wavefronts;  ///< phases: the wavefronts without bank conflicts
  int worst;                          ///< the most wavefronts of one phase
};
struct Counters {
  int64_t launches, blocks, threads;
  int64_t barriers;         ///< counted once per block
  int64_t warp_operations;  ///< shuffles, votes, products; counted once per warp
  GlobalTraffic loads, stores;
  SharedTraffic shared_loads, shared_stores;
};

/// Counters of the kernels that ran since the program began or the map was cleared. Launches, blocks, threads, barriers and warp operations
/// are always counted, accesses only if options().count.
std::map<std::string, Counters>& counters();
/// The grids of launches while options().run was false, in order.
std::vector<dim3>& noted_launches();
/// A table with one line per kernel.
std::string counters_table();

}  // namespace simt
