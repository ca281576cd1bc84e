// The families of networks, one file each.
// Next: published_networks.cpp calls them; network_builder.h is their interface.
#pragma once
#include "models/network.h"

namespace mcnn {

Network build_efficientnet(const NetworkSpec& spec);  ///< and EfficientNet-Lite
Network build_efficientnet_v2(const NetworkSpec& spec);
Network build_mobilenet_v3(const NetworkSpec& spec);

}  // namespace mcnn
