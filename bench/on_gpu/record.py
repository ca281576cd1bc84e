"""Writes a run's files: results.jsonl, one object per line; log.txt, the last output of each step; summary.md.

Each line of results.jsonl is appended by one write, then fsync: if the run is killed, all lines in the file are complete.
"""
import json
import os

LARGEST = 15 << 20  # bytes per file, since transfers from the machine may be limited to 16 MiB


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")


def parse(line):
    """The object in a line of a program's output, or None."""
    if not line.startswith("{"):
        return None
    try:
        row = json.loads(line, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


class Record:
    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.rows = folder, []
        self.results = os.open(os.path.join(folder, "results.jsonl"), os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        self.size = os.fstat(self.results).st_size
        with open(os.path.join(folder, "results.jsonl"), encoding="utf-8") as earlier:  # written by an earlier call
            self.rows = [row for row in map(parse, earlier) if row]
        self.log_size = 0

    def add(self, step, row, essential=False):
        """Appends `row`. Beyond LARGEST bytes only essential rows are written: how each step ended."""
        row = {"step": step, **row}
        line = (json.dumps(row) + "\n").encode()
        if self.size + len(line) > LARGEST and not essential:
            return
        self.rows.append(row)
        self.size += os.write(self.results, line)
        os.fsync(self.results)

    def log(self, text):
        path = os.path.join(self.folder, "log.txt")
        data = text.encode("utf-8", "replace")[: max(LARGEST - self.log_size, 0)]
        with open(path, "ab") as file:
            file.write(data)
        self.log_size += len(data)

    def write_summary(self, text):
        path = os.path.join(self.folder, "summary.md")
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(path + ".new", path)
