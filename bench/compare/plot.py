"""Draws images/s of each peer, one panel for each case, as SVG. Needs matplotlib."""


def draw(rows, path, name_of):
    """rows: of report.json. name_of: a case's name, from anything with its four fields."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot
    from cases import Case

    panels = {}
    for row in rows:
        if row["outcome"] == "measured":
            panels.setdefault(Case(*(row[name] for name in Case._fields)), []).append(row)
    if not panels:
        return
    figure, axes = pyplot.subplots(len(panels), 1, squeeze=False, figsize=(8, sum(0.8 + 0.3 * len(here) for here in panels.values())),
                                   height_ratios=[0.8 + 0.3 * len(here) for here in panels.values()], layout="constrained")
    for (case, here), axis in zip(panels.items(), axes[:, 0]):
        here = sorted(here, key=lambda row: row["images_per_second"])
        bars = axis.barh([row["peer"] for row in here], [row["images_per_second"] for row in here],
                         color=["tab:orange" if row["peer"].startswith("mcnn") else "tab:blue" for row in here])
        axis.bar_label(bars, fmt="%.3g", padding=3)
        axis.set_title(name_of(case), loc="left", fontsize="medium")
        axis.margins(x=0.15)
    axes[-1, 0].set_xlabel("images/s")
    figure.savefig(path)
    pyplot.close(figure)
