"""A stage's status, for people and for programs."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from ops.mapping import ENABLED
from ops.stage import Stage
from ops.status.looking import Status
from ops.status.rates import Rate

Line = tuple[str, str, str]
"""A name, what there is to say, and a style."""


def page(stage: Stage, status: Status) -> Table:
    """One screen."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, sentence, style in _lines(stage, status):
        grid.add_row(name, Text(sentence, style))
    return grid


def as_json(stage: Stage, status: Status) -> dict[str, Any]:
    """The same for programs; what is not known is null."""
    return {
        "stage": stage.name,
        "region": stage.region,
        "at": status.at.isoformat(timespec="seconds"),
        "queue": asdict(status.queue),
        "oldest_seconds": status.oldest,
        "dead_letters": status.dead_letters,
        "mapping": asdict(status.mapping),
        "rate_per_second": asdict(status.rate),
        "seconds_to_drain": status.seconds_to_drain,
        "last_hour": asdict(status.outcomes),
    }


def duration(seconds: float) -> str:
    """For people: two units at most."""
    units = [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)]
    left, parts = round(seconds), []
    for unit, size in units:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
    return " ".join(parts[:2]) or "0 s"


def _lines(stage: Stage, status: Status) -> Iterator[Line]:
    queue, dead, mapping = status.queue, status.dead_letters, status.mapping
    yield stage.name, f"{stage.region}, {status.at:%Y-%m-%d %H:%M:%S} UTC", ""
    yield "queue", f"{queue.waiting:,} waiting, {queue.in_flight:,} in flight, {queue.delayed:,} delayed", ""
    yield "oldest", "-" if status.oldest is None else duration(status.oldest), ""
    yield "rate", _rate(status.rate), ""
    yield "drained", _drained(status), ""
    why = f": darkroom dlq groups --stage {stage.name}" if dead else ""
    yield "dead", f"{dead:,} dead letters{why}", "red" if dead else ""
    yield "mapping", _mapping(status), "" if mapping.state == ENABLED else "yellow"
    yield "last hour", _outcomes(status), ""


def _rate(rate: Rate) -> str:
    if not rate.source:
        return "unknown"
    if rate.finished is None:
        return f"{_change(rate.shrinking or 0.0)} ({rate.source})"
    arriving = "" if rate.arriving is None else f", {rate.arriving:,.1f} arrive"
    return f"{rate.finished:,.1f} a second finish{arriving} ({rate.source})"


def _change(shrinking: float) -> str:
    if abs(shrinking) < 0.05:
        return "as long as before"
    return f"{'shorter' if shrinking > 0 else 'longer'} by {abs(shrinking):,.1f} a second"


def _drained(status: Status) -> str:
    seconds, shrinking = status.seconds_to_drain, status.rate.shrinking
    if seconds is not None:
        return f"in {duration(seconds)}" if seconds else "now"
    if status.mapping.state != ENABLED:
        return f"not while the mapping is {status.mapping.state}"
    return "unknown" if shrinking is None else "not at this rate"


def _mapping(status: Status) -> str:
    mapping = status.mapping
    most = mapping.maximum_concurrency
    limit = "as many at once as the account allows" if most is None else f"at most {most:,} at once"
    return f"{mapping.state}, {limit}, batches of {mapping.batch_size:,}"


def _outcomes(status: Status) -> str:
    outcomes = status.outcomes
    least = "" if outcomes.complete else "at least "
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in outcomes.counts.items())
    return f"{least}{counts or 'nothing'} ({outcomes.source})"
