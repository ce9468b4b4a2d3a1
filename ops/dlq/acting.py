"""What every command does that sends or deletes letters: ask which, keep that it did, and say what came of it."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import typer

from ops.dlq.causes import Case
from ops.dlq.files import many
from ops.dlq.filters import Filter
from ops.dlq.history import Entry, History
from ops.dlq.redrive import DONE
from ops.errors import UsageError
from ops.stage import Stage
from ops.terminal import paper, print_json, table, words

Everything = Annotated[bool, typer.Option("--all", help="Every letter, where nothing else says which.")]
RateOption = Annotated[
    float | None, typer.Option("--rate", min=0.1, help="Send so many a second.", show_default="as fast as it goes")
]


def check_chosen(chosen: Filter, *, everything: bool) -> None:
    """Refuse a command that acts on letters and was not told on which.

    Raises:
        UsageError: neither a filter nor --all, or both.
    """
    if not chosen and not everything:
        raise UsageError("say which letters: ids, --cause, --where, --bucket, an age, or --all")
    if chosen and everything:
        raise UsageError("--all is every letter: leave it out, or the other options")


def show_chosen(cases: Sequence[Case], what: str, *, as_json: bool, **seen: int) -> None:
    """What a command would work on, by cause, and for programs how much of the queue was seen."""
    causes = counted(cases)
    if as_json:
        print_json({"letters": len(cases), "causes": causes} | seen)
    else:
        words().print(f"{many(len(cases))} {what}" if cases else what)
        if cases:
            paper().print(table(("letters", "cause"), [(n, cause) for cause, n in causes.items()], right=("letters",)))


def counted(cases: Sequence[Case]) -> dict[str, int]:
    """How many letters died of each cause, the most frequent first."""
    return dict(Counter(case.cause.id for case in cases).most_common())


@contextmanager
def kept(stage: Stage, entry: Entry) -> Iterator[History]:
    """Write the entry, and when the block breaks off, that it did."""
    history = History(stage)
    history.write(entry)
    try:
        yield history
    except KeyboardInterrupt:
        history.end(entry, "interrupted")
        raise
    except Exception as error:
        history.end(entry, "broke off", str(error))
        raise


def finish(entry: Entry, *, as_json: bool, verb: str = "sent") -> None:
    """Print what came of it; exit code 1 when anything is left to be seen to."""
    if as_json:
        print_json(asdict(entry))
    else:
        paper().print(_summary(entry, verb), soft_wrap=True)
    if entry.result != DONE or entry.refused or entry.left or entry.failed_again:
        raise typer.Exit(1)


def _summary(entry: Entry, verb: str) -> str:
    followed = entry.passed + entry.failed_again
    parts = [
        f"{entry.sent} of {entry.letters} {verb}",
        f"{entry.passed} passed, {entry.failed_again} failed again" if followed else "",
        f"{entry.refused} refused" if entry.refused else "",
        f"{entry.left} could not be deleted and are in both queues" if entry.left else "",
    ]
    return ", ".join(filter(None, parts)) + ": " + ": ".join(filter(None, (entry.result, entry.why)))
