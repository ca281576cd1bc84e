"""summary.md: the rows of results.jsonl as tables."""


def cell(value):
    return str(value).replace("|", "\\|").replace("\n", " ")[:300]


def table(heads, rows):
    return "\n".join(["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads), *("| " + " | ".join(map(cell, row)) + " |" for row in rows)])


def number(row, key, form):
    value = row.get(key)
    return form.format(value) if isinstance(value, (int, float)) else "-"


def summary(rows, title):
    kinds = {}
    for row in rows:
        kinds.setdefault(row.get("kind", ""), []).append(row)
    ended = kinds.get("step end", [])
    parts = [f"# {title}"]
    parts += [f"- {row['name']}: {cell(row.get('text', ''))}" for row in kinds.get("text", []) if row.get("step") == "facts"]
    parts.append("\n## Steps\n\n" + table(("step", "status", "seconds", "reason"), (
        (row["step"], row.get("status"), number(row, "seconds", "{:.1f}"), row.get("reason") or "") for row in ended)))
    checks = [row for row in rows if row.get("ok") is not None]
    wrong = [row for row in checks if not row["ok"]] + kinds.get("fatal", [])
    parts.append(f"\n## Checks\n\n{sum(1 for row in checks if row['ok'])} of {len(checks)} agree.")
    if wrong:
        parts.append("\n" + table(("step", "what", "error"), (
            (row["step"], row.get("name", row.get("kind")), row.get("error") or f"loss {row.get('loss')}, cpu {row.get('cpu_loss')}")
            for row in wrong)))
    speeds = [row for row in rows if "images_per_second" in row]
    if speeds:
        parts.append("\n## Images per second\n\n" + table(("engine", "products", "model", "mode", "batch", "precision", "images/s", "GB"), (
            (row.get("engine"), row.get("products", "-"), row.get("model"), row.get("mode"), row.get("batch"), row.get("storage"),
             number(row, "images_per_second", "{:.1f}"), number(row, "arena_gb", "{:.2f}")) for row in speeds)))
    copy = next((row["gb_per_second"] for row in kinds.get("ceiling", []) if row.get("what") == "copy" and row.get("gb_per_second")), None)
    profiles = {}
    for row in kinds.get("profile", []):
        profiles.setdefault(tuple(str(row.get(key, "")) for key in ("mode", "precision", "batch", "products")), []).append(row)
    for what, rows in profiles.items():
        total = sum(row["ns"] for row in rows) or 1
        for by in ("operation", "kernel"):
            sums = {}
            for row in rows:
                of = sums.setdefault(row.get(by) or "-", [0, 0, 0])
                for i, key in enumerate(("launches", "ns", "bytes")):
                    of[i] += row[key]
            parts.append(f"\n## Where the time goes by {by}: {', '.join(what)}\n\n" + table(
                (by, "launches", "us", "% of step", "GB/s", "% of a copy's"),
                ((name, f"{n:.0f}", f"{ns / 1e3:.1f}", f"{100 * ns / total:.1f}", f"{moved / ns:.0f}" if moved and ns else "-",
                  f"{100 * moved / ns / copy:.0f}" if moved and ns and copy else "-")
                 for name, (n, ns, moved) in sorted(sums.items(), key=lambda entry: -entry[1][1])[:25])))
    counted = kinds.get("counters", [])
    if counted:
        parts.append("\n## What ncu counts\n\n" + table(("kernel", "launches", "us", "MB", "% of DRAM peak", "% of SM peak"), (
            (row["kernel"], row["launches"], f"{row['ns'] / 1e3:.1f}", f"{row['bytes'] / 1e6:.1f}", f"{row['dram_percent']:.0f}",
             f"{row['sm_percent']:.0f}") for row in counted)))
    slow = sorted((row for row in kinds.get("kernel", []) if "us" in row), key=lambda row: -row["us"])[:40]
    if slow:
        parts.append("\n## Slowest kernels\n\n" + table(("kernel", "precision", "us", "GB/s", "GFLOP/s"), (
            (row.get("name"), row.get("precision"), number(row, "us", "{:.1f}"), number(row, "GB/s", "{:.1f}"),
             number(row, "GFLOP/s", "{:.1f}")) for row in slow)))
    notes = kinds.get("note", [])
    if notes:
        parts.append("\n## Notes\n\n" + "\n".join(f"- {row['step']}: {cell(row.get('text', ''))}" for row in notes))
    return "\n".join(parts) + "\n"
