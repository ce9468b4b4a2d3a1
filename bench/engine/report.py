"""The tables and the plot of bench.engine."""

from pathlib import Path
from typing import Any

from bench import page
from bench.machine import sentence
from bench.runner import median, ratio

PLOT = page.DOCS / "benchmarks-engine.png"
ENGINES = ("darkroom", "sharp-cascade", "sharp-per-variant", "pyvips", "naive", "floor")
TITLES = {
    "darkroom": "Darkroom",
    "sharp-cascade": "sharp, best cascade",
    "sharp-per-variant": "sharp, one call a variant",
    "pyvips": "pyvips, cascade",
    "naive": "usual Python Lambda",
    "floor": "floor",
}
MAX_RATIO = 1.05  # of our CPU to that of sharp's best cascade

Round = dict[str, dict[str, Any]]


def text(results: dict[str, Any]) -> str:
    """Return all tables, and what they were measured on."""
    about, cpu = results["before"], results["before"]["cpu"]
    parts = [sentence(about, results["after"])]
    parts += [_cpu(results["cpu"], cpu), _similarity(results["similarity"])] if results["cpu"] else []
    parts += [_memory(results["memory"])] if results["memory"] else []
    if results["throughput"]:
        one, two, processes = (results["throughput"][way] for way in ("one", "two", "processes"))
        parts.append(
            f"Two threads in one process make {two:.1f} images of 12 MP a second ({cpu}), one makes {one:.1f}: "
            f"{two / one:.2f} times as many. Two processes make {processes:.1f}."
        )
    return "\n\n".join(parts)


def plot(cpu: dict[str, list[Round]], file: Path) -> None:
    """CPU milliseconds of every engine, by class."""
    plt = page.pyplot()
    colors = dict(zip(ENGINES, ("#d1495b", "#00798c", "#66b2b2", "#7a6fa6", "#b0b0b0", "#1b1b1b"), strict=True))
    names = list(cpu)
    figure, axes = plt.subplots(figsize=(10, 0.62 * len(names) + 1.6), layout="constrained")
    height = 0.8 / (len(ENGINES) - 1)
    for place, engine in enumerate(ENGINES[:-1]):
        at = [row + place * height for row in range(len(names))]
        medians = [median(cpu[name], engine, "cpu_ms") for name in names]
        axes.barh(at, medians, height, label=TITLES[engine], color=colors[engine])
    for row, name in enumerate(names):
        floor = median(cpu[name], "floor", "cpu_ms")
        axes.plot([floor] * 2, [row - height / 2, row + 0.8 - height / 2], color=colors["floor"], lw=1.6)
    axes.plot([], [], color=colors["floor"], lw=1.6, label="floor: decode + encodes")
    axes.set_yticks([row + 0.4 - height / 2 for row in range(len(names))], names)
    axes.invert_yaxis()
    axes.set_xscale("log")
    ticks = [20, 50, 100, 200, 500, 1000, 2000]
    axes.set_xticks(ticks, [f"{tick:,}" for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel("CPU ms for three variants of one image (median; shorter is better; logarithmic)")
    page.tidy(axes, grid="x")
    axes.legend(loc="lower center", bbox_to_anchor=(0.42, 1.0), ncols=3, frameon=False)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _cpu(cpu: dict[str, list[Round]], processor: str) -> str:
    rivals = ("sharp-cascade", "pyvips", "sharp-per-variant")
    head = [f"CPU ms per image, {processor}", *(TITLES[engine] for engine in ENGINES)]
    head += [f"to {TITLES[rival]}" for rival in rivals]
    rows = []
    for name, rounds in cpu.items():
        ratios = [ratio(figures(rounds, "darkroom"), figures(rounds, rival)) for rival in rivals]
        short = " (falls short)" if ratios[0].value > MAX_RATIO else ""
        cells = [f"{median(rounds, engine, 'cpu_ms'):.0f}" for engine in ENGINES]
        rows.append([name, *cells, f"{ratios[0]}{short}", *map(str, ratios[1:])])
    return page.table(head, rows)


def figures(rounds: list[Round], engine: str) -> list[float]:
    """Return the CPU milliseconds of an engine, round by round."""
    return [each[engine]["cpu_ms"] for each in rounds]


def _similarity(found: dict[str, dict[str, dict[str, Any]]]) -> str:
    head = ["SSIM to the reference (desktop / tablet / phone), KB in all", *(TITLES[engine] for engine in ENGINES[:-1])]
    rows = []
    for name, by_engine in found.items():
        cells = []
        for engine in ENGINES[:-1]:
            ssim = " / ".join(f"{value:.4f}".lstrip("0") for value in by_engine[engine]["ssim"].values())
            cells.append(f"{ssim}, {sum(by_engine[engine]['bytes'].values()) / 1000:.0f}")
        rows.append([name, *cells])
    return page.table(head, rows, column="---")


def _memory(found: dict[str, dict[str, float]]) -> str:
    engines = ENGINES[:-1]
    rows = [
        [name, *(f"{by_engine[engine]:.0f}" if engine in by_engine else "" for engine in engines)]
        for name, by_engine in found.items()
    ]
    return page.table(["Peak MB, one job in a fresh process", *(TITLES[engine] for engine in engines)], rows)
