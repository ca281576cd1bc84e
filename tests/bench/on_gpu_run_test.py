"""Tests bench/on_gpu with steps that fail, hang, print too much or are killed, with a simulated clock.

Usage: on_gpu_run_test.py (unittest). Nothing here needs a GPU or a build. Next: bench/on_gpu/run.py.
"""
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
import unittest

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "bench", "on_gpu")
sys.path.insert(0, SOURCE)
sys.dont_write_bytecode = True
import process
import record
import run
import steps as plan
import summary


def rows_in(folder):
    with open(os.path.join(folder, "results.jsonl"), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Runs(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.clock = Clock()

    def context(self, runner):
        recorder = record.Record(self.folder)
        return run.Context(recorder, "cuda", None, "/nowhere", self.folder, True, self.clock, runner)

    def taking(self, seconds, exit_status=0, lines=()):
        """A runner whose commands take the given seconds on the simulated clock, but at most their limit."""
        def runner(command, limit, on_line, environment):
            for line in lines:
                on_line(line)
            self.clock.now += min(seconds, limit)
            return process.Outcome(-15 if seconds > limit else exit_status, min(seconds, limit), seconds > limit, list(lines))
        return runner

    def go(self, steps, runner, budget=540):
        return run.run_steps(steps, self.context(runner), budget, "a test")

    def ends(self):
        return {row["step"]: row["status"] for row in rows_in(self.folder) if row["kind"] == "step end"}

    def test_the_real_steps_fit_their_budget(self):
        steps = plan.steps(None)
        self.assertLessEqual(sum(step.estimate for step in steps), 540)
        for step in steps:
            self.assertLessEqual(step.least, step.estimate)
            self.assertLess(step.estimate, step.limit)
        self.assertEqual(len({step.name for step in steps}), len(steps))

    def test_every_budget_is_kept_whatever_commands_take(self):
        for budget in (0, 3, 10, 60, 120, 300, 540):
            for seconds in (0.1, 5, 10000):
                start = self.clock()
                self.go(plan.steps(None), self.taking(seconds), budget)
                self.assertLessEqual(self.clock() - start, budget, f"{budget} s, commands of {seconds} s")

    def test_a_step_with_too_little_time_is_skipped_and_said_to_be(self):
        self.go(plan.steps(None), self.taking(10000), 60)
        self.assertEqual(self.ends()["facts"], "out of time")
        self.assertEqual(self.ends()["drawn_faces"], "skipped")
        self.assertEqual(len(self.ends()), len(plan.steps(None)))

    def test_each_real_step_may_fail_and_the_rest_go_on(self):
        for exit_status in (1, 127, -11):
            self.assertFalse(self.go(plan.steps(None), self.taking(0.01, exit_status, ["no such thing"])))
            ends = self.ends()
            absent = {name for name, status in ends.items() if status == "absent"}
            self.assertLessEqual(absent, {"memcheck", "racecheck", "counters"})  # where this machine has no compute-sanitizer, no ncu
            # gpu_check that dies by a signal is restarted after the case in which it died, until its step's time is over.
            allowed = {"failed", "out of time"} if exit_status < 0 else {"failed"}
            self.assertLessEqual({status for name, status in ends.items() if name not in absent}, allowed, exit_status)
            self.assertEqual(len(ends), len(plan.steps(None)))

    def test_a_step_that_throws_is_noted(self):
        def throws(context):
            raise KeyError("a mistake")
        steps = [plan.Step("bad", 1, 0, 9, throws, ""), plan.Step("good", 1, 0, 9, lambda c: c.run(["x"]), "")]
        self.assertFalse(self.go(steps, self.taking(0.1)))
        self.assertEqual(self.ends(), {"bad": "failed", "good": "ok"})

    def test_only_whole_json_objects_become_results(self):
        lines = ['{"kind":"case","ok":true,"index":0}', "{", '{"loss": NaN}', "[1]", "text", '{"a":1} trailing', "{" * 5000]
        self.go([plan.Step("odd", 1, 0, 9, lambda c: c.run(["x"]), "")], self.taking(0.1, 0, lines))
        self.assertEqual([row["kind"] for row in rows_in(self.folder)], ["case", "step end"])

    def test_behind_a_fatal_case_a_new_process_takes_the_next(self):
        starts = []

        def runner(command, limit, on_line, environment):
            first = int(command[command.index("--from") + 1])
            starts.append(first)
            for index in range(first, 6):
                on_line(json.dumps({"kind": "case", "index": index, "ok": index not in (2, 4)}))
                if index == 2:
                    return process.Outcome(3, 0.1, False, [])  # sticky
                if index == 3:
                    return process.Outcome(-11, 0.1, False, [])  # the process died in case 4
            return process.Outcome(0, 0.1, False, [])
        self.go([plan.Step("cases", 1, 0, 9, plan.cases("f32", "own"), "")], runner)
        self.assertEqual(starts, [0, 3, 5])
        self.assertEqual(self.ends()["cases"], "failed")

    def test_files_stay_small_and_few(self):
        row = json.dumps({"kind": "case", "ok": True, "text": "x" * 60000})
        self.go([plan.Step("flood", 1, 0, 9, lambda c: [c.run(["x"]) for _ in range(3)], "")], self.taking(0.1, 0, [row] * 100))
        names = os.listdir(self.folder)
        self.assertLessEqual(len(names), 8)
        for name in names:
            self.assertLess(os.path.getsize(os.path.join(self.folder, name)), 16 << 20, name)
        self.assertEqual(self.ends()["flood"], "ok")

    def test_a_second_call_adds_to_the_first(self):
        self.go([plan.Step("first", 1, 0, 9, lambda c: c.run(["x"]), "")], self.taking(0.1))
        self.go([plan.Step("second", 1, 0, 9, lambda c: c.run(["x"]), "")], self.taking(0.1))
        self.assertEqual(list(self.ends()), ["first", "second"])
        with open(os.path.join(self.folder, "summary.md"), encoding="utf-8") as file:
            self.assertIn("| first | ok |", file.read())

    def test_steps_are_chosen_by_name(self):
        steps = plan.steps(None)
        self.assertEqual([s.name for s in run.chosen(steps, ["golden", "facts"], None)], ["facts", "golden"])
        self.assertEqual(run.chosen(steps, [], "kernels")[0].name, "kernels")
        with self.assertRaises(SystemExit):
            run.chosen(steps, ["gold"], None)

    def test_ncu_csv_becomes_a_row_a_kernel(self):
        head = ",".join(f'"{name}"' for name in ("ID", "Kernel Name", *plan.NCU_METRICS))
        lines = ["==PROF== Connected", head, '"","","ns","byte","byte","%","%"', '"0","a<float>(int)","1,000","10","20","50","10"',
                 '"1","a<float>(int)","3,000","10","20","90","10"', '"2","b(int)","500","1","1","5","5"', "bench_train: text"]
        a, b = plan.kernel_rows(lines)
        self.assertEqual((a["kernel"], a["launches"], a["ns"], a["bytes"], a["dram_percent"]), ("a<float>", 2, 4000, 60, 80))
        self.assertEqual(b["launches"], 1)
        self.assertEqual(plan.kernel_rows(["==ERROR== ERR_NVGPUCTRPERM"]), [])

    def test_names_of_kernels_keep_their_template_arguments(self):
        for signature, name in (
                ("void mcnn::cuda::(anonymous namespace)::rows<(int)3, (bool)1, __half>(mcnn::cuda::Args<float>, int)", "rows<3, 1, __half>"),
                ("void mcnn::cuda::product<mcnn::cuda::Tile<(int)128, (int)64>>(const float *)", "product<Tile<128, 64>>"),
                ("plain(int)", "plain")):
            self.assertEqual(plan.kernel_name(signature), name)

    def test_a_profile_is_summed_by_operation_and_kernel(self):
        row = {"step": "profile", "kind": "profile", "mode": "training", "precision": "bf16", "batch": 2, "products": "own"}
        rows = [{"step": "facts", "kind": "ceiling", "what": "copy", "gb_per_second": 10.0},
                {**row, "operation": "pool_forward", "layer": "a", "kernel": "pool_rows", "launches": 1.0, "ns": 3000.0, "bytes": 12000.0},
                {**row, "operation": "pool_forward", "layer": "b", "kernel": "pool_rows", "launches": 1.0, "ns": 3000.0, "bytes": 12000.0},
                {**row, "operation": "adamw", "layer": "", "kernel": "adamw_chunk", "launches": 1.0, "ns": 2000.0, "bytes": 0.0}]
        text = summary.summary(rows, "t")
        self.assertIn("training, bf16, 2, own", text)
        self.assertIn("| pool_forward | 2 | 6.0 | 75.0 | 4 | 40 |", text)
        self.assertIn("| pool_rows | 2 | 6.0 | 75.0 | 4 | 40 |", text)
        self.assertIn("| adamw_chunk | 1 | 2.0 | 25.0 | - | - |", text)

    def test_a_summary_of_odd_rows_is_still_written(self):
        text = summary.summary([{"step": "a"}, {"step": "a", "kind": "case", "ok": False, "name": "x|y\nz"},
                                {"step": "b", "images_per_second": "fast"}, {"step": "b", "kind": "kernel", "us": 1}], "t")
        self.assertIn("x\\|y z", text)


class Processes(unittest.TestCase):
    def script(self, text):
        return [sys.executable, "-c", textwrap.dedent(text)]

    def test_a_command_that_ignores_its_end_is_killed_with_its_children(self):
        seen = []
        outcome = process.run(self.script("""
            import os, signal, subprocess, sys, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = subprocess.Popen([sys.executable, '-c', 'import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)'])
            print(child.pid, flush=True)
            time.sleep(60)"""), 5.0, seen.append)  # a busy machine takes a while to start it
        self.assertTrue(outcome.timed_out)
        self.assertEqual(outcome.exit, -signal.SIGKILL)
        def is_gone():  # or a zombie that nobody waits for
            try:
                with open(f"/proc/{seen[0]}/stat", encoding="utf-8") as file:
                    return file.read().split()[2] == "Z"
            except OSError:
                return True
        for _ in range(200):
            if is_gone():
                break
            time.sleep(0.05)
        self.assertTrue(is_gone())

    def test_what_keeps_the_pipe_open_is_not_waited_for(self):
        start = time.monotonic()
        outcome = process.run(["sh", "-c", "sleep 50 & echo done"], 40)
        self.assertEqual((outcome.exit, outcome.tail), (0, ["done"]))
        self.assertLess(time.monotonic() - start, 20)  # not 40: the sleeper held the pipe

    def test_a_closed_output_does_not_end_the_limit(self):
        outcome = process.run(self.script("import os, time; os.close(1); os.close(2); time.sleep(60)"), 0.5)
        self.assertTrue(outcome.timed_out)

    def test_floods_and_long_lines_are_cut(self):
        seen = []
        outcome = process.run(["sh", "-c", "head -c 300000 /dev/zero | tr '\\0' x; echo; echo end; yes | head -c 20000000"], 30, seen.append)
        self.assertEqual(outcome.exit, 0)
        self.assertEqual(len(seen[0]), process.LONGEST_LINE)
        self.assertEqual(seen[1], "end")
        self.assertLessEqual(len(outcome.tail), 40)

    def test_a_command_that_is_not_there(self):
        self.assertEqual(process.run(["/no/such/program"], 1).exit, 127)


class Kills(unittest.TestCase):
    PROGRAM = """
        import sys
        sys.path.insert(0, sys.argv[1])
        import record, run, steps as plan
        line = 'import json,time\\nfor i in range(100000): print(json.dumps(dict(kind="case", ok=True, index=i, t="x" * 300)), flush=True)'
        def flood(context): context.run([sys.executable, "-c", line])
        context = run.Context(record.Record(sys.argv[2]), "cuda", None, "", sys.argv[2], False)
        run.run_steps([plan.Step(f"s{i}", 1, 0, 0.3, flood, "") for i in range(50)], context, 30, "killed")
    """

    def test_each_line_is_whole_whenever_it_is_killed(self):
        chance = random.Random(1)
        with_rows = 0
        for _ in range(12):
            folder = tempfile.mkdtemp()
            child = subprocess.Popen([sys.executable, "-c", textwrap.dedent(self.PROGRAM), SOURCE, folder], stdout=subprocess.DEVNULL)
            for _ in range(600):  # until it has begun, on however busy a machine
                if os.path.exists(os.path.join(folder, "results.jsonl")):
                    break
                time.sleep(0.05)
            time.sleep(chance.uniform(0, 1.2))
            child.kill()
            child.wait()
            if not os.path.exists(os.path.join(folder, "results.jsonl")):
                continue
            with_rows += bool(rows_in(folder))  # raises where a line is torn
            if os.path.exists(os.path.join(folder, "summary.md")):
                with open(os.path.join(folder, "summary.md"), encoding="utf-8") as file:
                    self.assertTrue(file.read().startswith("# killed"))
        self.assertGreater(with_rows, 6)


if __name__ == "__main__":
    unittest.main(verbosity=2)
