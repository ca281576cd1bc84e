#!/bin/sh
# Tests and measures mcnn on this machine's GPU within a number of seconds. Usage: ./run.sh [OPTIONS]; ./run.sh --help lists them.
# Runs measure/run.py with any Python 3 (PYTHON names another); PyTorch's figures need torch and timm in that Python.
here=$(cd "$(dirname "$0")" && pwd) || exit 1
command -v "${PYTHON:-python3}" >/dev/null 2>&1 || { echo "run.sh: there is no ${PYTHON:-python3}; PYTHON=... names another" >&2; exit 2; }
exec "${PYTHON:-python3}" -B "$here/measure/run.py" "$@"
