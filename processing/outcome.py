"""How the processing of one object ends, unless it raises: see `errors`."""

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """The ways in which processing an object succeeds."""

    DONE = "done"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    REMOVED = "removed"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of processing one object.

    ``timings`` are milliseconds by stage; ``puts`` are the requests to write variants, refused ones among them.
    """

    kind: Kind
    attempt: int = 0
    timings: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    puts: int = 0
