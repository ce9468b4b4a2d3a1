"""What README.md claims of other ways to do the same, in one sentence, from the tables of docs/benchmarks.md.

Run as ``python -m bench.claims --write`` after the commands that write those tables. A clause whose table has no row
for what is deployed by default is left out; a test compares README.md with the page.
"""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench import page
from bench.engine.classes import HEADLINE
from bench.engine.report import TITLES
from bench.pipeline.settings import deployed_batch
from bench.runner import PROJECT

README: Final = PROJECT / "README.md"
PART: Final = "bench.claims"
Rows = Sequence[Mapping[str, str]]


def sentence(measured: Path, batch: int) -> str:
    """Return the sentence; empty where no table has the rows."""
    texts = [page.read(part, measured) for part in ("bench.pipeline", "bench.engine")]
    clauses = [*_pipeline(page.tables(texts[0]), batch), *_engine(page.tables(texts[1]))]
    processors = sorted(
        {found for text in texts for found in re.findall(r" at commit \S+ on \d+ cores \(([^,)]+)", text)}
    )
    said = "; ".join(clauses)
    return f"{said[0].upper()}{said[1:]} ([measured](docs/benchmarks.md) on {', '.join(processors)})." if said else ""


def _pipeline(found: Mapping[str, Rows], batch: int) -> Iterator[str]:
    speeds, peaks = (_table(found, begin) for begin in ("images a second", "peak MB"))
    small, photos = (_row(speeds, f"{kind}, 50 ms, batches of {batch}") for kind in ("small", "12 MP"))
    less, least = (_row(peaks, f"{kind}, batches of {batch}") for kind in ("small", "12 MP"))
    if small and photos and less and least:
        usual, threads = (
            [_number(row[f"to {rival}"]) for row in (small, photos)] for rival in ("usual", "ten threads")
        )
        memory = [_number(row["to ten threads"]) for row in (less, least)]
        yield (
            f"one environment makes {usual[0]} times the images a second of Powertools' batch and idempotency utilities"
            f" on small images ({usual[1]} on 12 MP), and {threads[0]} times those of a loop with ten threads"
            f" ({threads[1]}) in {memory[0]} of its memory ({memory[1]}), 50 ms from S3"
        )


def _engine(found: Mapping[str, Rows]) -> Iterator[str]:
    row = _row(_table(found, "CPU ms per image"), HEADLINE)
    if row:
        cascade, each = (_number(row[f"to {TITLES[rival]}"]) for rival in ("sharp-cascade", "sharp-per-variant"))
        yield (
            f"rendering a 12 MP photo takes {cascade} of the CPU of sharp's best cascade, and {each} of sharp called"
            " once a variant"
        )


def _table(found: Mapping[str, Rows], begin: str) -> Rows:
    return next((rows for head, rows in found.items() if head.startswith(begin)), [])


def _row(rows: Rows, label: str) -> Mapping[str, str] | None:
    return next((row for row in rows if next(iter(row.values())) == label), None)


def _number(cell: str) -> str:
    """Return a ratio without its interval and mark."""
    return cell.split(" ")[0]


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.claims", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the sentence to README.md")
    options = parser.parse_args(arguments)
    text = sentence(page.PAGE, deployed_batch())
    print(text)
    if options.write:
        page.replace(PART, text, README, around="")


if __name__ == "__main__":
    main()
