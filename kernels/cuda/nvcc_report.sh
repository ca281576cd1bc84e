#!/usr/bin/env bash
# CMake's launcher of nvcc: runs nvcc, or ccache that runs nvcc, and writes a report of the kernels to OBJECT.report, for
# scripts/cuda_table.sh: ptxas's lines (-Xptxas=-v), and for each kernel, from the PTX of sm_80
# (of sm_90, where it is not built for that), a line
#   ptx: kernel, threads of __launch_bounds__ (else 256), 128-bit loads and 128-bit stores of global memory
# ccache stores the object and the compiler's standard error, and no other file. So this script prints the lines of the second kind to
# standard error; ccache runs it as a prefix of nvcc.
set -euo pipefail

if [ "${CCACHE_PREFIX:-}" = nvcc_report.sh ] && [[ ${1##*/} != ccache* ]]; then # as a prefix of nvcc
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  "$@" --keep --keep-dir "$work"
  ptx=("$work"/*.compute_80.ptx)
  [ -e "${ptx[0]}" ] || ptx=("$work"/*.compute_90.ptx)
  # A cp.async counts as a load; so does a load through a pointer that was itself loaded, whose address space the compiler does not know.
  # shellcheck disable=SC2016  # awk's own $
  printf '%s\0' "${ptx[@]}" | xargs -0r awk '
    function finish() { if (entry != "") print "ptx:", entry, threads, loads, stores; entry = "" }
    /\.entry / { finish(); match($0, /_Z[A-Za-z0-9_]+/); entry = substr($0, RSTART, RLENGTH); threads = 256; loads = stores = 0 }
    /^\.func|\.func / { finish() }
    /^\.maxntid/ { sub(/,/, "", $2); threads = $2 }
    /ld(\.global[a-z0-9.:]*)?\.(v4\.[a-z]32|v2\.[a-z]64)|cp\.async\.c[ag]\.shared\.global.*, 16[,;]/ { ++loads }
    /st(\.global[a-z0-9.:]*)?\.(v4\.[a-z]32|v2\.[a-z]64)/ { ++stores }
    END { finish() }' >&2
  exit
fi

for ((i = 1; i < $#; ++i)); do
  next=$((i + 1))
  [ "${!i}" != -o ] || report=${!next}.report
done
here=$(cd "$(dirname "$0")" && pwd)
export CCACHE_PREFIX=nvcc_report.sh CCACHE_EXTRAFILES=$here/nvcc_report.sh PATH=$here:$PATH
command=("$@")
[[ ${1##*/} = ccache* ]] || command=(nvcc_report.sh "$@")
status=0
"${command[@]}" 2>"$report" || status=$?
grep -v '^ptx: \|^ptxas info\|bytes stack frame' "$report" >&2 || true
((status == 0)) || rm "$report"
exit $status
