#include "emulator/kernel_names.h"

#include <cxxabi.h>
#include <elfutils/libdwfl.h>
#include <unistd.h>

#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <map>

namespace simt {
namespace {

/// The symbol at an address, from the file's symbol table: dladdr() finds only exported symbols, and kernels have internal linkage.
std::string symbol_at(const void* address) {
  static const Dwfl_Callbacks callbacks{dwfl_linux_proc_find_elf, dwfl_standard_find_debuginfo, nullptr, nullptr};
  // Opened for each name, because a plugin may have been loaded since the last call.
  Dwfl* program = dwfl_begin(&callbacks);
  dwfl_linux_proc_report(program, getpid());
  dwfl_report_end(program, nullptr, nullptr);
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  const char* symbol = dwfl_module_addrname(dwfl_addrmodule(program, at), at);
  const std::string name = symbol ? symbol : "a kernel without a symbol";
  dwfl_end(program);
  return name;
}

void remove_all(std::string& text, const std::string& part) {
  for (std::size_t at; (at = text.find(part)) != std::string::npos;) text.erase(at, part.size());
}

/// Removes "outer::inner::" before names.
void remove_qualifiers(std::string& text) {
  for (std::size_t end; (end = text.find("::")) != std::string::npos;) {
    std::size_t begin = end;
    while (begin > 0 && (std::isalnum(static_cast<unsigned char>(text[begin - 1])) != 0 || text[begin - 1] == '_')) --begin;
    text.erase(begin, end + 2 - begin);
  }
}

std::string readable(const std::string& symbol) {
  char* demangled = abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, nullptr);
  if (!demangled) return symbol;
  std::string name = demangled;
  std::free(demangled);
  remove_all(name, "(anonymous namespace)::");
  remove_qualifiers(name);
  int open = 0;  // a parenthesis inside of < > is an enumerator's type: (ProductRung)4
  for (std::size_t i = 0; i < name.size(); ++i) {
    open += (name[i] == '<') - (name[i] == '>');
    if (name[i] == '(' && open == 0) name.resize(i);
  }
  if (name.starts_with("void ")) name.erase(0, 5);
  return name;
}

}  // namespace

const std::string& kernel_name(const void* kernel) {
  static auto* names = new std::map<const void*, std::string>;
  const auto [entry, fresh] = names->try_emplace(kernel);
  if (fresh) entry->second = readable(symbol_at(kernel));
  return entry->second;
}

}  // namespace simt
