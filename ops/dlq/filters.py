"""Which letters a command is to work on: one set of options for all of them, and one meaning."""

import fnmatch
import functools
import inspect
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import typer

from ops.dlq.causes import Case
from ops.errors import UsageError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
SHORTEST = 4  # characters of an id
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Filter:
    """Letters that satisfy every condition that is set; ages are seconds since the letter was first sent."""

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
        options = [("--cause", cause) for cause in self.causes]
        options += [(name, text) for name, text in (("--where", self.where), ("--bucket", self.bucket)) if text]
        options += [(name, f"{age:g}s") for name, age in ages.items() if age is not None]
        return " ".join([*(f"{name} {text}" for name, text in options), *self.ids]) or "--all"

    def choose(self, cases: Sequence[Case], *, now: float | None = None) -> list[Case]:
        """The cases that satisfy it, in their order.

        Raises:
            UsageError: an id that is no letter's, or more than one's.
        """
        named = {by_id(name, cases).letter.message_id for name in self.ids}
        at = time.time() if now is None else now
        return [
            case
            for case in cases
            if (not named or case.letter.message_id in named)
            and (not self.causes or not {case.cause.id, case.cause.name}.isdisjoint(self.causes))
            and (not self.where or fnmatch.fnmatchcase(case.key, self.where))
            and (not self.bucket or case.bucket == self.bucket)
            and (self.older_than is None or at - case.letter.sent_at > self.older_than)
            and (self.newer_than is None or at - case.letter.sent_at < self.newer_than)
        ]


def by_id(name: str, cases: Sequence[Case]) -> Case:
    """The case of the letter whose message id begins like this.

    Raises:
        UsageError: none, or more than one.
    """
    found = [case for case in cases if len(name) >= SHORTEST and case.letter.message_id.startswith(name)]
    if not found:
        raise UsageError(f"no letter here has the id {name}: `darkroom dlq list` shows them")
    if len(found) > 1:
        raise UsageError(f"{len(found)} letters have ids that begin with {name}: give more of it")
    return found[0]


def seconds(text: str) -> float:
    """Read an age such as ``90s``, ``30m``, ``2h`` or ``7d``."""
    if not (match := re.fullmatch(r"(\d+(?:\.\d+)?)([smhd])", text)):
        raise typer.BadParameter(f"{text!r} is no age: give a number and s, m, h or d, as in 2h")
    return float(match[1]) * UNITS[match[2]]


IdsArgument = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Letters by their ids.")]
CauseOption = Annotated[
    list[str] | None, typer.Option("--cause", help="Only this cause, as `dlq groups` names it; may be repeated.")
]
WhereOption = Annotated[
    str, typer.Option("--where", metavar="GLOB", help="Only keys like this; * stands for slashes as well.")
]
BucketOption = Annotated[str, typer.Option("--bucket", help="Only objects of this bucket.")]
OlderOption = Annotated[
    float | None,
    typer.Option("--older-than", metavar="AGE", parser=seconds, help="Only what was sent before 2h, 7d, ..."),
]
NewerOption = Annotated[
    float | None,
    typer.Option("--newer-than", metavar="AGE", parser=seconds, help="Only what was sent since 30m, 1d, ..."),
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
