"""The results: one line of JSON for each finished measurement, in results.jsonl. A line that a killed run left incomplete is removed.

A measurement is identified by its `key`, an object; a run that continues looks it up. Next: report.py reads the lines.
"""
import json
import os


def _of(line):
    try:
        return json.loads(line)
    except ValueError:
        return None


class Records:
    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, "results.jsonl")
        self.rows = []
        if os.path.exists(self.path):
            with open(self.path, "rb") as file:
                data = file.read()
            whole = data.rfind(b"\n") + 1
            if whole < len(data):
                os.truncate(self.path, whole)
            self.rows = [row for row in map(_of, data[:whole].splitlines()) if row]

    def add(self, row):
        with open(self.path, "ab") as file:
            file.write((json.dumps(row) + "\n").encode())
            file.flush()
            os.fsync(file.fileno())
        self.rows.append(row)

    def forget_failures(self):
        """Removes every row but the measured ones."""
        self.rows = [row for row in self.rows if row["outcome"] == "measured"]
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in self.rows)
        os.replace(self.path + ".new", self.path)

    def of(self, **key):
        """Rows whose key has these values, in order."""
        return [row for row in self.rows if key.items() <= row["key"].items()]
