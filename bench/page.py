"""The tables and plots of docs/benchmarks.md, as the commands write them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.runner import PROJECT

DOCS = PROJECT / "docs"
PAGE = DOCS / "benchmarks.md"
MEASURED = re.compile(r"Measured .+ at commit \S+ on \d+ cores \(.+\), load average .+")
"""How every part begins: see `bench.machine.sentence`."""


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, column: str = "---:") -> str:
    """Return a Markdown table; ``column`` is the rule under every column but the first."""
    rule = ["---", *[column] * (len(head) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, rule, *rows])


def write(part: str, text: str, page: Path = PAGE) -> None:
    """Replace what stands between the marks of this part of the page.

    Raises:
        ValueError: the page has no such part, or the text does not begin with what it was measured on.
    """
    if not MEASURED.match(text):
        raise ValueError(f"the part {part} does not begin with the machine, the commit, the date and the load")
    replace(part, text, page)


def replace(part: str, text: str, page: Path, *, around: str = "\n\n") -> None:
    """Replace, with blank lines ``around`` it, what stands between the marks of this part of a page.

    Raises:
        ValueError: the page has no such part.
    """
    head, _, tail = _around(part, page)
    page.write_text(f"{head}{around}{text}{around}{tail}", encoding="utf-8")


def read(part: str, page: Path = PAGE) -> str:
    """Return what stands between the marks of this part of a page.

    Raises:
        ValueError: the page has no such part.
    """
    return _around(part, page)[1].strip()


def _around(part: str, page: Path) -> tuple[str, str, str]:
    """Return the page up to and with the first mark, what stands between the marks, and the page from the second."""
    begin, end = f"<!-- {part}: begin -->", f"<!-- {part}: end -->"
    head, _, rest = page.read_text(encoding="utf-8").partition(begin)
    inner, found, tail = rest.partition(end)
    if not found:
        raise ValueError(f"{page} has no part {part}")
    return head + begin, inner, end + tail


def tables(text: str) -> dict[str, list[dict[str, str]]]:
    """Return the Markdown tables of a text, by the first cell of their heads; each row by the cells of the head."""
    found: dict[str, list[dict[str, str]]] = {}
    for block in re.findall(r"(?:^\|.*\|$\n?)+", text, re.MULTILINE):
        head, _, *rows = ([cell.strip() for cell in line.strip("|").split(" | ")] for line in block.strip().split("\n"))
        found[head[0]] = [dict(zip(head, row, strict=True)) for row in rows]
    return found


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
