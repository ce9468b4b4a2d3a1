"""The tables and plots of docs/benchmarks.md, as the commands write them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.runner import PROJECT

DOCS = PROJECT / "docs"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, column: str = "---:") -> str:
    """Return a Markdown table; ``column`` is the rule under every column but the first."""
    rule = ["---", *[column] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def write(part: str, text: str, page: Path = DOCS / "benchmarks.md") -> None:
    """Replace what stands between the marks of this part of the page."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    head, _, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found, tail = rest.partition(end)
    if not found:
        raise ValueError(f"{page} has no part {part}")
    page.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}", encoding="utf-8")


def pyplot() -> Any:
    """Import matplotlib.pyplot, for files alone."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def tidy(axes: Any, *, grid: str) -> None:
    """Give a plot its light grid and remove its upper and right border."""
    axes.grid(axis=grid, color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
