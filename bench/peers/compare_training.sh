#!/usr/bin/env bash
# B4@224 training, batch 32: alternates mcnn and PyTorch eager (channels last, fp32, fused AdamW) on this machine.
# Usage: compare_training.sh PYTHON [PAIRS]     PYTHON: of a virtual environment outside this project with torch and timm:
#   python3 -m venv ~/mcnn-peers && ~/mcnn-peers/bin/pip install torch torchvision timm
# Prints a line per run: images/s of the median step, and the process's peak memory (VmHWM). Run nothing else meanwhile.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,5s/^# \?//p' "$0"; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
lscpu | grep 'Model name'
for _ in $(seq "${2:-3}"); do
  "$here/../../build/bin/bench_train" --model b4 --res 224 --batch 32 --steps 5
  "$1" "$here/train_pytorch.py" 32 224 3 "$(nproc)"
done
