#!/usr/bin/env bash
# Builds what is missing and runs every test.
#   --full   again under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer, clang-tidy over the sources,
#            clang over the CUDA kernels
set -euo pipefail
cd "$(dirname "$0")"

case ${1:-} in
  '') scripts/setup.sh ;;
  --full) scripts/setup.sh --full ;;
  *) sed -n '2,4s/^# \?//p' "$0" && exit 2 ;;
esac
echo "test: release"
ctest --preset release

[ "${1:-}" = --full ] || exit 0
for preset in asan ubsan tsan; do
  echo "test: $preset"
  [ -e build-$preset/build.ninja ] || cmake --preset $preset
  cmake --build --preset $preset
  ctest --preset $preset
done
echo "test: clang-tidy"
scripts/tidy.sh
echo "test: clang over the CUDA kernels"
scripts/clang_cuda.sh || (($? == 77)) # skipped
