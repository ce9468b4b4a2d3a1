"""The tables and plots of bench.pipeline."""

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench import page
from bench.machine import sentence
from bench.pipeline.cost import Cost, cost, gb_seconds
from bench.pipeline.growth import at_counts
from bench.pipeline.measure import BATCH, CONSUMERS, ENGINE, MEMORY, OURS
from bench.runner import median

PLOT, GROWTH_PLOT = page.DOCS / "benchmarks-pipeline.png", page.DOCS / "benchmarks-growth.png"
TITLES = {"darkroom": "Darkroom", "usual": "usual", "naive": "naive", ENGINE: "engine alone"}
COLOURS = {"darkroom": "#d1495b", "usual": "#00798c", "naive": "#7a6fa6", ENGINE: "#1b1b1b"}
BOUND_LATENCY = "50"
MIN_RATIOS = {"small": 3.0, "12 MP": 1.5}
"""Our images a second by the usual consumer's, at 50 ms of latency."""
MAX_OVERHEAD = 12.0  # CPU milliseconds an image beyond the engine's

Round = dict[str, dict[str, Any]]


def text(results: dict[str, Any]) -> str:
    """Return all tables."""
    parts = [sentence(results["before"], results["after"]), _speed(results["cells"]), _cpu(results["cells"])]
    parts += [_requests(results["cells"]), _costs(results["cells"])]
    if results.get("beside"):
        parts.append(_beside(results["cells"], results["beside"]))
    if results["growth"]:
        parts.append(_growth(results["growth"]))
    return "\n\n".join(parts)


def brief(kind: str, latency: int, rounds: Sequence[Round]) -> str:
    """Return one cell in one line, to show progress."""
    each = ", ".join(
        f"{way} {speed(rounds, way):.1f}/s {cpu(rounds, way):.0f} ms ({beyond(rounds, way):+.1f})" for way in rounds[0]
    )
    return f"{kind}, {latency} ms: {each}"


def write(tables: str, results: dict[str, Any]) -> None:
    """Write the tables into docs/benchmarks.md, and the plots beside it."""
    page.write("bench.pipeline", tables)
    plot(results["cells"], PLOT)
    if results["growth"]:
        plot_growth(results["growth"], GROWTH_PLOT)


def speed(rounds: Sequence[Round], way: str) -> float:
    """Return the images a second of the median batch."""
    return BATCH / median(rounds, way, "wall")


def cpu(rounds: Sequence[Round], way: str) -> float:
    """Return the CPU milliseconds an image, of all processes."""
    return median(rounds, way, "cpu") * 1000 / BATCH


def beyond(rounds: Sequence[Round], way: str) -> float:
    """Return the CPU milliseconds an image beyond those of the engine alone, for the same batch in the same round."""
    return median(rounds, way, "cpu", against=ENGINE) * 1000 / BATCH


def cost_of(rounds: Sequence[Round], way: str) -> Cost:
    return cost(
        batch_seconds=median(rounds, way, "wall"),
        batch=BATCH,
        memory=MEMORY,
        requests=requests(rounds, way),
        logged=median(rounds, way, "logged") / BATCH,
    )


def requests(rounds: Sequence[Round], way: str) -> dict[str, float]:
    """Return the requests an image, by service and operation."""
    total: Counter[str] = Counter()
    for each in rounds:
        total.update(each[way]["requests"])
    return {name: count / BATCH / len(rounds) for name, count in sorted(total.items())}


def _speed(cells: dict[str, dict[str, list[Round]]]) -> str:
    head = ["images a second", *(TITLES[way] for way in CONSUMERS), "to usual", "to naive"]
    rows = []
    for kind, by_latency in cells.items():
        for latency, rounds in by_latency.items():
            ours, usual, naive = (speed(rounds, way) for way in CONSUMERS)
            short = latency == BOUND_LATENCY and ours / usual < MIN_RATIOS.get(kind, 0)
            rows.append([f"{kind}, {latency} ms", f"{ours:.1f}", f"{usual:.1f}", f"{naive:.1f}"])
            rows[-1] += [f"{ours / usual:.2f}" + (" (falls short)" if short else ""), f"{ours / naive:.2f}"]
    return page.table(head, rows)


def _cpu(cells: dict[str, dict[str, list[Round]]]) -> str:
    head = ["CPU ms an image", TITLES[ENGINE], *(f"{TITLES[way]}, beyond it" for way in CONSUMERS)]
    rows = []
    for kind, by_latency in cells.items():
        for latency, rounds in by_latency.items():
            more = [beyond(rounds, way) for way in CONSUMERS]
            short = " (falls short)" if more[0] > MAX_OVERHEAD else ""
            rows.append([f"{kind}, {latency} ms", f"{cpu(rounds, ENGINE):.1f}", f"{more[0]:.1f}{short}"])
            rows[-1] += [f"{each:.1f}" for each in more[1:]]
    return page.table(head, rows)


def _beside(cells: dict[str, dict[str, list[Round]]], commit: str) -> str:
    head = [
        f"now, and at {commit}",
        "images a second",
        "then",
        "CPU ms beyond the engine",
        "then",
        "GB-s a million",
        "then",
    ]
    rows = []
    for kind, by_latency in cells.items():
        for latency, rounds in by_latency.items():
            walls = [median(rounds, way, "wall") for way in OURS]
            figures = [f"{speed(rounds, way):.1f}" for way in OURS] + [f"{beyond(rounds, way):.1f}" for way in OURS]
            figures += [f"{gb_seconds(batch_seconds=wall, batch=BATCH, memory=MEMORY):,.0f}" for wall in walls]
            rows.append([f"{kind}, {latency} ms", *figures])
    return page.table(head, rows)


def _requests(cells: dict[str, dict[str, list[Round]]]) -> str:
    runs = [each for by_latency in cells.values() for rounds in by_latency.values() for each in rounds]
    counts = {way: requests(runs, way) for way in CONSUMERS}
    names = sorted({name for each in counts.values() for name in each})
    rows = [
        [TITLES[way], *(f"{each.get(name, 0):g}" for name in names), f"{sum(each.values()):g}"]
        for way, each in counts.items()
    ]
    return page.table(["requests an image", *names, "in all"], rows)


def _costs(cells: dict[str, dict[str, list[Round]]]) -> str:
    names = list(Cost.__dataclass_fields__)
    head = [f"$ per million images, {BOUND_LATENCY} ms", "GB-s", *names, "in all"]
    rows = []
    for kind, by_latency in cells.items():
        rounds = by_latency.get(BOUND_LATENCY, [])
        for way in CONSUMERS if rounds else ():
            found = cost_of(rounds, way)
            seconds = gb_seconds(batch_seconds=median(rounds, way, "wall"), batch=BATCH, memory=MEMORY)
            dollars = [f"{each:.2f}" for each in asdict(found).values()]
            rows.append([f"{kind}, {TITLES[way]}", f"{seconds:,.0f}", *dollars, f"{found.total:.2f}"])
    return page.table(head, rows)


def _growth(found: dict[str, list[list[float]]]) -> str:
    head = ["tiny images, 0 ms: an image around the", *(f"{TITLES[way]}: wall ms, CPU ms, MB" for way in found)]
    at = {way: at_counts(batches) for way, batches in found.items()}
    rows = []
    for count in next(iter(at.values())):
        cells = [[statistics.median(column) for column in zip(*at[way][count], strict=True)] for way in found]
        rows.append([f"{count:,}th", *(f"{wall:.1f}, {used:.1f}, {size:.0f}" for wall, used, size in cells)])
    return page.table(head, rows)


def plot(cells: dict[str, dict[str, list[Round]]], file: Path) -> None:
    """Images a second by latency, a panel for each class."""
    plt = page.pyplot()
    figure, panels = plt.subplots(1, len(cells), figsize=(3.6 * len(cells), 3.9), layout="constrained", squeeze=False)
    for axes, (kind, by_latency) in zip(panels[0], cells.items(), strict=True):
        latencies = list(by_latency)
        for place, way in enumerate(CONSUMERS):
            speeds = [speed(by_latency[latency], way) for latency in latencies]
            at = [number + (place - 1) * 0.27 for number in range(len(latencies))]
            bars = axes.bar(at, speeds, 0.25, color=COLOURS[way], label=TITLES[way])
            axes.bar_label(bars, [f"{each:.1f}" for each in speeds], fontsize=7, padding=1)
        for number, latency in enumerate(latencies):
            limit = speed(by_latency[latency], ENGINE)
            axes.plot([number - 0.42, number + 0.42], [limit] * 2, color=COLOURS[ENGINE], lw=1.2)
        axes.plot([], [], color=COLOURS[ENGINE], lw=1.2, label=TITLES[ENGINE])
        axes.set_xticks(range(len(latencies)), latencies)
        axes.set_title(kind, fontsize=10)
        axes.set_xlabel("latency of S3, ms")
        page.tidy(axes, grid="y")
    panels[0][0].set_ylabel("images a second, one core")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4, frameon=False)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def plot_growth(found: dict[str, list[list[float]]], file: Path) -> None:
    """CPU milliseconds an image and memory, against the number of processed messages."""
    plt = page.pyplot()
    figure, (time, memory) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for way, batches in found.items():
        step = max(1, len(batches) // 40)
        groups = [batches[at : at + step] for at in range(0, len(batches), step)]
        at = [(number + 1) * step * BATCH for number in range(len(groups))]
        time.plot(
            at,
            [statistics.median(each[1] for each in group) for group in groups],
            color=COLOURS[way],
            lw=1.6,
            label=TITLES[way],
        )
        memory.plot(at, [group[-1][2] for group in groups], color=COLOURS[way], lw=1.6)
    time.set_ylabel("CPU ms an image (tiny images, 0 ms)")
    memory.set_ylabel("MB of the consumer and its children")
    for axes in (time, memory):
        axes.set_xlabel("processed messages")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        page.tidy(axes, grid="y")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    figure.savefig(file, dpi=110)
    plt.close(figure)
