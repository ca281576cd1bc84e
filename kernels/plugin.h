// The interface between a program and a backend that it loads when it starts (kernels/backend.cpp): two C functions.
// A plugin throws Error, as all other code. The program refuses a plugin built from other headers than its own.
#pragma once
#include "kernels/ops.h"

extern "C" {
/// The plugin's MCNN_CONTRACT: a digest of the headers that define the objects which program and plugin share.
const char* mcnn_backend_contract();
/// Makes a backend, which the caller owns. `products` and `allow_tf32` as in ProductOptions (kernels/backend.h). Throws Error with
/// one line that states the reason, if the backend cannot run on this machine.
mcnn::Ops* mcnn_backend_create(const char* products, bool allow_tf32);
}
