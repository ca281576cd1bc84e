"""Runs one command with a time limit and passes its output on line by line.

The command leads a new process group. The whole group is ended at the limit and when the command ends, and killed if this process is
killed.
"""
import collections
import ctypes
import os
import select
import signal
import subprocess
import time

LONGEST_LINE = 1 << 16  # bytes; longer lines are cut
GRACE = 2.0  # seconds between SIGTERM and SIGKILL

Outcome = collections.namedtuple("Outcome", "exit seconds timed_out tail")


def _die_with_parent():
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def _signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


class _Lines:
    """Cuts bytes into lines of at most LONGEST_LINE."""

    def __init__(self, on_line):
        self.on_line, self.pending, self.cut = on_line, b"", False

    def add(self, data):
        *whole, rest = data.split(b"\n")
        for piece in whole:
            self._keep(piece)
            self.on_line(self.pending.decode("utf-8", "replace"))
            self.pending, self.cut = b"", False
        self._keep(rest)

    def _keep(self, piece):
        self.pending += piece[: max(LONGEST_LINE - len(self.pending), 0)]

    def end(self):
        if self.pending:
            self.on_line(self.pending.decode("utf-8", "replace"))


def run(command, limit, on_line=lambda line: None, environment=None, folder=None):
    """Runs `command` for at most `limit` seconds (SIGTERM then, SIGKILL GRACE seconds later). `on_line` gets each line of its output,
    stdout and stderr together. Returns an Outcome: its exit status (negative: the signal), 127 where it cannot be started."""
    start = time.monotonic()
    tail = collections.deque(maxlen=40)

    def keep(line):
        tail.append(line[:500])
        on_line(line)

    try:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=folder,
                                   env={**os.environ, **(environment or {})}, start_new_session=True, preexec_fn=_die_with_parent)
    except OSError as error:
        return Outcome(127, 0.0, False, [f"{command[0]}: {error.strerror}"])
    pipe = process.stdout.fileno()
    lines, timed_out, ended = _Lines(keep), False, False
    killing = start + limit
    stop = signal.SIGTERM
    try:
        while not ended:
            now = time.monotonic()
            if now >= killing and stop:
                timed_out = True
                _signal_group(process, stop)
                killing, stop = now + GRACE, signal.SIGKILL if stop == signal.SIGTERM else None
            ended = process.poll() is not None
            # Does not wait for processes that still hold the pipe after the command has ended.
            while select.select([pipe], [], [], 0 if ended else min(max(killing - now, 0.01), 0.25))[0]:
                data = os.read(pipe, 1 << 16)
                if not data:
                    process.wait(timeout=None if stop is None else max(killing - time.monotonic(), 0.01))
                    ended = True
                    break
                lines.add(data)
                if time.monotonic() >= killing:
                    break
    except subprocess.TimeoutExpired:
        timed_out = True
    finally:
        _signal_group(process, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        lines.end()
    return Outcome(process.returncode, time.monotonic() - start, timed_out, list(tail))
