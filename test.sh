#!/usr/bin/env bash
# Builds what is missing and runs every test.
#   --full   the CUDA kernels for all architectures, not for sm_75 and sm_90 alone; the tests again under AddressSanitizer,
#            UndefinedBehaviorSanitizer and ThreadSanitizer, clang-tidy over the sources, clang over the CUDA kernels
set -euo pipefail
cd "$(dirname "$0")"

took() { # WHAT, from, to
  echo "test: the $1 took $((($3 - $2) / 60)) min $((($3 - $2) % 60)) s"
}

case ${1:-} in
  '') scripts/setup.sh --few ;;
  --full) scripts/setup.sh --full ;;
  *) sed -n '2,4s/^# \?//p' "$0" && exit 2 ;;
esac
built=$SECONDS
echo "test: release"
status=0
ctest --preset release || status=$?
took build 0 "$built"
took tests "$built" "$SECONDS"
scripts/cuda_table.sh --check | grep 'NOT CHECKED' || true
((status == 0)) || exit "$status"

[ "${1:-}" = --full ] || exit 0
for preset in asan ubsan tsan; do
  echo "test: $preset"
  begun=$SECONDS
  [ -e build-$preset/build.ninja ] || cmake --preset $preset
  cmake --build --preset $preset
  ctest --preset $preset
  took "$preset build and tests" "$begun" "$SECONDS"
done
echo "test: clang-tidy"
scripts/tidy.sh
echo "test: clang over the CUDA kernels"
scripts/clang_cuda.sh || (($? == 77)) # skipped
