#include "kernels/cuda/kernel_name.h"

#include <regex>

namespace mcnn::cuda {

std::string short_kernel_name(const std::string& demangled) {
  static const std::regex casts(R"(\([\w: ]+\)(?=-?\w))"), outside(R"(\(anonymous namespace\)::|<unnamed>::|\w+::|\b(void|const) )");
  const std::string name = std::regex_replace(std::regex_replace(demangled, outside, ""), casts, "");
  // The parameters begin at the first parenthesis that is in no template argument.
  int depth = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] == '<') ++depth;
    if (name[i] == '>') --depth;
    if (name[i] == '(' && depth == 0) return name.substr(0, i);
  }
  return name;
}

}  // namespace mcnn::cuda
