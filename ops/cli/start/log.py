"""What the consumer's log says: one JSON object a line, with the outcome of one delivery of one object."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path


def count_outcomes(log_dir: Path) -> Counter[str]:
    """How often each outcome was logged so far, over all execution environments."""
    lines = (line for log in sorted(log_dir.glob("*.log")) for line in _lines(log))
    return Counter(str(line["outcome"]) for line in lines if "outcome" in line)


def _lines(log: Path) -> Iterator[dict[str, object]]:
    """The JSON objects among the lines; the rest is what the runtime or a library printed."""
    with log.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("{"):
                try:
                    yield json.loads(line)
                except ValueError:
                    continue  # begins like JSON and is not: not one of the consumer's
