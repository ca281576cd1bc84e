#!/usr/bin/env bash
# Compiles the CUDA kernels for architectures from the oldest to the newest and keeps what the compiler made of them in
# docs/cuda_kernels.csv: registers, static shared memory, and the share of a multiprocessor's warps that such blocks keep
# resident (at the block size of __launch_bounds__, else 256; dynamic shared memory is not counted). Fails on a spill.
#   --check  compares with the table instead of writing it
# NVCC names the compiler; without one it says that it is skipped and exits with 77. Takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

architectures=(75 80 90 120)
table=docs/cuda_kernels.csv
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
if [ ! -x "$nvcc" ]; then
  echo "cuda_table: SKIPPED: there is no nvcc (NVCC names one)"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cache=$(command -v ccache || true)
targets=()
for architecture in "${architectures[@]}"; do targets+=("-gencode=arch=compute_$architecture,code=sm_$architecture"); done
compile() { # FILE: ptxas's report, and the block sizes that the kernels are bound to
  local name
  name=$(basename "$1" .cu)
  if ! $cache "$nvcc" -std=c++20 -DFMT_USE_CONSTEXPR=1 -I. "${targets[@]}" -Xptxas -v,-Werror,-warn-spills -c "$1" -o "$work/$name.o" \
    >"$work/$name.report" 2>&1; then
    cat "$work/$name.report"
    return 1
  fi
  "$nvcc" -std=c++20 -DFMT_USE_CONSTEXPR=1 -I. -arch=compute_90 --ptx "$1" -o "$work/$name.ptx"
}
export -f compile
export cache nvcc work
export targets_joined="${targets[*]}"
# shellcheck disable=SC2016  # the inner shell expands it
printf "%s\n" kernels/cuda/*.cu | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'read -ra targets <<<"$targets_joined"; compile {}'

# kernel  sm  registers  shared  threads
for report in "$work"/*.report; do
  awk -v OFS='\t' '
    FILENAME ~ /ptx$/ && /^\.entry|\.visible \.entry/ { match($0, /_Z[A-Za-z0-9_]+/); entry = substr($0, RSTART, RLENGTH) }
    FILENAME ~ /ptx$/ && /^\.maxntid/ { gsub(/,/, ""); threads[entry] = $2 }
    /Compiling entry function/ { split($0, quoted, "\x27"); name = quoted[2]; sm = substr(quoted[4], 4) }
    /Used [0-9]+ registers/ {
      registers = $0; sub(/.*Used /, "", registers); sub(/ registers.*/, "", registers)
      shared = 0
      if (match($0, /[0-9]+ bytes smem/)) shared = substr($0, RSTART, RLENGTH - 11)
      print name, sm, registers, shared, (name in threads ? threads[name] : 256)
    }' "${report%.report}.ptx" "$report"
done >"$work/kernels"

"${CXX:-g++}" -O1 -I"$(dirname "$(dirname "$(readlink -f "$nvcc")")")/include" scripts/cuda_occupancy.cpp -o "$work/occupancy"
cut -f2- "$work/kernels" | "$work/occupancy" >"$work/percent"
{
  echo 'kernel,architecture,registers,shared_bytes,threads,occupancy_percent'
  paste <(cut -f1 "$work/kernels" | c++filt -p | sed 's/(anonymous namespace):://g; s/mcnn::cuda:://g') <(cut -f2- "$work/kernels") "$work/percent" |
    awk -F'\t' '{ printf "\"%s\",sm_%s,%s,%s,%s,%s\n", $1, $2, $3, $4, $5, $6 }' | LC_ALL=C sort -t'"' -k2,2 -s
} >"$work/table.csv"

if [ "${1:-}" = --check ]; then
  if ! diff -u "$table" "$work/table.csv"; then
    echo "cuda_table: $table is not what $("$nvcc" --version | tail -1) makes of the kernels; if the change is meant: scripts/cuda_table.sh" >&2
    exit 1
  fi
  echo "cuda_table: $(($(wc -l <"$table") - 1)) rows as in $table"
else
  cp "$work/table.csv" "$table"
  echo "cuda_table: wrote $table, $(($(wc -l <"$table") - 1)) rows"
fi
