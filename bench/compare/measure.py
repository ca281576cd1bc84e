"""Runs one peer in a process of its own: reads its answers, compares them, and lets it time its calls only if they agree.

Next: bench/compared.h states the dialogue; agreement.py what agrees; compare.py stores the result.
"""
import collections
import contextlib
import json
import os
import re
import signal
import subprocess
import threading
import time

import agreement


def _prepare_child():
    """If memory runs out, the kernel is to end the peer, not this program."""
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
        score.write("1000")


def _cpu_of_others(process):
    """Seconds of CPU time of all processes of the machine but this one."""
    with open("/proc/stat", encoding="ascii") as stat:
        everything = sum(int(ticks) for ticks in stat.readline().split()[1:4])  # user, nice, system
    with open(f"/proc/{process.pid}/stat", encoding="utf-8", errors="replace") as stat:
        own = sum(int(ticks) for ticks in stat.read().rpartition(")")[2].split()[11:13])  # user, system
    return (everything - own) / os.sysconf("SC_CLK_TCK")


def _kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


class _Peer:
    """A running peer and what it said."""

    def __init__(self, command, environment, limit):
        self.start = time.monotonic()
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        errors="replace", env={**os.environ, **environment}, start_new_session=True,
                                        preexec_fn=_prepare_child)
        self.tail, self.out_of_time = collections.deque(maxlen=40), False
        self.watch = threading.Timer(limit, self._end)
        self.watch.start()

    def _end(self):
        self.out_of_time = True
        _kill(self.process)

    def hears(self, word):
        """Reads lines up to the object that has this field, and returns it; None if the output ends before."""
        for line in self.process.stdout:
            if line.startswith("{"):
                try:
                    said = json.loads(line)
                except ValueError:
                    said = {}
                if word in said:
                    return said
            if line.strip():
                self.tail.append(line.strip()[:300])
        return None

    def timed(self):
        """Lets it time its calls. Returns what it says then, or None, and how many cores other processes used meanwhile, on average."""
        start, before = time.monotonic(), _cpu_of_others(self.process)
        with contextlib.suppress(BrokenPipeError):  # if it has ended, it says nothing
            self.process.stdin.write("go\n")
            self.process.stdin.flush()
        said = self.hears("seconds")
        return said, max(_cpu_of_others(self.process) - before, 0) / (time.monotonic() - start)

    def close(self):
        self.watch.cancel()
        _kill(self.process)
        self.process.wait()
        self.process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()


def _failure(peer, limit):
    last = peer.tail[-1] if peer.tail else "no output"
    status = peer.process.wait()
    if peer.out_of_time:
        return {"outcome": "failed", "last_line": f"ran past {limit:.0f} s; {last}"}
    if status < 0:
        return {"outcome": "failed", "last_line": f"ended by signal {-status} ({signal.Signals(-status).name}); {last}"}
    return {"outcome": "not supported" if re.search("does not (store|support)", last) else "failed", "last_line": last}


def measure(command, mode, storage, reference, limit, environment):
    """Runs a peer for at most `limit` seconds. reference: the answers that its own are compared with; None: it is the reference.

    Returns an object with `outcome`:
      measured        first_answer_s: from the process's start to its first answer; seconds: of each timed call; peak_bytes; difference;
                      other_cores: used by other processes meanwhile; answers, if it is the reference
      differs         difference, bound: it was not timed
      not supported, failed    last_line
    """
    try:
        peer = _Peer(command, environment, limit)
    except OSError as error:
        return {"outcome": "failed", "last_line": f"{command[0]}: {error.strerror}"}
    try:
        if not peer.hears("first"):
            return _failure(peer, limit)
        first = time.monotonic() - peer.start
        said = peer.hears("answers")
        if not said:
            return _failure(peer, limit)
        answers = said["answers"]
        difference = agreement.difference(answers, answers if reference is None else reference, mode)
        bound = agreement.BOUNDS[storage, mode]
        if not difference <= bound:
            return {"outcome": "differs", "difference": difference, "bound": bound}
        said, others = peer.timed()
        if not said:
            return _failure(peer, limit)
        return {"outcome": "measured", "first_answer_s": round(first, 3), "seconds": [round(s, 6) for s in said["seconds"]],
                "peak_bytes": said["peak_bytes"], "difference": difference, "other_cores": round(others, 2),
                **({"answers": answers} if reference is None else {})}
    finally:
        peer.close()
