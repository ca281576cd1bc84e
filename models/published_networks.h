// The list of networks that are known by name.
// Next: published_networks.cpp; network.h says what a network is.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "models/network.h"

namespace mcnn {

/// "b0" to "b7", "lite0" to "lite4", "efficientnetv2_s", "mobilenetv3_large".
std::vector<std::string> network_names();

/// The published multipliers, resolution and rates of a name. Throws Error naming the nearest name.
NetworkSpec network_spec(std::string_view name);

/// Throws Error if a multiplier is out of its bounds.
Network build_network(const NetworkSpec& spec);

}  // namespace mcnn
