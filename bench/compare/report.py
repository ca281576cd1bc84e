"""Turns the records into a table (report.md), the same rows for programs (report.json), and a plot. Next: plot.py.

Every figure is a median over rounds of a process's own figure: p50 and p99 of its calls' seconds (nearest rank; of fewer than 100 calls p99 is
the slowest), images/s at p50, peak of resident memory. Ratios to mcnn are taken round by round.
"""
import collections
import json
import math
import os
import statistics

import plot
from cases import Case, name_of

DISTURBED = 0.1  # cores used by other processes


def percentile(values, percent):
    """The nearest rank."""
    return sorted(values)[max(math.ceil(percent / 100 * len(values)), 1) - 1]


def _latest(rows):
    """Per case and peer, the rows of the setting (version, machine, threads, ...) that was recorded last; and how many others there are."""
    groups = collections.defaultdict(list)
    for row in rows:
        key = row["key"]
        groups[Case(key["mode"], key["model"], key["res"], key["batch"]), key["peer"]].append(row)
    chosen = {}
    for name, group in groups.items():
        setting = {**group[-1]["key"], "round": None}
        chosen[name] = [row for row in group if {**row["key"], "round": None} == setting]
    return chosen, len(rows) - sum(map(len, chosen.values()))


def _images_per_second(rows):
    """By round."""
    return {row["key"]["round"]: row["key"]["batch"] / percentile(row["seconds"], 50) for row in rows if row["outcome"] == "measured"}


def _summary(case, peer, rows, of_mcnn):
    last = rows[-1]
    result = {**case._asdict(), "peer": peer, "version": last["key"]["version"], "machine": last["key"]["machine"],
              "threads": last["key"]["threads"], "outcome": last["outcome"]}
    if last["outcome"] != "measured":
        return result | {name: last[name] for name in ("last_line", "difference", "bound") if name in last}

    def median(figure):
        return statistics.median(figure(row) for row in rows)

    rates = _images_per_second(rows)
    ratios = [rates[n] / of_mcnn[n] for n in rates if n in of_mcnn]
    later = [row["first_answer_s"] for row in rows if row["key"]["round"] > 0]
    return result | {
        "rounds": len(rows), "calls": sum(len(row["seconds"]) for row in rows),
        "images_per_second": statistics.median(rates.values()), "ratio_to_mcnn": statistics.median(ratios) if ratios else None,
        "p50_ms": median(lambda row: 1e3 * percentile(row["seconds"], 50)), "p99_ms": median(lambda row: 1e3 * percentile(row["seconds"], 99)),
        "peak_gb": median(lambda row: row["peak_bytes"] / 1e9),
        "first_answer_s": next((row["first_answer_s"] for row in rows if row["key"]["round"] == 0), None),
        "first_answer_later_s": statistics.median(later) if later else None,
        "difference": max(row["difference"] for row in rows), "reference": "answers" in rows[0],
        "other_cores": max(row["other_cores"] for row in rows)}


def summaries(rows):
    """One object per case and peer, cases in order of their first record, and the number of records that are of older settings."""
    chosen, older = _latest(rows)
    return [_summary(case, peer, group, _images_per_second(chosen.get((case, "mcnn"), []))) for (case, peer), group in chosen.items()], older


def _digits(value, digits=3):
    if value is None:
        return ""
    return f"{value:.{max(digits - 1 - math.floor(math.log10(abs(value))), 0)}f}" if value else "0"


def _line(row):
    if row["outcome"] == "differs":
        return f"| {row['peer']} | answers differ by {row['difference']:.1e} (bound {row['bound']:.0e}), not timed |" + " |" * 8
    if row["outcome"] != "measured":
        text = f"{row['outcome']}: {row['last_line']}".replace("|", "\\|")
        return f"| {row['peer']} | {text} |" + " |" * 8
    figures = [_digits(row[name]) for name in ("images_per_second", "ratio_to_mcnn", "p50_ms", "p99_ms", "peak_gb", "first_answer_s",
                                               "first_answer_later_s")]
    return f"| {row['peer']} | " + " | ".join([*figures, "reference" if row["reference"] else f"{row['difference']:.0e}",
                                               f"{row['rounds']} / {row['calls']}"]) + " |"


def markdown(rows, older, notes):
    """notes: lines that a reader must see, such as peers that are not installed."""
    disturbed = [row for row in rows if row.get("other_cores", 0) > DISTURBED]
    if disturbed:
        worst = max(disturbed, key=lambda row: row["other_cores"])
        notes = [*notes, f"OTHER PROGRAMS RAN during {len(disturbed)} of these rows (up to {worst['other_cores']:.1f} cores): their "
                 "figures are worth nothing."]
    if older:
        notes = [*notes, f"{older} records of other versions, machines or settings are left out."]
    lines = ["# mcnn and others", "", *(f"**{note}**\n" for note in notes)]
    for machine in dict.fromkeys(f"{row['machine']}, {row['threads']} threads" for row in rows):
        lines.append(f"Machine: {machine}.")
    lines += ["", "Medians over rounds. First answer: seconds from the process's start, in the first round (with compilation) and in later ones.",
              "Difference: of the answers from the reference's.", ""]
    for case in dict.fromkeys(Case(*(row[name] for name in Case._fields)) for row in rows):
        lines += [f"## {case.mode}, {case.model}@{case.res}, batch {case.batch}", "",
                  "| peer | images/s | / mcnn | p50 ms | p99 ms | peak GB | first answer s | later | difference | rounds / calls |",
                  "|---|---|---|---|---|---|---|---|---|---|"]
        here = [row for row in rows if Case(*(row[name] for name in Case._fields)) == case]
        lines += [_line(row) for row in sorted(here, key=lambda row: -row.get("images_per_second", 0))]
        lines.append("")
    lines += ["Versions:", ""]
    lines += [f"- {text}" for text in dict.fromkeys(f"{row['peer']}: {row['version']}" for row in rows)]
    return "\n".join(lines) + "\n"


def write(folder, rows, notes):
    """Writes report.md, report.json and report.svg. Returns lines that say so."""
    found, older = summaries(rows)
    if not found:
        return ["nothing has been measured: no report"]
    with open(os.path.join(folder, "report.md"), "w", encoding="utf-8") as file:
        file.write(markdown(found, older, notes))
    with open(os.path.join(folder, "report.json"), "w", encoding="utf-8") as file:
        json.dump({"notes": notes, "rows": found}, file, indent=1)
    said = [f"written: {folder}/report.md, report.json"]
    try:
        plot.draw(found, os.path.join(folder, "report.svg"), name_of)
    except ModuleNotFoundError as error:
        return [*said, f"no plot: {error.name} is not installed"]
    return [*said, f"written: {folder}/report.svg"]
