#!/usr/bin/env bash
# Tests the installed library: installs into a temporary prefix, builds the example by find_package and by pkg-config, and compares its
# answers with mcnn-infer's; then uses the library from Python. Only the API's symbols may be exported.
#   installed.sh BUILD_FOLDER SOURCE_FOLDER C_COMPILER PYTHON
set -euo pipefail
build=$1 source=$2 cc=$3 python=$4
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
prefix=$place/prefix
cd "$place"

cmake --install "$build" --prefix "$prefix" >install.log
pkgconfig=$(dirname "$(find "$prefix" -name mcnn.pc)")
library=$(find "$prefix" -name libmcnn.so)
for program in mcnn-train mcnn-infer mcnn-data; do [ -x "$prefix/bin/$program" ]; done

unexpected=$(nm -D --defined-only "$library" | awk '$3 !~ /^mcnn_/')
[ -z "$unexpected" ] || { echo "libmcnn.so shows more than its API:"$'\n'"$unexpected"; exit 1; }
missing=$(comm -13 <(nm -D --defined-only "$library" | awk '{print $3}' | sort) \
  <(grep -oE '^MCNN_API .* \*?(mcnn_[a-z_]+)\(' "$prefix/include/mcnn.h" | grep -oE 'mcnn_[a-z_]+\(' | tr -d '(' | sort))
[ -z "$missing" ] || { echo "mcnn.h declares what libmcnn.so lacks: $missing"; exit 1; }

# Drawn faces, and a tiny network that has seen them once.
"$prefix/bin/mcnn-data" synth faces --people 4 --seed 3 >/dev/null
cat >config.ini <<'INI'
[run]
dir = run
threads = 1
[model]
name = b0
width = 0.25
depth = 0.5
[data]
layout = competition
root = faces
holdout = 0
resize = 72
crop = 64
[train]
epochs = 1
batch = 4
INI
root=$(dirname "$(find faces -name train.csv)")
"$prefix/bin/mcnn-train" config.ini --set data.root="$root" >train.log 2>&1 || { cat train.log; exit 1; }
mapfile -t photos < <(find "$root/images" -type f | sort | head -n 5)
"$prefix/bin/mcnn-infer" --run run "${photos[@]}" >expected.txt 2>infer.log || { cat infer.log; exit 1; }
[ "$(wc -l <expected.txt)" = 5 ]

export PKG_CONFIG_PATH=$pkgconfig
# shellcheck disable=SC2046
"$cc" -std=c99 -pedantic -Wall -Wextra -Werror "$source/examples/c/classify.c" $(pkg-config --cflags --libs mcnn) -o by_pkg_config
cmake -G Ninja -S "$source/examples/c" -B by_cmake -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$cc" >cmake.log || { cat cmake.log; exit 1; }
cmake --build by_cmake >>cmake.log || { cat cmake.log; exit 1; }

export LD_LIBRARY_PATH=$(dirname "$library")
./by_pkg_config run "${photos[@]}" | diff expected.txt -
env -u LD_LIBRARY_PATH by_cmake/classify run/best.safetensors "${photos[@]}" | diff expected.txt -
if ./by_pkg_config run "$place/absent.jpg" >/dev/null 2>complaint.txt; then
  echo "classify accepts a photo that is not there"
  exit 1
fi
grep -q "absent.jpg" complaint.txt

"$python" "$source/tests/capi/ctypes_test.py" "$library" run "${photos[0]}"
