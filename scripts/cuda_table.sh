#!/usr/bin/env bash
# Compiles the CUDA kernels for architectures from the oldest to the newest and keeps what the compiler made of them in
# docs/cuda_kernels.csv: registers, static shared memory, the share of a multiprocessor's warps that such blocks keep resident
# (at the block size of __launch_bounds__, else 256; dynamic shared memory is not counted), 128-bit accesses in the PTX.
# Fails on a spill, and where a kernel that streams feature maps or parameters does not load them 128 bits at a time.
#   --check  compares with the table instead of writing it
# NVCC names the compiler; without one it says that it is skipped and exits with 77. Takes minutes.
set -euo pipefail
cd "$(dirname "$0")/.."

architectures=(75 80 90 120)
streaming='pool_rows add_branch sum_rows depthwise_forward_kernel depthwise_backward_kernel adamw_chunk sgd_chunk ema_chunk sum_squares'
table=docs/cuda_kernels.csv
nvcc=${NVCC:-$(command -v nvcc || echo /usr/local/cuda/bin/nvcc)}
if [ ! -x "$nvcc" ]; then
  echo "cuda_table: SKIPPED: there is no nvcc (NVCC names one)"
  exit 77
fi
release=$("$nvcc" --version | sed -n 's/.*, V\([0-9.]*\)$/\1/p')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cache=$(command -v ccache || true)
targets=()
for architecture in "${architectures[@]}"; do targets+=("-gencode=arch=compute_$architecture,code=sm_$architecture"); done
compile() { # FILE: ptxas's report, and the block sizes that the kernels are bound to
  local name
  name=$(basename "$1" .cu)
  if ! $cache "$nvcc" -std=c++20 -DFMT_USE_CONSTEXPR=1 --expt-relaxed-constexpr -I. "${targets[@]}" -Xptxas -v,-Werror,-warn-spills -c "$1" -o "$work/$name.o" \
    >"$work/$name.report" 2>&1; then
    grep -v "ptxas info\|bytes stack frame" "$work/$name.report" | c++filt
    return 1
  fi
  "$nvcc" -std=c++20 -DFMT_USE_CONSTEXPR=1 --expt-relaxed-constexpr -I. -arch=compute_90 --ptx "$1" -o "$work/$name.ptx"
}
export -f compile
export cache nvcc work
export targets_joined="${targets[*]}"
# shellcheck disable=SC2016  # the inner shell expands it
printf "%s\n" kernels/cuda/*.cu | xargs -P "$(nproc)" -I{} bash -euo pipefail -c 'read -ra targets <<<"$targets_joined"; compile {}'

readable() { # mangled names in the first column, for people
  paste <(cut -f1 "$1" | c++filt -p | sed 's/(anonymous namespace):://g; s/mcnn::cuda:://g') <(cut -f2- "$1")
}

# kernel, threads, 128-bit loads and stores of global memory (cp.async counts as a load; so does a load through a pointer that
# was itself loaded, whose space the compiler cannot know)
awk -v OFS='\t' '
  function finish() { if (entry != "") print entry, threads, loads + 0, stores + 0; entry = "" }
  /\.entry / { finish(); match($0, /_Z[A-Za-z0-9_]+/); entry = substr($0, RSTART, RLENGTH); threads = 256; loads = stores = 0 }
  /^\.func|\.func / { finish() }
  /^\.maxntid/ { sub(/,/, "", $2); threads = $2 }
  /ld(\.global[a-z0-9.:]*)?\.(v4\.[a-z]32|v2\.[a-z]64)|cp\.async\.c[ag]\.shared\.global.*, 16[,;]/ { ++loads }
  /st(\.global[a-z0-9.:]*)?\.(v4\.[a-z]32|v2\.[a-z]64)/ { ++stores }
  END { finish() }' "$work"/*.ptx >"$work/mangled"
readable "$work/mangled" >"$work/entries"
# kernel, architecture, registers, shared memory
awk -v OFS='\t' '
  /Compiling entry function/ { split($0, quoted, "\x27"); name = quoted[2]; sm = substr(quoted[4], 4) }
  /Used [0-9]+ registers/ {
    registers = $0; sub(/.*Used /, "", registers); sub(/ registers.*/, "", registers)
    shared = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART, RLENGTH - 11) : 0
    print name, sm, registers, shared
  }' "$work"/*.report >"$work/mangled"
readable "$work/mangled" | awk -F'\t' -v OFS='\t' '
  NR == FNR { threads[$1] = $2; vectors[$1] = $3 "\t" $4; next }
  { print $2, $3, $4, threads[$1], $1, vectors[$1] }' "$work/entries" - >"$work/kernels"

"${CXX:-g++}" -O1 -I"$(dirname "$(dirname "$(readlink -f "$nvcc")")")/include" scripts/cuda_occupancy.cpp -o "$work/occupancy"
cut -f1-4 "$work/kernels" | "$work/occupancy" >"$work/percent"
{
  echo "# by nvcc $release; renewed by scripts/cuda_table.sh"
  echo 'kernel,architecture,registers,shared_bytes,threads,occupancy_percent,vector_loads,vector_stores'
  paste "$work/kernels" "$work/percent" |
    awk -F'\t' '{ printf "\"%s\",sm_%s,%s,%s,%s,%s,%s,%s\n", $5, $1, $2, $3, $4, $8, $6, $7 }' | LC_ALL=C sort -t'"' -k2,2 -s
} >"$work/table.csv"

# What is bound by memory moves 128 bits at a time wherever its rows allow it: in every instance for the widest access.
awk -F'"' -v kernels="$streaming" '
  BEGIN { split(kernels, names, " "); for (i in names) wanted[names[i]] = 1 }
  { name = $2; sub(/<.*/, "", name) }
  !(name in wanted) { next }
  $2 ~ /</ && $2 !~ /<float.*, 4[,>]|<__(half|nv_bfloat16).*, 8[,>]/ { next }  # depthwise takes fp16 by fours: see there
  { seen[name] = 1; split($3, column, ","); if (column[7] == 0) { print "cuda_table: " $2 " loads nothing 128 bits at a time" } }
  END { for (name in wanted) if (!(name in seen)) print "cuda_table: there is no kernel " name " for the widest access" }
  ' "$work/table.csv" | sort -u >"$work/complaints"
if [ -s "$work/complaints" ]; then
  cat "$work/complaints" >&2
  exit 1
fi

rows="$(($(wc -l <"$work/table.csv") - 2)) rows"
if [ "${1:-}" != --check ]; then
  cp "$work/table.csv" "$table"
  echo "cuda_table: wrote $table, $rows"
elif [ ! -e "$table" ]; then
  echo "cuda_table: there is no $table; scripts/cuda_table.sh writes it" >&2
  exit 1
elif ! head -1 "$table" | grep -qF "nvcc $release;"; then
  echo "cuda_table: SKIPPED: no spills and whole vectors in $rows, but $table is another compiler's ($(head -1 "$table"), not $release)"
  exit 77
elif ! diff -u "$table" "$work/table.csv"; then
  echo "cuda_table: $table is not what nvcc makes of the kernels now; if the change is meant, renew it: scripts/cuda_table.sh" >&2
  exit 1
else
  echo "cuda_table: $rows as in $table"
fi
