#!/usr/bin/env bash
# Packs a folder for a machine with a GPU and nothing else: no compiler, no Debian packages, no network.
# Usage: bench/on_gpu.sh FOLDER [BUILD]       FOLDER must not exist; BUILD (default build/) has the programs and libmcnn_cuda.so
# Copy the folder there and run FOLDER/run.sh: it writes results.json and summary.md. What run.sh does is in bench/on_gpu_run.sh.
# Exit codes: 0 packed; 1 it is too large; 2 wrong arguments or a build that is not whole; 77 this build has no CUDA plugin.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,5s/^# \?//p' "$0"; exit 2; }
source=$(cd "$(dirname "$0")/.." && pwd)
folder=$1 build=${2:-$source/build}
[ ! -e "$folder" ] || { echo "on_gpu: $folder exists already" >&2; exit 2; }
[ -e "$build/bin/libmcnn_cuda.so" ] || { echo "on_gpu: $build/bin has no libmcnn_cuda.so: there was no nvcc" >&2; exit 77; }

tried=$(MCNN_PLUGINS=$build/bin "$build/bin/bench_train" --device cuda --model b0 --res 32 --batch 2 --steps 1 2>&1 || true)
[[ $tried != *"another build"* ]] || { echo "on_gpu: $tried" >&2; exit 2; }

mkdir -p "$folder"/{bin,lib,lib/compiler}
for file in mcnn-train mcnn-infer mcnn-data mcnn-weights bench_kernels bench_train test_kernels libmcnn_cuda.so; do
  [ -e "$build/bin/$file" ] || { echo "on_gpu: $build/bin has no $file; build it first" >&2; exit 2; }
  cp "$build/bin/$file" "$folder/bin/"
done
strip "$folder"/bin/*

# Every library that is not the C library's. The compiler's own are in a folder apart, for machines whose are older: they need a
# newer C library than anything else here does.
ldd "$folder"/bin/* | awk '$3 ~ /^\// {print $3}' | sort -u | while read -r library; do
  case $(basename "$library") in
    libc.so* | libm.so* | libdl.so* | libpthread.so* | librt.so*) ;;
    libstdc++.so* | libgcc_s.so* | libgomp.so*) cp -L "$library" "$folder/lib/compiler/" ;;
    *) cp -L "$library" "$folder/lib/" ;;
  esac
done

cp "$source/bench/on_gpu_run.sh" "$folder/run.sh"
cp "$source/bench/peers/train_pytorch.py" "$source/examples/synthetic.ini" "$folder/"
"$build/bin/mcnn-data" synth "$folder/faces" --people 60 --eval-people 12 --seed 1 >"$folder/faces.txt"
git -C "$source" describe --always --dirty >"$folder/revision.txt" 2>/dev/null || echo unknown >"$folder/revision.txt"

# Public weights, the smallest there are, as far as the folder stays small enough to copy anywhere.
most_kb=60000
weights=${MCNN_WEIGHTS:-$source/../shared/weights}
smallest=$(find "$weights" -name 'efficientnet-*.pth' -printf '%s %p\n' 2>/dev/null | sort -n | head -1 | cut -d' ' -f2- || true)
if [ -n "$smallest" ] && (($(du -sk "$folder" | cut -f1) + $(du -Lk "$smallest" | cut -f1) < most_kb)); then
  cp -L "$smallest" "$folder/"
fi
size=$(du -sk "$folder" | cut -f1)
((size < most_kb)) || { echo "on_gpu: $folder has $size kB, $most_kb are the most" >&2; exit 1; }
echo "$folder: $((size / 1000)) MB, needs glibc $(objdump -T "$folder"/bin/* "$folder"/lib/*.so* 2>/dev/null |
  grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1 | cut -d_ -f2) or later; there: run.sh"
