#!/usr/bin/env bash
# Tests and measures mcnn on this machine's GPU. Usage: ./run.sh [--rehearse DEVICE]
# Writes into results/ (which must not exist): results.json, summary.md, and what each step printed.
#   1  every case of every kernel against double precision, in fp32, bf16 and fp16
#   2  compute-sanitizer over those kernels and over a recorded training step, where it is installed
#   3  each kernel's time at B4's shapes
#   4  images/s of B4 in training and inference; 5  PyTorch's beside it, where python3 (or $PYTHON) has torch, timm and the GPU
#   6  a small network trained on drawn faces, and one from public weights if they came along
# --rehearse takes small sizes on another device (cpu): the way through this script, not a measurement.
# Exit codes: 0 everything went well; 1 something did not, and summary.md says what; 2 wrong arguments; 77 there is no GPU.
set -uo pipefail
cd "$(dirname "$0")" || exit 1
device=cuda model=b4 resolution=224 batches="32 128" steps=30 storages="f32 bf16" precisions="f32 tf32 bf16" epochs=6 crop=96
case ${1:-} in
  "") ;;
  --rehearse) device=${2:?a device} model=b0 resolution=32 batches=2 steps=2 storages=f32 precisions=f32 epochs=1 crop=16 ;;
  *) sed -n '2,10s/^# \?//p' "$0"; exit 2 ;;
esac

export LD_LIBRARY_PATH="$PWD/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" MCNN_PLUGINS="$PWD/bin"
bin/mcnn-data --help >/dev/null 2>&1 || export LD_LIBRARY_PATH="$PWD/lib/compiler:$LD_LIBRARY_PATH"
if ! started=$(bin/bench_train --device "$device" --model b0 --res 32 --batch 2 --steps 1 --json 2>&1); then
  echo "run.sh: nothing was run: ${started#bench_train: }" | head -1
  [[ $started =~ "no NVIDIA"|"the NVIDIA driver is for"|"this build has kernels for" ]] && exit 77
  exit 1
fi
[ ! -e results ] || { echo "run.sh: results/ exists already; move it away" >&2; exit 2; }
mkdir results
: >results/failures
: >results/throughput.jsonl
: >results/sanitizer.jsonl

# step NAME SECONDS COMMAND...: its output goes to results/NAME.txt; a failure is noted and the rest goes on.
step() {
  local name=$1 limit=$2
  shift 2
  echo "$name ..."
  timeout "$limit" "$@" >"results/$name.txt" 2>&1 && return 0
  echo "$name (exit $?): $(tail -1 "results/$name.txt")" | tee -a results/failures
  return 1
}
text() { printf '"%s"' "$(sed 's/\\/\\\\/g; s/"/\\"/g' | paste -sd' ' | tr '\t' ' ')"; }
value() { sed -n "s/.*\"$1\": *\(\"\([^\"]*\)\"\|\([^,}]*\)\).*/\2\3/p"; }
list() { printf '['; paste -sd, "$1" | tr -d '\n'; printf ']'; }

# Sets `arithmetic`: the flags of bench_kernels and bench_train for a precision by PyTorch's name.
arithmetic_of() {
  arithmetic=(--storage "$1")
  [ "$1" = tf32 ] && arithmetic=(--storage f32 --allow-tf32)
}

gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap,clocks.max.sm,clocks.max.mem,power.limit --format=csv,noheader 2>/dev/null | head -1)
cpu=$(lscpu 2>/dev/null | sed -n 's/^Model name: *//p' | head -1)
backend=$(value device <<<"$started")

tests=skipped
if [ "$device" = cuda ]; then
  step tests 3600 bin/test_kernels --gtest_filter='*Gpu*' && tests=passed || tests=failed
  # Without a GPU in sight the cases skip themselves: that is no pass.
  grep -q SKIPPED results/tests.txt && tests=skipped && echo "tests: skipped" >>results/failures
fi

sanitizer=$(PATH=$PATH:/usr/local/cuda/bin command -v compute-sanitizer)
if [ "$device" = cuda ] && [ -n "$sanitizer" ]; then
  once=(--calls 1 --benchmark_min_time=0.0001 --benchmark_filter='^(dense|depthwise|pointwise|pool|residual|cross|adamw|gradient|normalize)')
  for storage in $storages; do
    for tool in memcheck racecheck synccheck; do
      step "sanitizer_${tool}_$storage" 1800 "$sanitizer" --tool $tool --error-exitcode 9 bin/bench_kernels --device cuda --storage "$storage" "${once[@]}"
      echo "{\"tool\":\"$tool\",\"storage\":\"$storage\",\"exit\":$?}" >>results/sanitizer.jsonl
    done
  done
  for tool in memcheck initcheck; do
    step "sanitizer_${tool}_step" 1800 "$sanitizer" --tool $tool --error-exitcode 9 bin/bench_train --device cuda --model b0 --res 64 --batch 4 --steps 2
    echo "{\"tool\":\"$tool\",\"what\":\"recorded step\",\"exit\":$?}" >>results/sanitizer.jsonl
  done
fi

kernels=
for precision in $precisions; do
  arithmetic_of "$precision"
  filter=$([ "$device" = cuda ] && echo . || echo residual)
  step "kernels_$precision" 1800 bin/bench_kernels --device "$device" "${arithmetic[@]}" --model $model --res $resolution \
    --batch "${batches%% *}" --benchmark_filter="$filter" --benchmark_out="results/kernels_$precision.json" --benchmark_out_format=json
  [ -s "results/kernels_$precision.json" ] && kernels+="${kernels:+,}\"$precision\":$(cat "results/kernels_$precision.json")"
done

measure() {  # NAME COMMAND...
  step "$1" 1200 "${@:2}" && grep '^{' "results/$1.txt" | tail -1 >>results/throughput.jsonl
}
python=${PYTHON:-python3}
peer=$("$python" -c 'import timm, torch; print(torch.__version__ if torch.cuda.is_available() else "")' 2>/dev/null)
[ "$device" = cuda ] || peer=
for mode in training inference; do
  flags=(--json) sizes=$batches
  [ $mode = training ] || flags+=(--inference) sizes="1 $batches"
  for batch in $sizes; do
    for precision in $precisions; do
      arithmetic_of "$precision"
      measure "${mode}_${precision}_$batch" bin/bench_train --device "$device" --model $model --res $resolution --batch "$batch" --steps $steps \
        "${arithmetic[@]}" "${flags[@]}"
      [ -z "$peer" ] || measure "pytorch_${mode}_${precision}_$batch" "$python" train_pytorch.py "$batch" $resolution $steps "$(nproc)" cuda $precision $mode
    done
  done
done

: >results/learning.jsonl
learn() {  # NAME SETTINGS...
  step "$1" 1800 bin/mcnn-train synthetic.ini --set run.device="$device" --set run.dir="results/$1_run" --set data.root=faces/train \
    --set train.epochs=$epochs --set data.crop=$crop "${@:2}" || return
  step "$1_infer" 600 bin/mcnn-infer --run "results/$1_run" --device "$device" --images faces/eval/images --info faces/eval/info.csv \
    --output "results/$1_answers.csv" --gt faces/eval/gt.csv
  echo "{\"name\":\"$1\",\"epochs\":$(list "results/$1_run/log.jsonl"),\"eval\":$(tail -1 "results/$1_infer.txt" | text)}" >>results/learning.jsonl
  rm -f "results/$1_run/last.safetensors" "results/$1_run/best.safetensors"
}
learn drawn_faces
for weights in efficientnet-*.pth; do
  [ -e "$weights" ] && learn public_weights --set weights.init="$weights" --set model.name="$(sed 's/efficientnet-\([a-z0-9]*\)-.*/\1/' <<<"$weights")" \
    --set model.width=0
done

{
  printf '{"revision":%s,"device":%s,"rehearsal":%s,\n' "$(text <revision.txt)" "$(text <<<"$backend")" "$([ "$device" = cuda ] && echo false || echo true)"
  printf '"facts":{"gpu":%s,"cpu":%s,"kernel":%s,"pytorch":%s},\n' "$(text <<<"$gpu")" "$(text <<<"$cpu")" "$(uname -r | text)" "$(text <<<"$peer")"
  printf '"tests":"%s","sanitizer":%s,\n"throughput":%s,\n"learning":%s,\n' $tests "$(list results/sanitizer.jsonl)" "$(list results/throughput.jsonl)" "$(list results/learning.jsonl)"
  printf '"failures":%s,\n"kernels":{%s}}\n' "$(text <results/failures)" "$kernels"
} >results/results.json

{
  echo "# mcnn $(cat revision.txt) on $backend"
  [ "$device" = cuda ] || echo "A rehearsal on $device: sizes and figures mean nothing."
  printf '\n- GPU: %s\n- CPU: %s\n- cases on the GPU: %s\n- compute-sanitizer: %s\n- PyTorch: %s\n' "${gpu:-nvidia-smi says nothing}" "$cpu" $tests \
    "$([ -s results/sanitizer.jsonl ] && echo "$(grep -c '"exit":0' results/sanitizer.jsonl) of $(wc -l <results/sanitizer.jsonl) runs clean" || echo "not run")" "${peer:-not here}"
  printf '\n| engine | mode | batch | precision | images/s | GB |\n|---|---|---|---|---|---|\n'
  while read -r row; do
    field() { value "$1" <<<"$row"; }
    printf '| %s | %s | %s | %s | %.1f | %.2f |\n' "$(field engine)" "$(field mode)" "$(field batch)" "$(field storage)" "$(field images_per_second)" "$(field arena_gb)"
  done <results/throughput.jsonl
  for precision in $precisions; do
    printf '\nSlowest kernels, %s:\n\n```\n' "$precision"
    awk -F'"' '/"name":/ {name = $4} /"real_time":/ {gsub(/[^0-9.e+]/, "", $3); printf "%12.1f us  %s\n", $3, name}' "results/kernels_$precision.json" | sort -rn | head -20
    echo '```'
  done
  printf '\nFailures: %s\n' "$([ -s results/failures ] && cat results/failures || echo none)"
} >results/summary.md
cat results/summary.md
[ ! -s results/failures ]
