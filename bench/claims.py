"""The comparison with other tools in README.md, in a few sentences, from the tables of docs/benchmarks.md.

Run as ``python -m bench.claims --write`` after the commands that write those tables. A sentence whose table has no row
for the default deployment is left out; a test compares README.md with the page.
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


def sentences(measured: Path, batch: int) -> str:
    """Return the sentences; empty where no table has the rows."""
    texts = [page.read(part, measured) for part in ("bench.pipeline", "bench.engine")]
    claims = [*_pipeline(page.tables(texts[0]), batch), *_engine(page.tables(texts[1]))]
    processors = sorted(
        {found for text in texts for found in re.findall(r" at commit \S+ on \d+ cores \(([^,)]+)", text)}
    )
    if not claims:
        return ""
    return f"{' '.join(claims)} [Measured](docs/benchmarks.md) on {', '.join(processors)}."


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
            f"With S3 50 ms away, one environment processes {usual[0]} times as many small images a second as"
            f" Powertools' batch and idempotency utilities, and {usual[1]} times as many 12 MP photos. Compared with a"
            f" loop with ten threads, it processes {threads[0]} times as many small images in {memory[0]} of the"
            f" memory, and {threads[1]} times as many 12 MP photos in {memory[1]} of the memory."
        )


def _engine(found: Mapping[str, Rows]) -> Iterator[str]:
    row = _row(_table(found, "CPU ms per image"), HEADLINE)
    if row:
        cascade, each = (_number(row[f"to {TITLES[rival]}"]) for rival in ("sharp-cascade", "sharp-per-variant"))
        yield (
            f"Rendering a 12 MP photo takes {cascade} of the CPU time of sharp's best cascade, and {each} of that of"
            " sharp called once for each variant."
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
    parser.add_argument("--write", action="store_true", help="write the sentences to README.md")
    options = parser.parse_args(arguments)
    text = sentences(page.PAGE, deployed_batch())
    print(text)
    if options.write:
        page.replace(PART, text, README, around="")


if __name__ == "__main__":
    main()
