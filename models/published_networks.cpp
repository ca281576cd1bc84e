#include "models/published_networks.h"

#include "models/families.h"
#include "runtime/error.h"
#include "runtime/nearest.h"

namespace mcnn {
namespace {

struct Published {
  const char* name;
  Family family;
  double width, depth;
  int resolution;
  float dropout, drop_path = 0.2f;
};
using enum Family;
constexpr Published kPublished[] = {
    {"b0", efficientnet, 1.0, 1.0, 224, 0.2f},
    {"b1", efficientnet, 1.0, 1.1, 240, 0.2f},
    {"b2", efficientnet, 1.1, 1.2, 260, 0.3f},
    {"b3", efficientnet, 1.2, 1.4, 300, 0.3f},
    {"b4", efficientnet, 1.4, 1.8, 380, 0.4f},
    {"b5", efficientnet, 1.6, 2.2, 456, 0.4f},
    {"b6", efficientnet, 1.8, 2.6, 528, 0.5f},
    {"b7", efficientnet, 2.0, 3.1, 600, 0.5f},
    {"lite0", efficientnet_lite, 1.0, 1.0, 224, 0.2f},
    {"lite1", efficientnet_lite, 1.0, 1.1, 240, 0.2f},
    {"lite2", efficientnet_lite, 1.1, 1.2, 260, 0.3f},
    {"lite3", efficientnet_lite, 1.2, 1.4, 280, 0.3f},
    {"lite4", efficientnet_lite, 1.4, 1.8, 300, 0.3f},
    {"efficientnetv2_s", efficientnet_v2, 1.0, 1.0, 384, 0.2f},
    {"mobilenetv3_large", mobilenet_v3, 1.0, 1.0, 224, 0.2f, 0.f},
};

}  // namespace

std::vector<std::string> network_names() {
  std::vector<std::string> names;
  for (const Published& p : kPublished) names.emplace_back(p.name);
  return names;
}

NetworkSpec network_spec(std::string_view name) {
  for (const Published& p : kPublished)
    if (name == p.name)
      return {.name = p.name,
              .family = p.family,
              .width = p.width,
              .depth = p.depth,
              .padding = {},
              .dropout = p.dropout,
              .drop_path = p.drop_path,
              .resolution = p.resolution};
  fail("unknown model '{}'{}", name, did_you_mean(name, network_names()));
}

Network build_network(const NetworkSpec& spec) {
  switch (spec.family) {
    case Family::efficientnet:
    case Family::efficientnet_lite: return build_efficientnet(spec);
    case Family::efficientnet_v2: return build_efficientnet_v2(spec);
    case Family::mobilenet_v3: return build_mobilenet_v3(spec);
  }
  return {};
}

}  // namespace mcnn
