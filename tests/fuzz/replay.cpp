// Runs a fuzz target without a fuzzer, with any compiler: on the seeds, truncations of them, and fixed mutations. Each must end in a value
// or an Error; any other exception ends the program.
// Usage: <name>_replay FOLDER.  With a fuzzer: scripts/fuzz.sh.
#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size);

namespace {

constexpr int kMutations = 10'000;
constexpr std::size_t kMostCuts = 1'000;  // truncations per seed

/// Copies the input to a block of exactly its size, so that AddressSanitizer reports reads beyond it.
void run(const std::string& input) {
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

/// Makes one to eight changes: flips a bit, sets a byte to an extreme value, removes, doubles, or replaces a range by another seed's.
std::string mutated(std::string input, const std::vector<std::string>& seeds, std::mt19937& random) {
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
  for (std::size_t change = 1 + below(8); change > 0 && !input.empty(); --change) {
    const std::size_t at = below(input.size()), length = below(std::min<std::size_t>(input.size() - at, 32)) + 1;
    switch (below(6)) {
      case 0: input[at] = static_cast<char>(input[at] ^ (1 << below(8))); break;
      case 1: input[at] = static_cast<char>(std::array{0, 1, 0x7f, 0x80, 0xff}[below(5)]); break;
      case 2: input.replace(at, std::min<std::size_t>(8, input.size() - at), 8, below(2) ? '\xff' : '\0'); break;
      case 3: input.erase(at, length); break;
      case 4: input.insert(below(input.size()), input.substr(at, length)); break;
      default: {
        const std::string& other = seeds[below(seeds.size())];
        const std::size_t from = below(other.size());
        input.replace(at, length, other.substr(from, length));
      }
    }
  }
  return input;
}

/// The files of a folder, in the order of their names.
std::vector<std::string> read_seeds(const std::filesystem::path& folder) {
  std::map<std::string, std::string> seeds;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    seeds[entry.path().filename().string()] = {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::string> contents;
  for (auto& [name, content] : seeds)
    if (!content.empty()) contents.push_back(std::move(content));
  return contents;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << argv[0] << ": expected the folder of seeds\n";
    return 1;
  }
  const std::vector<std::string> seeds = read_seeds(argv[1]);
  if (seeds.empty()) {
    std::cerr << argv[1] << ": no seeds\n";
    return 1;
  }
  for (const std::string& seed : seeds) {
    run(seed);
    const std::size_t step = 1 + seed.size() / kMostCuts;
    for (std::size_t size = 0; size < seed.size(); size += step) run(seed.substr(0, size));
  }
  std::mt19937 random(1);
  for (int i = 0; i < kMutations; ++i) run(mutated(seeds[static_cast<std::size_t>(i) % seeds.size()], seeds, random));
  std::cout << seeds.size() << " seeds, their cuts and " << kMutations << " mutations\n";
  return 0;
}
