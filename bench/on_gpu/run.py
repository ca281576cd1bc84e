"""Tests and measures mcnn on this machine's GPU within a number of seconds.

Each result is written to results.jsonl at once; summary.md is rewritten after each step; log.txt has the last output of each step.
A step that fails, hangs or lacks something is noted, and the next one runs. Next: steps.py has the steps, process.py the time limits.
Exit codes: 0 every step succeeded; 1 one did not, and summary.md says which; 2 wrong arguments; 77 there is no usable GPU.
"""
import argparse
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import process
import record
import steps as plan
import summary

CLOSING = 5.0  # seconds reserved for ending a command and writing the summary


class OutOfTime(Exception):
    pass


class Stopped(Exception):
    pass


class Context:
    """Runs the commands of one step, which share the step's time limit."""

    def __init__(self, recorder, device, rehearsal, root, scratch, torch, clock=time.monotonic, runner=process.run):
        self.recorder, self.device, self.rehearsal, self.root, self.scratch = recorder, device, rehearsal, root, scratch
        self.torch, self.clock, self.runner = torch, clock, runner
        self.python = sys.executable
        self.sizes = plan.SMALL if rehearsal else plan.FULL
        self.precisions = ("f32",) if rehearsal else ("bf16", "f32", "tf32")
        self.step, self.end, self.failures = "", 0.0, []

    def bin(self, name):
        return os.path.join(self.root, "bin", name)

    def file(self, name):
        return os.path.join(self.root, name)

    def add(self, row):
        self.recorder.add(self.step, row)

    def note(self, text):
        self.add({"kind": "note", "text": text})

    def run(self, command, text=None, extra=None, environment=None, on_line=None):
        """Runs a command. Each JSON object that it prints is a result, to which `extra` is added. With `text`, its last lines are a result too.
        Returns its exit status."""
        left = self.end - self.clock()
        if left <= 0:
            raise OutOfTime()

        def take(line):
            if on_line:
                on_line(line)
            row = record.parse(line)
            if row is not None:
                self.add({**row, **(extra or {})})

        name = os.path.basename(command[0])
        outcome = self.runner(command, left, take, environment)
        self.recorder.log(f"== {self.step}: {' '.join(command)}\n-- exit {outcome.exit}, {outcome.seconds:.1f} s\n"
                          + "".join(line + "\n" for line in outcome.tail))
        if text:
            self.add({"kind": "text", "name": text, "text": "\n".join(outcome.tail[-20:]), "exit": outcome.exit})
        if outcome.timed_out:
            self.failures.append(f"{name} ran out of time")
            raise OutOfTime()
        if outcome.exit != 0:
            last = next((line for line in reversed(outcome.tail) if line.strip()), "")
            self.failures.append(f"{name}: exit {outcome.exit}: {last[:200]}")
        return outcome.exit

    def cases(self, flags, waiting=False):
        """Runs gpu_check cases; after a fatal error a new process continues with the next case."""
        environment = {"MCNN_CUDA_SYNC": "1"} if waiting else None
        first = 0
        while True:
            reached = []

            def watch(line):
                row = record.parse(line)
                if row is not None and isinstance(row.get("index"), int):
                    reached.append(row["index"])

            status = self.run([self.bin("gpu_check"), "cases", "--device", self.device, *flags, "--from", str(first)],
                              environment=environment, on_line=watch)
            if status in (0, 1, 2, 77, 127):
                return
            if not reached and first > 0:
                return  # there is no such case any more, or it always dies at once
            # If it was killed by a signal, the case after the last line is at fault; otherwise that of the last line.
            first = max(reached, default=first - 1) + (2 if status < 0 else 1)


def run_steps(steps, context, budget, title):
    """Runs the steps within `budget` seconds from now. Returns whether all succeeded."""
    deadline = context.clock() + budget - CLOSING
    well = True
    for step in steps:
        context.step, context.failures = step.name, []
        start = context.clock()
        left = deadline - start
        if left < step.least:
            status, reason = "skipped", f"{max(left, 0):.0f} s are left, {step.least} are needed"
        else:
            print(f"{step.name}: {step.about} ...", flush=True)
            context.end = start + min(step.limit, left)
            status, reason = "ok", ""
            try:
                step.work(context)
            except OutOfTime:
                status, reason = "out of time", f"limit {context.end - start:.0f} s"
            except plan.Absent as what:
                status, reason = "absent", str(what)
            except Stopped:
                context.recorder.add(step.name, {"kind": "step end", "status": "stopped"}, essential=True)
                raise
            except Exception as error:  # a mistake in a step must not prevent later steps
                status, reason = "failed", f"{type(error).__name__}: {error}"
            if context.failures and status == "ok":
                status = "failed"
            reason = "; ".join([*context.failures, *([reason] if reason else [])])
        well = well and status in ("ok", "absent")
        context.recorder.add(step.name, {"kind": "step end", "status": status, "reason": reason[:1000], "seconds": context.clock() - start},
                             essential=True)
        context.recorder.write_summary(summary.summary(context.recorder.rows, title))
        print(f"{step.name}: {status} {reason[:300]}", flush=True)
    return well


def chosen(steps, only, start):
    names = [step.name for step in steps]
    for name in [*only, *([start] if start else [])]:
        if name not in names:
            sys.exit(f"run.sh: there is no step {name}; there are {', '.join(names)}")
    if start:
        steps = steps[names.index(start):]
    return [step for step in steps if not only or step.name in only]


def arguments():
    parser = argparse.ArgumentParser(prog="run.sh", description="Tests and measures mcnn on this machine's GPU.", exit_on_error=True)
    parser.add_argument("--budget", type=float, default=540, metavar="SECONDS", help="time limit of the whole run (default: 540)")
    parser.add_argument("--out", metavar="DIR", help="folder of results.jsonl, summary.md and log.txt (default: results); earlier results are kept")
    parser.add_argument("--only", default="", metavar="NAME,...", help="run only these steps")
    parser.add_argument("--from", dest="start", metavar="NAME", help="run this step and those after it")
    parser.add_argument("--list", action="store_true", help="list the steps with their estimated seconds and limits")
    parser.add_argument("--rehearse", choices=("cpu", "sim"), help="small sizes on another device, to test the steps; not a measurement")
    return parser.parse_args()


def usable(context):
    """The reason why the device cannot be used; empty if it can."""
    said = []
    outcome = process.run([context.bin("gpu_check"), "cases", "--device", context.device, "--filter", "^no such operation$"], 60, said.append)
    if outcome.exit == 0:
        return ""
    rows = [row for row in map(record.parse, said) if row]
    return rows[-1].get("error", "") if rows else (outcome.tail or ["gpu_check says nothing"])[-1]


def use_libraries(root):
    """Uses the packed libraries, and the packed compiler's libraries if this machine's are older."""
    paths = [os.path.join(root, "lib"), *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]
    os.environ["LD_LIBRARY_PATH"] = ":".join(paths)
    os.environ["MCNN_PLUGINS"] = os.path.join(root, "bin")
    if process.run([os.path.join(root, "bin", "mcnn-data"), "--help"], 30).exit != 0:
        os.environ["LD_LIBRARY_PATH"] = ":".join([os.path.join(root, "lib", "compiler"), *paths])


def main():
    begun = time.monotonic()
    given = arguments()
    steps = chosen(plan.steps(given.rehearse), [name for name in given.only.split(",") if name], given.start)
    if given.list:
        for step in steps:
            print(f"{step.name:20} {step.estimate:4} s, at least {step.least:3}, at most {step.limit:4}  {step.about}")
        print(f"{'together':20} {sum(step.estimate for step in steps):4} s")
        return 0
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    use_libraries(root)
    device = given.rehearse or "cuda"
    probe = Context(None, device, given.rehearse, root, "", False)
    if why := usable(probe):
        print(f"run.sh: nothing was run: {why}")
        return 77
    torch = process.run([sys.executable, "-c", "import timm, torch, sys; sys.exit(not (torch.cuda.is_available() or sys.argv[1] != 'cuda'))",
                         device], 60).exit == 0
    recorder = record.Record(given.out or "results")
    scratch = tempfile.mkdtemp(prefix="mcnn_on_gpu_")

    def stop(number, frame):
        raise Stopped(number)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, stop)
    with open(os.path.join(root, "revision.txt"), encoding="utf-8") as file:
        title = f"mcnn {file.read().strip()} on {device}" + (", a rehearsal: sizes and figures mean nothing" if given.rehearse else "")
    try:
        well = run_steps(steps, Context(recorder, device, given.rehearse, root, scratch, torch), given.budget - (time.monotonic() - begun),
                         title)
    except Stopped as stopped:
        recorder.write_summary(summary.summary(recorder.rows, title))
        return 128 + int(stopped.args[0])
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(f"{os.path.join(recorder.folder, 'summary.md')}: {'everything went well' if well else 'not everything went well'}")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
