#include "emulator/counters.h"

#include <fmt/format.h>

namespace simt {

std::map<std::string, Counters>& counters() {
  static auto* of_kernels = new std::map<std::string, Counters>;  // never destroyed: used while statics are destroyed
  return *of_kernels;
}

std::vector<dim3>& noted_launches() {
  static auto* grids = new std::vector<dim3>;
  return *grids;
}

std::string counters_table() {
  const auto ratio = [](int64_t a, int64_t b) { return b ? fmt::format("{:.2f}", static_cast<double>(a) / static_cast<double>(b)) : "-"; };
  std::string table = fmt::format("{:<58}{:>9}{:>10}{:>10}{:>12}{:>12}{:>8}{:>8}{:>8}{:>8}{:>7}\n", "kernel", "launches", "blocks",
                                  "barriers", "loaded MB", "stored MB", "load", "store", "shared", "shared", "worst");
  table += fmt::format("{:<58}{:>9}{:>10}{:>10}{:>12}{:>12}{:>8}{:>8}{:>8}{:>8}{:>7}\n", "", "", "", "", "", "", "excess", "excess", "load",
                       "store", "ways");
  for (const auto& [name, c] : counters())
    table += fmt::format("{:<58}{:>9}{:>10}{:>10}{:>12.3f}{:>12.3f}{:>8}{:>8}{:>8}{:>8}{:>7}\n", name, c.launches, c.blocks, c.barriers,
                         static_cast<double>(c.loads.bytes) * 1e-6, static_cast<double>(c.stores.bytes) * 1e-6,
                         ratio(c.loads.sectors, c.loads.ideal_sectors), ratio(c.stores.sectors, c.stores.ideal_sectors),
                         ratio(c.shared_loads.wavefronts, c.shared_loads.phases), ratio(c.shared_stores.wavefronts, c.shared_stores.phases),
                         std::max(c.shared_loads.worst, c.shared_stores.worst));
  return table;
}

}  // namespace simt
