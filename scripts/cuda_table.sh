#!/usr/bin/env bash
# Keeps what nvcc made of the CUDA kernels in docs/cuda_kernels.csv, for architectures from the oldest to the newest: registers,
# static shared memory, the share of a multiprocessor's warps that such blocks keep resident (at the block size of
# __launch_bounds__, else 256; dynamic shared memory is not counted), 128-bit accesses in the PTX of sm_80. The figures are those of the
# build of libmcnn_cuda.so (kernels/cuda/nvcc_report.sh), which itself fails on a spill. Fails where a kernel that streams feature
# maps or parameters does not load them 128 bits at a time.
#   --check [BUILD]  compares the build in BUILD (build/) with the table; without, build/ is brought up to date and the table written
#                    compares the rows of the architectures that BUILD has, and names those it has not
# Exits with 77, and says why, where the build has no plugin, or none of the table's architectures (without --check: not all of them).
set -euo pipefail
cd "$(dirname "$0")/.."

architectures=(75 80 90 120)
streaming='pool_rows add_branch sum_rows depthwise_forward_kernel depthwise_backward_kernel adamw_range sgd_range ema_range sum_squares'
table=docs/cuda_kernels.csv
build=build
[ "${1:-}" != --check ] || build=${2:-build}
skip() {
  echo "cuda_table: SKIPPED: $1"
  exit 77
}
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
nvcc=$(cached CMAKE_CUDA_COMPILER)
if [ "$(cached MCNN_CUDA)" = OFF ] || [ ! -x "$nvcc" ]; then skip "$build has no CUDA plugin: no nvcc, or MCNN_CUDA=OFF"; fi
built=() unbuilt=
for architecture in "${architectures[@]}"; do
  if [[ ";$(cached MCNN_CUDA_ARCHITECTURES);" = *";$architecture;"* ]]; then built+=("$architecture"); else unbuilt+=" sm_$architecture"; fi
done
if ((${#built[@]} == 0)) || { [ -n "$unbuilt" ] && [ "${1:-}" != --check ]; }; then
  skip "$build compiles no kernels for$unbuilt (MCNN_CUDA_ARCHITECTURES)"
fi
[ "${1:-}" = --check ] || cmake --build "$build" --target mcnn_cuda
release=$("$nvcc" --version | sed -n 's/.*, V\([0-9.]*\)$/\1/p')
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

reports=()
for source in kernels/cuda/*.cu; do
  report=$build/kernels/cuda/CMakeFiles/mcnn_cuda.dir/${source##*/}.o.report
  [ -s "$report" ] || { echo "cuda_table: there is no $report: build mcnn_cuda first" >&2 && exit 1; }
  reports+=("$report")
done

readable() { # mangled names in the first column, for people
  paste <(cut -f1 "$1" | c++filt -p | sed 's/(anonymous namespace):://g; s/mcnn::cuda:://g') <(cut -f2- "$1")
}

# kernel, threads, 128-bit loads and stores
awk -v OFS='\t' '$1 == "ptx:" { print $2, $3, $4, $5 }' "${reports[@]}" >"$work/mangled"
readable "$work/mangled" >"$work/entries"
# kernel, architecture, registers, shared memory
awk -v OFS='\t' -v architectures="${built[*]}" '
  BEGIN { split(architectures, list, " "); for (i in list) wanted[list[i]] = 1 }
  /Compiling entry function/ { split($0, quoted, "\x27"); name = quoted[2]; sm = substr(quoted[4], 4) }
  /Used [0-9]+ registers/ && sm in wanted {
    registers = $0; sub(/.*Used /, "", registers); sub(/ registers.*/, "", registers)
    shared = match($0, /[0-9]+ bytes smem/) ? substr($0, RSTART, RLENGTH - 11) : 0
    print name, sm, registers, shared
  }' "${reports[@]}" >"$work/mangled"
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
elif ! diff -u <(grep -E "^(#|kernel,)|,sm_($(IFS='|' && echo "${built[*]}"))," "$table") "$work/table.csv"; then
  echo "cuda_table: $table is not what nvcc makes of the kernels now; if the change is meant, renew it: scripts/cuda_table.sh" >&2
  exit 1
else
  echo "cuda_table: $rows as in $table${unbuilt:+; NOT CHECKED, for this build has no kernels for it:$unbuilt (./test.sh --full)}"
fi
