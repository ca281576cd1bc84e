#!/usr/bin/env bash
# Builds every fuzzer under tests/fuzz/ and runs each for SECONDS (default 60); what it finds and the inputs that it keeps are
# under build-fuzz/fuzz/. Ends with 1 at the first finding.
#   scripts/fuzz.sh [SECONDS [NAME...]]      scripts/fuzz.sh 600 torch_zip
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-60}
[[ $seconds =~ ^[0-9]+$ ]] || { sed -n '2,4s/^# \?//p' "$0" && exit 2; }
names=("${@:2}")
((${#names[@]})) || for source in tests/fuzz/*_fuzz.cpp; do names+=("$(basename "$source" _fuzz.cpp)"); done

[ -e build-fuzz/build.ninja ] || cmake --preset fuzz
cmake --build --preset fuzz --target fuzzers
out=build-fuzz/fuzz
for writer in tests/fuzz/*seeds.cpp; do build-fuzz/bin/fuzz_"$(basename "$writer" .cpp)" $out/seeds; done
for name in "${names[@]}"; do
  echo "fuzz: $name, $seconds s"
  mkdir -p "$out/corpus/$name" "$out/findings"
  # Inputs are small, so a large allocation is a finding.
  build-fuzz/bin/"${name}"_fuzz -max_total_time="$seconds" -max_len=4096 -timeout=30 -malloc_limit_mb=256 -print_final_stats=1 \
    -artifact_prefix="$out/findings/$name-" "$out/corpus/$name" "$out/seeds/$name"
done
