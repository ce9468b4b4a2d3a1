"""Which messages a command works on: the options that choose, and the queue that is held meanwhile."""

import fnmatch
import functools
import inspect
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer

from ops.cli.dlq.causes import Diagnosis, join
from ops.cli.dlq.messages import HeldMessages
from ops.cli.dlq.report import check_result, print_chosen, warn_of_unseen
from ops.cli.queues import BulkSender, OutgoingMessage
from ops.cli.stage import Stage
from ops.cli.terminal import counting, many, quoted, stderr
from ops.errors import NotFoundError, UsageError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORTEST = 4  # characters of an id
Result = TypeVar("Result")
UNTRACKED = "refer to no object of this stage, so their outcome cannot be tracked"


@dataclass(frozen=True, slots=True)
class Filter:
    """Messages that satisfy every condition that is set; ages are in seconds since the message was first sent."""

    ids: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    where: str = ""
    bucket: str = ""
    older_than: float | None = None
    newer_than: float | None = None

    def __bool__(self) -> bool:
        return self != Filter()

    def __str__(self) -> str:
        """As it is typed."""
        ages = {"--older-than": self.older_than, "--newer-than": self.newer_than}
        options = [("--cause", quoted(cause)) for cause in self.causes]
        options += [(name, quoted(text)) for name, text in (("--where", self.where), ("--bucket", self.bucket)) if text]
        options += [(name, f"{age:g}s") for name, age in ages.items() if age is not None]
        return " ".join([*(f"{name} {text}" for name, text in options), *self.ids]) or "--all"

    def choose(self, diagnoses: Sequence[Diagnosis], stage: Stage, *, now: float | None = None) -> list[Diagnosis]:
        """The messages that satisfy it, in their order.

        Raises:
            NotFoundError, UsageError: as `by_id`.
        """
        named = {by_id(name, diagnoses, stage).message.message_id for name in self.ids}
        at = time.time() if now is None else now
        return [
            each
            for each in diagnoses
            if (not named or each.message.message_id in named)
            and (not self.causes or not {each.cause.id, each.cause.name}.isdisjoint(self.causes))
            and (not self.where or fnmatch.fnmatchcase(each.key, self.where))
            and (not self.bucket or each.bucket == self.bucket)
            and (self.older_than is None or at - each.message.sent_at > self.older_than)
            and (self.newer_than is None or at - each.message.sent_at < self.newer_than)
        ]


def by_id(name: str, diagnoses: Sequence[Diagnosis], stage: Stage) -> Diagnosis:
    """The message whose id begins like this.

    Raises:
        NotFoundError: there is none.
        UsageError: this is too short, or there are several.
    """
    if len(name) < SHORTEST:
        raise UsageError(f"{name!r} is too short for an id: give at least {SHORTEST} characters of it")
    found = [each for each in diagnoses if each.message.message_id.startswith(name)]
    if not found:
        raise NotFoundError(f"no message has the id {name}: list them with: {stage.command('dlq', 'list')}")
    if len(found) > 1:
        raise UsageError(f"{many(len(found), 'message')} have ids that begin with {name}: give more characters")
    return found[0]


def check_chosen(chosen: Filter, *, everything: bool) -> None:
    """Refuse a command that changes messages and does not say which.

    Raises:
        UsageError: neither a filter nor --all, or both.
    """
    if not chosen and not everything:
        raise UsageError("choose messages: by ids, --cause, --where, --bucket or an age, or --all of them")
    check_all(chosen, everything=everything)


def check_all(chosen: Filter, *, everything: bool) -> None:
    """Refuse a filter beside --all.

    Raises:
        UsageError: both were given.
    """
    if chosen and everything:
        raise UsageError("--all chooses every message: leave it out, or the other options")


def seconds(text: str) -> float:
    """Read an age such as ``90s``, ``30m``, ``2h`` or ``7d``."""
    if not (match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)):
        raise typer.BadParameter(f"{text!r} is not an age: give a number and s, m, h or d, as in 2h")
    return float(match[1]) * UNITS[match[2]]


Everything = Annotated[bool, typer.Option("--all", help="Every message, instead of a filter.")]
IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Messages by their ids.")]
CauseOption = Annotated[
    list[str] | None, typer.Option("--cause", help="Only this cause, as `dlq groups` names it; may be repeated.")
]
WhereOption = Annotated[
    str, typer.Option("--where", metavar="GLOB", help="Only keys that match; * matches slashes too.")
]
BucketOption = Annotated[str, typer.Option("--bucket", help="Only objects of this bucket.")]
OlderOption = Annotated[
    float | None,
    typer.Option("--older-than", metavar="AGE", parser=seconds, help="Only messages first sent longer ago, as in 7d."),
]
NewerOption = Annotated[
    float | None,
    typer.Option("--newer-than", metavar="AGE", parser=seconds, help="Only messages first sent since, as in 2h."),
]
OPTIONS: dict[str, tuple[Any, Any]] = {
    "causes": (CauseOption, None),
    "where": (WhereOption, ""),
    "bucket": (BucketOption, ""),
    "older_than": (OlderOption, None),
    "newer_than": (NewerOption, None),
}


def filtered(command: Callable[..., Result]) -> Callable[..., Result]:
    """Give a command that takes a `Filter` as ``chosen`` the argument and the options that make one, in its place."""
    signature = inspect.signature(command)

    @functools.wraps(command)
    def with_filter(*, ids: list[str] | None, causes: list[str] | None, **others: Any) -> Result:
        own = {name: others.pop(name) for name in OPTIONS if name != "causes"}
        return command(chosen=Filter(tuple(ids or ()), tuple(causes or ()), **own), **others)

    kinds = {"ids": (IdsArgument, None)} | OPTIONS
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, (annotation, default) in kinds.items()
    ]
    own = [
        each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        for each in signature.parameters.values()
        if each.name != "chosen"
    ]
    with_filter.__signature__ = signature.replace(parameters=[*added, *own])  # type: ignore[attr-defined]
    hints = {name: note for name, (note, _) in kinds.items()} | {each.name: each.annotation for each in own}
    with_filter.__annotations__ = hints | {"return": signature.return_annotation}
    return with_filter


@dataclass(frozen=True, slots=True)
class HeldQueue:
    """Every message of the dead-letter queue with its diagnosis, hidden from others."""

    held: HeldMessages
    diagnoses: list[Diagnosis]
    most: int | None = None

    def following(self, stage: Stage) -> list[Diagnosis]:
        """The next messages of a queue that is read in parts, after those before were deleted or stay hidden."""
        return _read(stage, self.held, self.most)

    @property
    def seen(self) -> dict[str, int]:
        """How many messages were seen, and about how many were not: part of every command's JSON."""
        return {"seen": len(self.diagnoses), "unseen": self.held.unseen}

    def keep_only(self, chosen: Sequence[Diagnosis]) -> None:
        """Put the others back."""
        kept = {each.message.message_id for each in chosen}
        self.held.release(each.message for each in self.diagnoses if each.message.message_id not in kept)


@contextmanager
def hold_queue(stage: Stage, *, most: int | None = None) -> Iterator[HeldQueue]:
    """Receive and join every message, hide them while the block runs, and put back what is left of them.

    Args:
        most: read the queue in parts of about so many; None for all at once.
    """
    with HeldMessages(stage.client("sqs"), stage.dlq_url) as held:
        yield HeldQueue(held, _read(stage, held, most), most)
    if held.escaped:
        stderr().print(f"{held.escaped} could not be kept hidden: another command may have had them at the same time")


def read_queue(stage: Stage) -> HeldQueue:
    """The same; all messages are back in the queue when this returns."""
    with hold_queue(stage) as queue:
        return queue


def outgoing(diagnoses: Sequence[Diagnosis], mark: str) -> Iterator[tuple[Diagnosis, OutgoingMessage]]:
    """Each with the message that is sent again."""
    return ((each, each.message.outgoing(mark)) for each in diagnoses)


def print_refused(sender: BulkSender[Diagnosis]) -> None:
    """Print each message that SQS refused, and why."""
    for each, why in sender.refused:
        stderr().print(f"refused: {each.message.id} {each.key}: {why}")


def split_canaries(diagnoses: Sequence[Diagnosis], canaries: int) -> tuple[list[Diagnosis], list[Diagnosis]]:
    """Those to send first, such as can fail again before others, and the rest; no canary is without an object."""
    ordered = sorted(diagnoses, key=lambda each: (not each.is_tracked, each.record is None or each.is_over))
    count = min(canaries, sum(each.is_tracked for each in diagnoses))
    return ordered[:count], ordered[count:]


def check_canaries(selected: Sequence[Diagnosis], canaries: int) -> None:
    """Refuse to send some first where no outcome can be known.

    Raises:
        UsageError: each of them refers to no object of this stage, or is ignored.
    """
    if canaries and selected and not any(each.is_tracked for each in selected):
        raise UsageError(
            f"these messages {UNTRACKED}, or are ignored by the recipe: none can be a canary. Export them, then purge."
        )


def _read(stage: Stage, held: HeldMessages, most: int | None) -> list[Diagnosis]:
    with counting("messages") as count:
        messages = held.read(count, most=most)
    if most is None and held.unseen:
        warn_of_unseen(held)
    return join(stage, messages)


def print_plan(queue: HeldQueue, selected: Sequence[Diagnosis], verb: str, chosen: Filter, *, as_json: bool) -> None:
    """The messages that a command would work on; exit code 1 where there should be some and are none."""
    print_chosen(selected, verb, as_json=as_json, **queue.seen)
    check_result(queue.held, selected, is_filtered=bool(chosen))
