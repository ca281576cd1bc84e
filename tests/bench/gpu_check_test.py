"""gpu_check on the emulator and the CPU: agreeing and disagreeing cases, and its exit codes.  Usage: gpu_check_test.py PROGRAM"""
import json
import subprocess
import sys


def check(*arguments, **more):
    done = subprocess.run([sys.argv[1], *arguments], stdout=subprocess.PIPE, text=True, **more)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


status, rows = check("cases", "--device", "sim", "--storage", "bf16", "--filter", "^(pool|residual|fill)", "--first-of-each")
cases = [row for row in rows if row["kind"] == "case"]
assert status == 0 and len(cases) == 3 and all(row["ok"] and row["error"] is None for row in cases), rows

# A tolerance that bf16 cannot meet: each case fails separately, with its errors.
status, rows = check("cases", "--device", "sim", "--storage", "bf16", "--filter", "^residual_forward", "--tolerance", "1e-9")
wrong = [row for row in rows if row["kind"] == "case" and not row["ok"]]
assert status == 1 and len(wrong) >= 3 and all(row["error"] for row in wrong), rows

status, later = check("cases", "--device", "cpu", "--filter", "^residual", "--from", str(wrong[1]["index"]))
assert status == 0 and later[1]["index"] == wrong[1]["index"], later

for steps, flags in ((2, []), (1, ["--unrecorded"])):  # the second step is the recorded one
    status, rows = check("steps", "--device", "sim", "--model", "b0", "--res", "64", "--batch", "2", "--steps", str(steps), *flags)
    assert status == 0 and [row["step"] for row in rows if row["kind"] == "step"] == list(range(steps)), rows
status, rows = check("steps", "--device", "sim", "--storage", "bf16", "--model", "b0", "--res", "64", "--batch", "2", "--steps", "1",
                     "--tolerance", "1e-9")
assert status == 1 and rows[-1]["ok"] is False, rows

assert check("cases", "--device", "cpu", "--filter", "(", stderr=subprocess.DEVNULL)[0] == 2
status, rows = check("cases", "--device", "cpu", "--storage", "f16")
assert status == 77 and rows[-1]["kind"] == "no device" and "f16" in rows[-1]["error"], rows
