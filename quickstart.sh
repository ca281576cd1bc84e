#!/usr/bin/env bash
# From nothing to a scored classifier on a bare Debian 12: installs what is missing, builds, draws a set of synthetic
# faces, trains a small network on it from scratch, classifies faces of people it has not seen, and scores the answers.
# Everything lands in build/ and runs/; a second run builds nothing again and trains a new run beside the old one.
set -euo pipefail
cd "$(dirname "$0")"
started=$SECONDS

scripts/setup.sh --programs

faces=runs/synthetic-faces
[ -e $faces/train/train.csv ] || build/bin/mcnn-data synth $faces --people 400 --eval-people 60 --seed 1

run=runs/quickstart
for ((n = 2; ; n++)); do [ -e $run ] || break; run=runs/quickstart-$n; done
build/bin/mcnn-train examples/synthetic.ini --set data.root=$faces/train --set run.dir=$run
build/bin/mcnn-infer --run $run --images $faces/eval/images --info $faces/eval/info.csv --output $run/output.csv \
  --gt $faces/eval/gt.csv | tee $run/score.txt

cat <<END

Done in $(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s.
  faces      $faces/train (drawn; open a few), $faces/eval: other people
  run        $run: config.ini, log.jsonl (a line per epoch), best.safetensors
  answers    $run/output.csv, scored against $faces/eval/gt.csv in $run/score.txt
  programs   build/bin/mcnn-train, mcnn-infer, mcnn-data
Next: examples/faces18-b4.ini fine-tunes EfficientNet-b4 on real photos.
GPU:  this built no plugin for it; scripts/setup.sh does, where nvcc is found.
END
