#!/usr/bin/env python3
"""Compares mcnn with PyTorch, ONNX Runtime and OpenVINO on the CPU: training and inference, side by side, answers first.

Usage: compare.py [--subset] [--out FOLDER]     the whole takes many hours; --subset at most 15 minutes. Run nothing else meanwhile.
       compare.py --report [--out FOLDER]       writes the report again, measures nothing
Each measurement is a process of its own, and they go in turn: in each round every peer runs every case once. Before anything is timed, a
peer's answers to the same photos by the same weights are compared; a peer whose answers differ is reported and not timed.
Each finished measurement is a line of FOLDER/results.jsonl. A second call continues where the first ended. FOLDER/report.md is the result.
The peers are those that this Python has (requirements.txt); build mcnn first: cmake --build build --target bench_train mcnn-weights
Next: peers.py lists the peers, cases.py the cases; measure.py runs one process; report.py sums up.
"""
import argparse
import os
import shutil
import signal
import sys
import time

import cases
import measure
import peers
import report
from inputs import Failed, Inputs
from records import Records

PROGRAMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "build", "bin")
LEAST_MINUTES = 0.1  # with less time left, no process is started


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subset", action="store_true", help="b4 at 224 pixels, three rounds, 14 minutes; without slow compilations")
    parser.add_argument("--report", action="store_true", help="write the report of what is there")
    parser.add_argument("--out", help="folder of the results (default: runs/compare, or runs/compare-subset)")
    parser.add_argument("--rounds", type=int, help="default 5, subset 3")
    parser.add_argument("--seconds", type=float, help="seconds of timed calls per process, at least (default 10, subset 3)")
    parser.add_argument("--steps", type=int, help="timed calls per process, at least (default 3, subset 2)")
    parser.add_argument("--minutes", type=float, help="stop after so long; a later call continues (default: no end, subset 14)")
    parser.add_argument("--limit", type=float, default=1800, help="seconds after which a process has failed (default %(default)s)")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of every peer (default: %(default)s)")
    parser.add_argument("--case", action="append", metavar="MODE:MODEL:PIXELS:BATCH", help="this one alone; may be repeated")
    parser.add_argument("--peers", help="these alone: names with commas")
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PROGRAM",
                        help="one more peer: a program with bench_train's options, such as another build of it")
    parser.add_argument("--retry", action="store_true", help="run again what failed, was not supported or differed")
    parser.add_argument("--bench-train", default=os.path.normpath(os.path.join(PROGRAMS, "bench_train")))
    parser.add_argument("--mcnn-weights", default=os.path.normpath(os.path.join(PROGRAMS, "mcnn-weights")))
    given = parser.parse_args()
    for name, whole, subset in (("rounds", 5, 3), ("seconds", 10.0, 3.0), ("steps", 3, 2), ("minutes", float("inf"), 14.0),
                                ("out", "runs/compare", "runs/compare-subset")):
        if getattr(given, name) is None:
            setattr(given, name, subset if given.subset else whole)
    try:
        given.cases = [cases.parse(text) for text in given.case] if given.case else cases.SUBSET if given.subset else cases.WHOLE
        known = peers.known(given.bench_train) + [peers.added(text) for text in given.peer]
        wanted = given.peers.split(",") + [text.partition("=")[0] for text in given.peer] if given.peers else [p.name for p in known]
        unknown = set(wanted) - {p.name for p in known}
        if unknown:
            raise ValueError(f"peer '{unknown.pop()}': expected one of {', '.join(p.name for p in known)}")
    except ValueError as error:
        parser.error(str(error))
    given.wanted = [p for p in known if p.name in wanted]
    return given


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = next((line.partition(":")[2].strip() for line in info if line.startswith("model name")), "unknown processor")
    return f"{model}, {os.cpu_count()} cores"


def say(text):
    print(text, file=sys.stderr, flush=True)


class Comparison:
    def __init__(self, given, records, installed):
        self.given, self.records, self.installed = given, records, installed
        self.inputs = Inputs(os.path.join(given.out, "inputs"), given.bench_train, given.mcnn_weights)
        self.versions = {peer.name: peers.version(peer) for peer in installed}
        self.machine, self.end = machine(), time.monotonic() + 60 * given.minutes

    def rounds(self):
        """Every measurement that is to be there, in turn. The first peer of a round changes: of successive runs the later may be slower."""
        for number in range(self.given.rounds):
            first = number % len(self.installed)
            for case in self.given.cases:
                for peer in self.installed[first:] + self.installed[:first]:
                    if case.mode in peer.modes and not (self.given.subset and case.mode in peer.slow):
                        yield number, case, peer

    def run(self):
        """Returns whether everything has been measured."""
        for number, case, peer in self.rounds():
            if not self.one(number, case, peer):
                say(f"the {self.given.minutes:g} minutes are over; the same command continues")
                return False
        return True

    def one(self, number, case, peer):
        """Measures one peer in one case and round, unless that has been done. Returns False if there was no time for it."""
        setting = {"peer": peer.name, "version": self.versions[peer.name], **case._asdict(), "threads": self.given.threads,
                   "machine": self.machine, "weights": self.inputs.digest(case.model), "steps": self.given.steps, "seconds": self.given.seconds}
        for row in self.records.of(**setting):
            if row["outcome"] != "measured" or row["key"]["round"] == number:  # what failed in one round is not run in the next
                return True
        answered = [row["answers"] for row in self.records.of(**case._asdict(), weights=setting["weights"]) if "answers" in row]
        name = f"round {number + 1} {cases.name_of(case)} {peer.name}"
        if not answered and peer.storage != "f32":
            say(f"{name}: left out, no peer in fp32 has answered before")
            return True
        left = self.end - time.monotonic()
        if left < 60 * LEAST_MINUTES:
            return False
        compiled = os.path.join(self.given.out, "compiled", f"{peer.name}-{cases.name_of(case).replace(':', '-')}")
        if number == 0:
            shutil.rmtree(compiled, ignore_errors=True)  # so that the first answer includes compilation
        limit = min(self.given.limit, left)
        command = peers.command(peer, case, self.inputs, self.given.threads, self.given.steps, self.given.seconds)
        found = measure.measure(command, case.mode, peer.storage, answered[0] if answered else None, limit,
                                {"OMP_NUM_THREADS": str(self.given.threads), "TORCHINDUCTOR_CACHE_DIR": os.path.abspath(compiled)})
        if found["outcome"] == "failed" and self.end - time.monotonic() < 0.1:
            return False  # it was ended for want of time
        self.records.add({"key": {**setting, "round": number}, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), **found})
        say(f"{name}: {self.told(found, case)}")
        return True

    @staticmethod
    def told(found, case):
        if found["outcome"] == "measured":
            rate = case.batch / report.percentile(found["seconds"], 50)
            return f"{rate:.4g} images/s, {found['peak_bytes'] / 1e9:.2f} GB, first answer after {found['first_answer_s']:.1f} s"
        if found["outcome"] == "differs":
            return f"ANSWERS DIFFER by {found['difference']:.1e}, bound {found['bound']:.0e}: not timed"
        return f"{found['outcome']}: {found['last_line']}"


def main():
    given = arguments()
    records, notes, complete = Records(given.out), [], True
    lacking = {peer.name: peers.missing(peer) for peer in given.wanted if peers.missing(peer)}
    unseen = [f"{name} (no {module})" for name, module in lacking.items() if not records.of(peer=name)]
    if unseen:
        notes.append(f"NOT COMPARED, not installed: {', '.join(unseen)}; bench/compare/requirements.txt has what they need")
        say(notes[0])
    if given.subset:
        notes.append("The subset: torch.compile only in inference with bf16, PyTorch only with channels last.")
    if not given.report:
        if given.retry:
            records.forget_failures()
        try:
            complete = Comparison(given, records, [peer for peer in given.wanted if peer.name not in lacking]).run()
        except (Failed, OSError) as error:
            sys.exit(f"compare.py: {error}")
        if not complete:
            notes.append("INCOMPLETE: the time was over.")
    for line in report.write(given.out, records.rows, notes):
        print(line)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the peer that runs is ended, too
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("compare.py: interrupted; the same command continues")
