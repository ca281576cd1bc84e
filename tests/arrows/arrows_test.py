"""The table of arrows: which folder may include from which (docs/design.md).

Fails for an include without an arrow, for an unused arrow, and for a cycle of arrows. Before that it checks that it finds each of these in
a small test tree. Includes within a folder, and of system headers, need no arrow; tests/ may include from everywhere.
usage: arrows_test.py SOURCE_FOLDER
"""
import re
import sys
import tempfile
from pathlib import Path

ARROWS = {
    "runtime": [],
    "emulator": ["runtime"],
    "kernels": ["runtime"],
    "kernels/ref": ["kernels", "runtime"],
    "kernels/cpu": ["kernels", "runtime"],
    "kernels/dry": ["kernels"],
    "kernels/cuda": ["kernels", "runtime", "emulator"],  # emulator: replaces the device under MCNN_SIM
    "kernels/sim": ["kernels", "kernels/cuda", "runtime", "emulator"],
    "layers": ["kernels", "runtime"],
    "models": ["layers", "kernels", "runtime"],
    "formats": ["runtime"],
    "weights": ["formats", "models", "layers", "runtime"],
    "data": ["runtime"],
    "drawn_faces": ["runtime"],
    "inference": ["data", "weights", "models", "runtime"],
    "train": ["inference", "data", "weights", "formats", "models", "layers", "kernels", "runtime"],
    "apps": ["train", "inference", "data", "drawn_faces", "weights", "formats", "models", "kernels", "runtime"],
    "capi": ["inference", "data", "weights", "kernels"],
    "tests/cases": ["kernels", "runtime"],
    "bench": ["tests/cases", "train", "inference", "data", "weights", "models", "kernels", "kernels/cuda", "emulator", "runtime"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.MULTILINE)
SOURCES = {".h", ".cuh", ".c", ".cpp", ".cu"}


def folder_of(path, arrows):
    """The innermost folder of the table that contains `path`, else its top-level folder."""
    above = [str(p) for p in path.parents if str(p) in arrows]
    return above[0] if above else path.parts[0]


def includes(root, arrows):
    """Yields (file, its folder, folder that it includes from), paths relative to `root`."""
    for top in sorted({folder.split("/")[0] for folder in arrows}):
        for file in sorted(p for p in (root / top).rglob("*") if p.suffix in SOURCES):
            here = file.relative_to(root)
            for name in INCLUDE.findall(file.read_text(encoding="utf-8")):
                there = next((p for p in (root / name, file.parent / name) if p.exists()), None)  # None: generated, or a library's header
                if there is not None:
                    yield here, folder_of(here, arrows), folder_of(there.resolve().relative_to(root), arrows)


def circle(arrows):
    """The folders of a cycle; empty if there is none."""
    def visit(path):
        for to in arrows.get(path[-1], []):
            if to in path:
                return path[path.index(to):] + [to]
            if found := visit(path + [to]):
                return found
        return []
    return next((found for folder in arrows if (found := visit([folder]))), [])


def complaints(root, arrows):
    lines, used = [], set()
    for file, from_, to in includes(root, arrows):
        if from_ not in arrows or from_ == to:  # the tests
            continue
        used.add((from_, to))
        if to not in arrows[from_]:
            lines.append(f"{file}: {from_}/ includes from {to}/, and there is no such arrow")
    for from_, targets in arrows.items():
        lines += [f"the arrow {from_} -> {to} is used by no file" for to in targets if (from_, to) not in used]
    if found := circle(arrows):
        lines.append("the arrows form a circle: " + " -> ".join(found))
    return lines


def check_that_it_can_fail():
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        for name, text in {"low/low.h": "#include <vector>\n", "high/high.h": '#include "low/low.h"\n#include "generated.pb.h"\n',
                           "high/part/part.h": '  #  include "../high.h"\n', "tests/high_test.cpp": '#include "high/high.h"\n'}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        arrows = {"low": [], "high": ["low"], "high/part": ["high"]}
        assert complaints(root, arrows) == [], complaints(root, arrows)
        assert complaints(root, {**arrows, "high/part": ["high", "low"]}) == ["the arrow high/part -> low is used by no file"]
        assert complaints(root, {**arrows, "high/part": []}) == ["high/part/part.h: high/part/ includes from high/, and there is no such arrow"]
        for unwanted, to in (('#include "high/high.h"', "high"), ('#include "../tests/high_test.cpp"', "tests")):
            (root / "low/low.h").write_text(unwanted, encoding="utf-8")
            assert complaints(root, arrows) == [f"low/low.h: low/ includes from {to}/, and there is no such arrow"], complaints(root, arrows)
        (root / "low/low.h").write_text('#include "high/high.h"', encoding="utf-8")
        assert complaints(root, {**arrows, "low": ["high"]}) == ["the arrows form a circle: low -> high -> low"]


check_that_it_can_fail()
found = complaints(Path(sys.argv[1]).resolve(), ARROWS)
print("\n".join(found) or f"{sum(map(len, ARROWS.values()))} arrows between {len(ARROWS)} folders, and no other include")
sys.exit(1 if found else 0)
