// The seam between a program and a backend that it loads when it starts (kernels/backend.cpp): two C functions.
// A plugin throws Error like any other part; both sides are built against the same contract, or the plugin is refused.
#pragma once
#include "kernels/ops.h"

extern "C" {
/// MCNN_CONTRACT as the plugin was built: a digest of the headers through which the two sides see each other's objects.
const char* mcnn_backend_contract();
/// The caller's own. `products` and `allow_tf32` as in ProductOptions (kernels/backend.h). Throws Error where the backend cannot run
/// on this machine: one line that says why.
mcnn::Ops* mcnn_backend_create(const char* products, bool allow_tf32);
}
