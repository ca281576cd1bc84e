#!/usr/bin/env bash
# A second compiler reads the CUDA kernels: clang 19, as device code for the oldest and the newest of our architectures that it
# knows, and as host code, with warnings that nvcc does not have; then its static analyser follows the kernels' paths. All it says
# is an error. Nothing is generated. First it is shown three mistakes, and must see them.
#   FILE...  these in place of all
# CLANG names the compiler, NVCC the toolkit's; without either it says that it is skipped and exits with 77. Takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

clang=$(command -v "${CLANG:-clang-19}" || true)
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
cuda=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
if [ -z "$clang" ]; then
  echo "clang_cuda: SKIPPED: there is no ${CLANG:-clang-19} (CLANG names one)"
  exit 77
fi
if [ ! -e "$cuda/include/cuda_runtime.h" ]; then
  echo "clang_cuda: SKIPPED: there is no cuda_runtime.h beside $nvcc (NVCC names one)"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
touch "$work"/{texture_fetch_functions,surface_functions}.h # CUDA 13 has them no longer, clang 19 asks for them

# unused-parameter: what an architecture cannot do leaves its operands alone; g++ looks for the others.
# unknown-cuda-version: clang 19 was made before CUDA 13.
# max-nodes: a kernel has many instances; after so many states each has been seen, and depthwise_backward.cu would take minutes.
front=("$clang" -x cuda "--cuda-path=$cuda" -std=c++20 -DFMT_USE_CONSTEXPR=1 -I. -isystem "$work" -Wno-unknown-cuda-version)
export reading="${front[*]} -fsyntax-only --cuda-gpu-arch=sm_75 --cuda-gpu-arch=sm_90 -Werror -Wall -Wextra -Wno-unused-parameter
  -Wconditional-uninitialized -Wfloat-conversion -Wshorten-64-to-32 -Wshift-sign-overflow -Wunreachable-code-aggressive
  -Wunused-template -Wunused-member-function"
export analysing="${front[*]} --analyze --cuda-device-only --cuda-gpu-arch=sm_75 -Xanalyzer -analyzer-output=text
  -Xclang -analyzer-werror -Xclang -analyzer-config -Xclang max-nodes=4000"

examine() { # FILE
  # shellcheck disable=SC2086  # words
  $reading "$1" && $analysing "$1"
}
export -f examine

sees() { # MESSAGE, of the mistake on stdin
  { echo '#include <cuda_runtime.h>' && cat; } >"$work/mistake.cu"
  if examine "$work/mistake.cu" >"$work/seen" 2>&1 || ! grep -qF "$1" "$work/seen"; then
    echo "clang_cuda: clang does not see '$1' in" >&2
    cat "$work/mistake.cu" "$work/seen" >&2
    exit 1
  fi
}
sees 'reference to __host__ function' <<'MISTAKE'
inline float on_host(float x) { return x; }
constexpr float either(float x) { return x > 0 ? x : on_host(x); }
__global__ void kernel(float* y) { *y = either(*y); }
MISTAKE
sees 'may be uninitialized' <<'MISTAKE'
__global__ void kernel(float* y, int n) {
  float sum;
  for (int i = 0; i < n; ++i) sum = y[i];
  *y = sum;
}
MISTAKE
sees 'garbage' <<'MISTAKE'
template <int N>
__global__ void kernel(float* y) {
  float values[N];
  for (int i = 1; i < N; ++i) values[i] = y[i];
  *y = values[0];
}
template __global__ void kernel<4>(float*);
MISTAKE

if (($#)); then
  files=("$@")
else
  files=(kernels/cuda/*.cu kernels/cuda/*/*.cu)
fi
printf '%s\n' "${files[@]}" | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'examine {}'
echo "clang_cuda: ${#files[@]} files, nothing to say"
