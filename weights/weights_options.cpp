#include "weights/weights_options.h"

namespace mcnn {

std::vector<Setting> settings(WeightsOptions& o) {
  SettingTable t("weights");
  t.text("init", o.init, "weights to start from, safetensors or torch's; empty: random weights");
  t.text("state_dict", o.state_dict,
         "which dictionary of a torch file that holds several: state_dict, ema/module; empty: averaged weights first");
  t.list("allow_missing", o.allow_missing, "tensors (names or globs) the file may lack or have in excess");
  return t.rows;
}

}  // namespace mcnn
