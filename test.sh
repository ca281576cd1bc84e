#!/usr/bin/env bash
# Builds what is missing and runs every test.
#   --full   again under AddressSanitizer, UndefinedBehaviorSanitizer and ThreadSanitizer, and clang-tidy over the sources
set -euo pipefail
cd "$(dirname "$0")"

case ${1:-} in
  '') scripts/setup.sh ;;
  --full) scripts/setup.sh --full ;;
  *) sed -n '2,3s/^# \?//p' "$0" && exit 2 ;;
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
