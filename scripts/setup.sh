#!/usr/bin/env bash
# Installs the Debian 12 packages that are missing, then configures and builds the Release tree in build/.
# Nothing is installed twice, nothing is built twice: a second run starts at once.
#   --full      also what ./test.sh --full needs: clang with its sanitizers and OpenMP runtime, clang-tidy, clang 19
#   --few       CUDA kernels for sm_75 and sm_90 alone, if build/ is new: ./test.sh. Without, a build/ that has these gets all
#   --programs  builds the programs alone, without tests and benchmarks
#   --packages  only installs
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
  g++ cmake ninja-build ccache pkg-config git ca-certificates # to build
  libfmt-dev libhwy-dev libboost-context-dev libdw-dev       # runtime, kernels
  libjpeg62-turbo-dev libstb-dev libwebp-dev                 # photos; HEIC and AVIF too where libheif-dev is installed
  nlohmann-json3-dev libinih-dev libcli11-dev                 # files, programs
  libdeflate-dev libprotobuf-dev protobuf-compiler            # torch files, ONNX
  libgtest-dev libbenchmark-dev python3                       # tests, bench
)
target=all few=
for option in "$@"; do
  case $option in
    --full) packages+=(clang clang-tidy libclang-rt-14-dev libomp-dev llvm clang-19) ;;
    --few) few=1 ;;
    --programs) target=programs ;;
    --packages) target= ;;
    *) sed -n '2,7s/^# \?//p' "$0" && exit 2 ;;
  esac
done

missing=()
if command -v dpkg >/dev/null; then
  for package in "${packages[@]}"; do
    dpkg -s "$package" 2>/dev/null | grep -q '^Status: install ok installed' || missing+=("$package")
  done
else
  echo "setup: this is no Debian; the packages there are called: ${packages[*]}" >&2
fi
if ((${#missing[@]})); then
  echo "setup: installing ${missing[*]}"
  sudo=()
  ((EUID == 0)) || sudo=(sudo)
  "${sudo[@]}" apt-get update -q
  for i in "${!missing[@]}"; do # the one that can be done without
    if [ "${missing[i]}" = clang-19 ] && ! apt-cache show clang-19 >/dev/null 2>&1; then
      echo "setup: there is no package clang-19; scripts/clang_cuda.sh will be skipped"
      unset "missing[i]"
    fi
  done
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}"
fi

[ -n "$target" ] || exit 0
if [ ! -e build/build.ninja ]; then
  echo "setup: configuring build/"
  cmake --preset release ${few:+-DMCNN_CUDA_ARCHITECTURES="75;90"}
elif [ -z "$few" ] && grep -q '^MCNN_CUDA_ARCHITECTURES:STRING=75;90$' build/CMakeCache.txt; then
  echo "setup: build/ has CUDA kernels for sm_75 and sm_90 (./test.sh); now for all"
  cmake --preset release -UMCNN_CUDA_ARCHITECTURES
fi
echo "setup: building build/"
cmake --build --preset release --target "$target"
