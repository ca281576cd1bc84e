#!/usr/bin/env bash
# The folder of bench/on_gpu.sh, moved elsewhere: without a GPU one line and exit code 77; and the way through its steps, on the CPU.
# Usage: on_gpu_test.sh SOURCE BUILD. Skipped (77) where the build has no CUDA plugin.
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
MCNN_WEIGHTS=/nonexistent "$source/bench/on_gpu.sh" "$work/packed" "$build" || exit $?
mv "$work/packed" "$work/moved"
(($(du -sk "$work/moved" | cut -f1) < 60000)) || { echo "the folder is too large"; exit 1; }

status=0
CUDA_VISIBLE_DEVICES='' "$work/moved/run.sh" >"$work/said" 2>&1 || status=$?
cat "$work/said"
[ $status = 77 ] && [ "$(wc -l <"$work/said")" = 1 ] && grep -q '^run.sh: nothing was run: device = cuda: no NVIDIA' "$work/said" ||
  { echo "expected exit code 77 and one line that says why, found $status"; exit 1; }
[ ! -e "$work/moved/results" ] || { echo "results of nothing"; exit 1; }

"$work/moved/run.sh" --rehearse cpu >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
python3 - "$work/moved/results/results.json" <<'END'
import json, sys
results = json.load(open(sys.argv[1]))
assert results["rehearsal"] and results["failures"] == "", results["failures"]
modes = [(row["mode"], row["batch"]) for row in results["throughput"]]
assert modes == [("training", 2), ("inference", 1), ("inference", 2)], modes
assert all(row["images_per_second"] > 0 for row in results["throughput"])
assert any(row["name"].startswith("residual") for row in results["kernels"]["f32"]["benchmarks"])
assert results["learning"][0]["epochs"][0]["loss"] > 0
END
grep -q '| mcnn | training | 2 | f32 |' "$work/moved/results/summary.md"
