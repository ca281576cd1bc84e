#!/usr/bin/env bash
# Packs a folder for a machine with a GPU and a Python 3, and nothing else: no compiler, no Debian packages, no network.
# Usage: bench/on_gpu.sh FOLDER [BUILD]       FOLDER must not exist; BUILD (default build/) has the programs and libmcnn_cuda.so
# Copy the folder there and run FOLDER/run.sh: it writes results.jsonl and summary.md. bench/on_gpu/run.py does the work; docs/gpu.md
# explains the results.
# Exit codes: 0 packed; 1 it is too large; 2 wrong arguments or a build that is not whole; 77 this build has no CUDA plugin.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,6s/^# \?//p' "$0"; exit 2; }
source=$(cd "$(dirname "$0")/.." && pwd)
folder=$1 build=${2:-$source/build}
[ ! -e "$folder" ] || { echo "on_gpu: $folder exists already" >&2; exit 2; }
[ -e "$build/bin/libmcnn_cuda.so" ] || { echo "on_gpu: $build/bin has no libmcnn_cuda.so: there was no nvcc" >&2; exit 77; }

tried=$(MCNN_PLUGINS=$build/bin "$build/bin/bench_train" --device cuda --model b0 --res 32 --batch 2 --steps 1 2>&1 || true)
[[ $tried != *"another build"* ]] || { echo "on_gpu: $tried" >&2; exit 2; }

mkdir -p "$folder"/{bin,lib,lib/compiler}
for file in mcnn-train mcnn-infer mcnn-data mcnn-weights bench_kernels bench_train gpu_check libmcnn_cuda.so; do
  [ -e "$build/bin/$file" ] || { echo "on_gpu: $build/bin has no $file; build it first" >&2; exit 2; }
  cp "$build/bin/$file" "$folder/bin/"
done
strip "$folder"/bin/*

# Packs all libraries except the C library. The compiler's libraries go into a separate folder, used on machines with older ones: they need
# a newer C library than everything else here.
ldd "$folder"/bin/* | awk '$3 ~ /^\// {print $3}' | sort -u | while read -r library; do
  case $(basename "$library") in
    libc.so* | libm.so* | libdl.so* | libpthread.so* | librt.so*) ;;
    libstdc++.so* | libgcc_s.so* | libgomp.so*) cp -L "$library" "$folder/lib/compiler/" ;;
    *) cp -L "$library" "$folder/lib/" ;;
  esac
done

cp "$source/bench/on_gpu/run.sh" "$source/examples/synthetic.ini" "$folder/"
mkdir "$folder/measure"
cp "$source"/bench/on_gpu/*.py "$folder/measure/"
cp -r "$source/tests/golden/small" "$folder/golden"
"$build/bin/mcnn-data" synth "$folder/faces" --people 60 --eval-people 12 --seed 1 >"$folder/faces.txt"
git -C "$source" describe --always --dirty >"$folder/revision.txt" 2>/dev/null || echo unknown >"$folder/revision.txt"

most_kb=65000
size=$(du -sk "$folder" | cut -f1)
((size < most_kb)) || { echo "on_gpu: $folder has $size kB, $most_kb are the most" >&2; exit 1; }
echo "$folder: $((size / 1000)) MB, needs glibc $(objdump -T "$folder"/bin/* "$folder"/lib/*.so* 2>/dev/null |
  grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1 | cut -d_ -f2) or later; there: run.sh"
