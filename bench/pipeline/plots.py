"""The plots of bench.pipeline."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import page
from bench.pipeline.figures import named, speed
from bench.pipeline.measure import BATCH, CONSUMERS, ENGINE
from bench.pipeline.report import TITLES, Cell, cells_of

PLOT, GROWTH_PLOT = page.DOCS / "benchmarks-pipeline.png", page.DOCS / "benchmarks-growth.png"
COLORS = {"darkroom": "#d1495b", "usual": "#00798c", "naive": "#7a6fa6", "threads": "#edae49", ENGINE: "#1b1b1b"}
WIDTH = 0.21  # of a bar; the latencies are 1 apart


def write(results: dict[str, Any]) -> None:
    """Write the plots into docs/."""
    plot(cells_of(results), PLOT)
    if results["growth"]:
        plot_growth(results["growth"], GROWTH_PLOT)


def plot(cells: Sequence[Cell], file: Path) -> None:
    """Images a second by latency, a panel for each class."""
    plt = page.pyplot()
    kinds = {kind: [cell for cell in cells if cell.kind == kind] for kind in dict.fromkeys(cell.kind for cell in cells)}
    figure, panels = plt.subplots(1, len(kinds), figsize=(3.6 * len(kinds), 3.9), layout="constrained", squeeze=False)
    for axes, (kind, by_latency) in zip(panels[0], kinds.items(), strict=True):
        batch = _shown(by_latency[0])
        _bars(axes, by_latency, batch)
        axes.set_title(f"{kind}, batches of {batch}", fontsize=10)
    panels[0][0].set_ylabel("images a second, one core")
    handles, labels = panels[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=5, frameon=False)
    figure.savefig(file, dpi=110)
    plt.close(figure)


def _shown(cell: Cell) -> int:
    """The batch size of the service, or the largest."""
    return cell.bound if cell.bound in cell.batches else cell.batches[-1]


def _bars(axes: Any, cells: Sequence[Cell], batch: int) -> None:
    for place, way in enumerate(CONSUMERS):
        speeds = [speed(cell.rounds, named(way, batch)) for cell in cells]
        at = [number + (place - (len(CONSUMERS) - 1) / 2) * WIDTH for number in range(len(cells))]
        bars = axes.bar(at, speeds, WIDTH * 0.95, color=COLORS[way], label=TITLES[way])
        axes.bar_label(bars, [f"{each:.1f}" for each in speeds], fontsize=7, padding=1)
    for number, cell in enumerate(cells):
        limit = speed(cell.rounds, named(ENGINE, cell.batches[0]))
        axes.plot([number - 0.43, number + 0.43], [limit] * 2, color=COLORS[ENGINE], lw=1.2)
    axes.plot([], [], color=COLORS[ENGINE], lw=1.2, label=TITLES[ENGINE])
    axes.set_xticks(range(len(cells)), [cell.latency for cell in cells])
    axes.set_xlabel("latency of S3, ms")
    page.tidy(axes, grid="y")


def plot_growth(found: dict[str, list[list[float]]], file: Path) -> None:
    """CPU milliseconds an image and memory, against the number of processed messages."""
    plt = page.pyplot()
    figure, (time, memory) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for way, batches in found.items():
        step = max(1, len(batches) // 40)
        groups = [batches[at : at + step] for at in range(0, len(batches), step)]
        at = [(number + 1) * step * BATCH for number in range(len(groups))]
        cpu = [statistics.median(each[1] for each in group) for group in groups]
        time.plot(at, cpu, color=COLORS[way], lw=1.6, label=TITLES[way])
        memory.plot(at, [group[-1][2] for group in groups], color=COLORS[way], lw=1.6)
    time.set_ylabel("CPU ms an image (tiny images, 0 ms)")
    memory.set_ylabel("MB of the consumer and its children")
    for axes in (time, memory):
        axes.set_xlabel("processed messages")
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        page.tidy(axes, grid="y")
    figure.legend(loc="outside upper center", ncols=len(found), frameon=False)
    figure.savefig(file, dpi=110)
    plt.close(figure)
