"""The time that bench_kernels prints is that of one call, however many calls it queues before it waits.  Usage: bench_kernels_test.py PROGRAM"""
import json
import subprocess
import sys

said = subprocess.run([sys.argv[1], "--calls", "7", "--json-lines", "--benchmark_filter=pool", "--benchmark_min_time=0.001"], check=True,
                      stdout=subprocess.PIPE, text=True).stdout
rows = [json.loads(line) for line in said.splitlines()]
assert len(rows) >= 3, rows
for row in rows:
    # Google Benchmark divides by iterations and plans its time with them: each call must count as one.
    assert row["iterations"] == row["calls"] and row["calls"] % 7 == 0, row
    assert row["us"] > 0 and row["GB/s"] > 0, row

said = subprocess.run([sys.argv[1], "--model", "block", "--batch", "1", "--res", "9", "--json-lines", "--benchmark_min_time=0.001"], check=True,
                      stdout=subprocess.PIPE, text=True).stdout
names = [json.loads(line)["name"] for line in said.splitlines()]
assert [name.split("/")[0] for name in names] == ["pointwise_forward: expand", "depthwise_forward: depthwise", "pointwise_forward: project"], names
