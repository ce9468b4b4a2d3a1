"""What the consumer's log shows: effects done twice, messages delivered too soon or not postponed, receives used up."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import Any

Line = dict[str, Any]

UNTOLD = "killed before it was told"


def read(log_dir: Path) -> list[Line]:
    """One line for each message that was worked on, by all environments."""
    return [line for path in sorted(log_dir.glob("chaos-*.log")) for line in _lines(path) if "message_id" in line]


def _lines(path: Path) -> Iterator[Line]:
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("{") and line.endswith("}"):  # a killed process leaves half a line
            yield json.loads(line)


def done_twice(lines: Iterable[Line], objects: Collection[str]) -> list[str]:
    """Those of ``objects`` that were done more than once."""
    done = Counter(line["object"] for line in lines if line["outcome"] == "done")
    return [f"{thing}: done {n} times" for thing, n in done.items() if n > 1 and thing in objects]


def back_too_soon(lines: Iterable[Line]) -> list[str]:
    """The messages that met the lease which they had been put off for: each such receive is used up for nothing."""
    met = Counter((line["message_id"], line["reason"]["message"]) for line in lines if line["outcome"] == "busy")
    return [f"{message}: put off {n} times, as {reason}" for (message, reason), n in met.items() if n > 1]


def gave_up_postponing(log_dir: Path) -> int:
    """How many batches could not have their messages' delays set, after every try."""
    return sum(
        path.read_text(errors="replace").count('"messages were not postponed') for path in log_dir.glob("chaos-*.log")
    )


def used_up(lines: Iterable[Line], messages: Collection[str], receives: int) -> Counter[str]:
    """What became of each of the ``receives`` that every one of ``messages`` had before it died."""
    told = {(line["message_id"], line["receive"]): line for line in lines if line["message_id"] in messages}
    found = Counter(_became(line) for line in told.values())
    found[UNTOLD] = receives * len(messages) - found.total()
    return +found


def _became(line: Line) -> str:
    return f"{line['outcome']} ({line['reason']['cause']})" if line["outcome"] == "retryable" else line["outcome"]
