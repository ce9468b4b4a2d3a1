"""The results as the tables and the plot of docs/benchmarks.md."""

import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

BEGIN, END = "<!-- bench.engine: begin -->", "<!-- bench.engine: end -->"
PLOT = "benchmarks-engine.png"
ORDER = ("darkroom", "sharp-cascade", "sharp-per-variant", "pyvips", "naive", "floor")
TITLES = {
    "darkroom": "Darkroom",
    "sharp-cascade": "sharp, best cascade",
    "sharp-per-variant": "sharp, one call a variant",
    "pyvips": "pyvips, cascade",
    "naive": "usual Python Lambda",
    "floor": "floor",
}
ALLOWED = 1.05  # of sharp's best cascade


def table(results: dict[str, Any]) -> str:
    tables: dict[str, Callable[[Any], str]] = {"cpu": _cpu, "likeness": _likeness, "memory": _memory}
    parts = [write_table(results[name]) for name, write_table in tables.items() if results[name]]
    if results["throughput"]:
        one, two, processes = (results["throughput"][way] for way in ("one", "two", "processes"))
        parts.append(
            f"Two threads in one process make {two:.1f} images of 12 MP a second, one makes {one:.1f}: "
            f"{two / one:.2f} times as many. Two processes make {processes:.1f}."
        )
    return "\n\n".join(parts)


def write(text: str, results: dict[str, Any], docs: Path) -> None:
    """Put the tables between the marks in docs/benchmarks.md, and the plot beside it."""
    page = docs / "benchmarks.md"
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")
    plot(results["cpu"], docs / PLOT)


def plot(cpu: dict[str, dict[str, list[float]]], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    colours = dict(zip(ORDER, ("#d1495b", "#00798c", "#66b2b2", "#7a6fa6", "#b0b0b0", "#1b1b1b"), strict=True))
    names = list(cpu)
    figure, axes = plt.subplots(figsize=(10, 0.62 * len(names) + 1.6), layout="constrained")
    height = 0.8 / (len(ORDER) - 1)
    for place, engine in enumerate(ORDER[:-1]):
        at = [row + place * height for row in range(len(names))]
        axes.barh(at, [_median(cpu, n, engine) for n in names], height, label=TITLES[engine], color=colours[engine])
    for row, name in enumerate(names):
        floor = _median(cpu, name, "floor")
        axes.plot([floor] * 2, [row - height / 2, row + 0.8 - height / 2], color=colours["floor"], lw=1.6)
    axes.plot([], [], color=colours["floor"], lw=1.6, label="floor: decode + encodes")
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    ticks = [20, 50, 100, 200, 500, 1000, 2000]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("CPU ms for three variants of one image (median; shorter is better; logarithmic)")
    axes.grid(axis="x", color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="lower center", bbox_to_anchor=(0.42, 1.0), ncols=3, frameon=False)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _cpu(cpu: dict[str, dict[str, list[float]]]) -> str:
    rows = [
        ["CPU ms per image", *(TITLES[engine] for engine in ORDER), "to sharp's cascade", "to sharp per variant"],
        ["---", *["---:"] * (len(ORDER) + 2)],
    ]
    for name in cpu:
        medians = {engine: _median(cpu, name, engine) for engine in ORDER}
        to_cascade = medians["darkroom"] / medians["sharp-cascade"]
        short = " (falls short)" if to_cascade > ALLOWED else ""
        rows.append(
            [name]
            + [f"{medians[engine]:.0f}" for engine in ORDER]
            + [f"{to_cascade:.2f}{short}", f"{medians['darkroom'] / medians['sharp-per-variant']:.2f}"]
        )
    return _lines(rows)


def _likeness(found: dict[str, dict[str, dict[str, Any]]]) -> str:
    engines = ORDER[:-1]
    rows = [["SSIM to the gold (desktop / tablet / phone), KB in all", *(TITLES[e] for e in engines)]]
    rows.append(["---", *["---"] * len(engines)])
    for name, by_engine in found.items():
        cells = []
        for engine in engines:
            alike = " / ".join(f"{value:.4f}".lstrip("0") for value in by_engine[engine]["ssim"].values())
            cells.append(f"{alike}, {sum(by_engine[engine]['bytes'].values()) / 1000:.0f}")
        rows.append([name, *cells])
    return _lines(rows)


def _memory(found: dict[str, dict[str, float]]) -> str:
    engines = ORDER[:-1]
    rows = [["Peak MB, one job in a fresh process", *(TITLES[e] for e in engines)], ["---", *["---:"] * len(engines)]]
    for name, by_engine in found.items():
        rows.append([name, *(f"{by_engine[e]:.0f}" if e in by_engine else "" for e in engines)])
    return _lines(rows)


def _median(cpu: dict[str, dict[str, list[float]]], name: str, engine: str) -> float:
    return statistics.median(cpu[name][engine])


def _lines(rows: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
