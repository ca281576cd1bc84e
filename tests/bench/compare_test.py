"""Tests bench/compare with mcnn alone, a peer whose answers are wrong and one that fails: what is timed, what is repeated.

Usage: compare_test.py BENCH_TRAIN MCNN_WEIGHTS (unittest). Next: bench/compare/compare.py.
"""
import json
import math
import os
import stat
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "compare")
sys.path.insert(0, SOURCE)
sys.dont_write_bytecode = True
import agreement
import report

BENCH_TRAIN, MCNN_WEIGHTS = (os.path.abspath(path) for path in sys.argv[1:3])

# bench_train with answers that are 1% off.
WRONG = f"""#!{sys.executable}
import json, subprocess, sys
real = subprocess.Popen(["{BENCH_TRAIN}", *sys.argv[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
print(real.stdout.readline(), end="")
print(json.dumps({{"answers": [1.01 * a for a in json.loads(real.stdout.readline())["answers"]]}}), flush=True)
said = sys.stdin.readline()
if said:
    open(__file__ + ".timed", "w").close()
"""


class Compare(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder, self.out = folder.name, os.path.join(folder.name, "out")

    def script(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, os.stat(path).st_mode | stat.S_IXUSR)
        return path

    def compare(self, *flags, modes=("inference",)):
        done = subprocess.run([sys.executable, "-B", os.path.join(SOURCE, "compare.py"), "--bench-train", BENCH_TRAIN, "--mcnn-weights",
                               MCNN_WEIGHTS, "--out", self.out, "--peers", "mcnn", "--threads", "1", "--seconds", "0", "--steps", "2",
                               *(f for mode in modes for f in ("--case", f"{mode}:b0:32:2")), *flags], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stderr

    def lines(self):
        with open(os.path.join(self.out, "results.jsonl"), encoding="utf-8") as file:
            return file.readlines()

    def outcomes(self):
        return [(row["key"]["peer"], row["key"]["round"], row["outcome"]) for row in map(json.loads, self.lines())]

    def read(self, name):
        with open(os.path.join(self.out, name), encoding="utf-8") as file:
            return file.read()

    def test_a_wrong_answer_is_reported_and_not_timed(self):
        wrong = self.script("wrong", WRONG)
        said = self.compare("--peer", f"wrong={wrong}", "--rounds", "2", modes=("inference", "training"))
        self.assertIn("ANSWERS DIFFER", said)
        self.assertFalse(os.path.exists(wrong + ".timed"))
        self.assertEqual(sorted(self.outcomes()), sorted(2 * [("mcnn", 0, "measured"), ("mcnn", 1, "measured"), ("wrong", 0, "differs")]))
        self.assertIn("| wrong | answers differ by 1.0e-02", self.read("report.md"))
        rows = {(row["mode"], row["peer"]): row for row in json.loads(self.read("report.json"))["rows"]}
        for mode in ("inference", "training"):
            self.assertAlmostEqual(rows[mode, "wrong"]["difference"], 0.01, 4)
            self.assertEqual(rows[mode, "mcnn"]["rounds"], 2)
            self.assertGreater(rows[mode, "mcnn"]["images_per_second"], 0)
            self.assertGreater(rows[mode, "mcnn"]["peak_gb"], 0)

    def test_the_same_program_under_another_name_agrees(self):
        self.compare("--peer", f"again={BENCH_TRAIN}", "--rounds", "1", modes=("inference", "training"))
        rows = {(row["mode"], row["peer"]): row for row in json.loads(self.read("report.json"))["rows"]}
        for mode in ("inference", "training"):
            self.assertEqual(rows[mode, "again"]["difference"], 0)
            self.assertFalse(rows[mode, "again"]["reference"])
            self.assertTrue(rows[mode, "mcnn"]["reference"])

    def test_a_second_run_continues_and_repeats_nothing(self):
        self.compare("--rounds", "1")
        first = self.lines()
        self.compare("--rounds", "2")
        both = self.lines()
        self.assertEqual(both[:1], first)
        self.assertEqual(self.outcomes(), [("mcnn", 0, "measured"), ("mcnn", 1, "measured")])
        self.compare("--rounds", "2")
        self.assertEqual(self.lines(), both)

    def test_an_incomplete_line_is_measured_again(self):
        self.compare("--rounds", "2")
        first, second = self.lines()
        with open(os.path.join(self.out, "results.jsonl"), "w", encoding="utf-8") as file:
            file.write(first + second[:40])
        self.compare("--rounds", "2")
        self.assertEqual(self.lines()[0], first)
        self.assertEqual(self.outcomes(), [("mcnn", 0, "measured"), ("mcnn", 1, "measured")])

    def test_a_failure_is_stored_with_its_last_line_until_it_is_retried(self):
        broken = self.script("broken", "#!/bin/sh\necho first line\necho out of luck >&2\nexit 3\n")
        self.compare("--peer", f"broken={broken}", "--rounds", "2")
        self.assertEqual(self.outcomes(), [("mcnn", 0, "measured"), ("broken", 0, "failed"), ("mcnn", 1, "measured")])
        self.assertIn("| broken | failed: out of luck |", self.read("report.md"))
        self.script("broken", f'#!/bin/sh\nexec {BENCH_TRAIN} "$@"\n')
        self.compare("--peer", f"broken={broken}", "--rounds", "2", "--retry")
        self.assertEqual({outcome for _, _, outcome in self.outcomes()}, {"measured"})

    def test_a_peer_that_hangs_or_is_killed_has_failed(self):
        hangs, killed = self.script("hangs", "#!/bin/sh\nsleep 100\n"), self.script("killed", "#!/bin/sh\nkill -9 $$\n")
        self.compare("--peer", f"hangs={hangs}", "--peer", f"killed={killed}", "--rounds", "1", "--limit", "20")
        text = self.read("report.md")
        self.assertIn("| hangs | failed: ran past 20 s", text)
        self.assertIn("| killed | failed: ended by signal 9 (SIGKILL)", text)

    def test_time_that_is_over_is_no_failure(self):
        self.compare("--rounds", "1")
        said = self.compare("--rounds", "2", "--minutes", "0")
        self.assertIn("minutes are over", said)
        self.assertEqual(self.outcomes(), [("mcnn", 0, "measured")])
        self.assertIn("INCOMPLETE", self.read("report.md"))

    def test_other_weights_or_another_program_are_other_measurements(self):
        self.compare("--rounds", "1")
        os.remove(os.path.join(self.out, "inputs", "b0.safetensors"))
        self.compare("--rounds", "1")  # the same weights are made again
        self.assertEqual(len(self.lines()), 1)
        self.compare("--rounds", "1", "--steps", "3")
        self.assertEqual(len(self.lines()), 2)
        self.assertIn("1 records of other versions", self.read("report.md"))


class Rules(unittest.TestCase):
    def test_answers_that_cannot_be_compared_differ(self):
        for answers, reference in (([], []), ([1.0], [1.0, 2.0]), ([math.nan], [1.0]), ([math.inf], [math.inf]), ([0.0], [0.0])):
            for mode in ("inference", "training"):
                self.assertEqual(agreement.difference(answers, reference, mode), math.inf)

    def test_only_the_first_losses_are_compared(self):
        self.assertEqual(agreement.difference([1, 2, 3, 9], [1, 2, 3, 4], "training"), 0)
        self.assertAlmostEqual(agreement.difference([1, 2, 3.3], [1, 2, 3], "training"), 0.1)

    def test_percentiles_are_nearest_ranks(self):
        self.assertEqual(report.percentile(range(1, 101), 99), 99)
        self.assertEqual(report.percentile(range(1, 101), 50), 50)
        self.assertEqual(report.percentile([3, 1, 2], 50), 2)
        self.assertEqual(report.percentile([3, 1, 2], 99), 3)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
