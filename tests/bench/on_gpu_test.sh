#!/usr/bin/env bash
# Packs a folder with bench/on_gpu.sh and moves it: without a GPU it ends with one line and exit code 77; its steps run on the CPU.
# Usage: on_gpu_test.sh SOURCE BUILD. Skipped (77) if the build has no CUDA plugin.
set -euo pipefail
source=$1 build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
MCNN_WEIGHTS=/nonexistent "$source/bench/on_gpu.sh" "$work/packed" "$build" || exit $?
mv "$work/packed" "$work/moved"
(($(du -sk "$work/moved" | cut -f1) < 65000)) || { echo "the folder is too large"; exit 1; }

status=0
CUDA_VISIBLE_DEVICES='' "$work/moved/run.sh" >"$work/said" 2>&1 || status=$?
cat "$work/said"
[ $status = 77 ] && [ "$(wc -l <"$work/said")" = 1 ] && grep -q '^run.sh: nothing was run: device = cuda: no NVIDIA' "$work/said" ||
  { echo "expected exit code 77 and one line that says why, found $status"; exit 1; }
[ ! -e "$work/moved/results" ] && [ ! -e results ] || { echo "results of nothing"; exit 1; }

"$work/moved/run.sh" --rehearse cpu --budget 240 --out "$work/results" >"$work/said" 2>&1 || { cat "$work/said"; exit 1; }
python3 - "$work/results/results.jsonl" <<'END'
import json, sys
rows = [json.loads(line) for line in open(sys.argv[1])]
ended = {row["step"]: (row["status"], row["reason"]) for row in rows if row.get("kind") == "step end"}
absent = {"pytorch", "memcheck", "racecheck", "counters"}
assert all(status == "ok" or (name in absent and status == "absent") for name, (status, _) in ended.items()), ended
assert len(ended) >= 12, ended
checks = [row for row in rows if "ok" in row]
assert len(checks) > 20 and all(row["ok"] for row in checks), checks
speeds = {(row["mode"], row["batch"]) for row in rows if "images_per_second" in row}
assert {("training", 2), ("inference", 1), ("inference", 2)} <= speeds, speeds
assert any(row.get("kind") == "kernel" and row["name"].startswith("residual") for row in rows)
assert any("macro F1" in row["text"] for row in rows if row.get("name") == "eval")
END
grep -q '^| mcnn | own | b0 | training | 2 | f32 |' "$work/results/summary.md"
