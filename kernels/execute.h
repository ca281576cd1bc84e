// Finds the function of a backend that runs an operation.
#pragma once
#include <string_view>
#include <unordered_map>

#include "kernels/operations.h"

/// Inside a backend's class, with MCNN_OPERATIONS: declares its function for each operation.
#define MCNN_DECLARE_EXECUTE(Operation) void execute(Operation& op);

namespace mcnn {

/// Calls backend.execute() with the struct that `operation` refers to. The lookup is by name, because a plugin and its program have
/// different OperationType objects.
template <class Backend>
void execute(Backend& backend, const OperationRef& operation) {
  using Function = void (*)(Backend&, void*);
#define MCNN_EXECUTE(Operation) {Operation::kName, [](Backend& b, void* o) { b.execute(*static_cast<Operation*>(o)); }},
  static const std::unordered_map<std::string_view, Function> functions = {MCNN_OPERATIONS(MCNN_EXECUTE)};
#undef MCNN_EXECUTE
  const auto found = functions.find(operation.name());
  if (found == functions.end()) fail("backend {} has no operation {}", backend.name(), operation.name());
  found->second(backend, operation.operation);
}

}  // namespace mcnn
