"""What is measured: every combination of mode, network, size and batch, or the subset. Next: compare.py walks over them."""
import collections

Case = collections.namedtuple("Case", "mode model res batch")  # mode: training or inference; res: pixels; batch: photos per call

# The quick ones first, since a run may end before all are done.
SUBSET = [Case("inference", "b4", 224, 1), Case("training", "b4", 224, 8), Case("inference", "b4", 224, 32), Case("training", "b4", 224, 32)]
WHOLE = [Case(mode, model, res, batch) for model in ("b4", "b0") for res in (224, 380)
         for mode, batch in (("training", 32), ("training", 8), ("inference", 32), ("inference", 8), ("inference", 1))]


def name_of(case):
    return f"{case.mode}:{case.model}:{case.res}:{case.batch}"


def parse(text):
    """A case from "inference:b4:224:32"."""
    try:
        mode, model, res, batch = text.split(":")
        case = Case(mode, model, int(res), int(batch))
    except ValueError:
        case = None
    if not case or case.mode not in ("training", "inference") or case.res < 1 or case.batch < 1:
        raise ValueError(f"case '{text}': expected training|inference:MODEL:PIXELS:BATCH, such as inference:b4:224:32")
    return case
