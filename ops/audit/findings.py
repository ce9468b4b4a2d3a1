"""The words for what is wrong."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from ops.backfill.sources import Found


class Kind(StrEnum):
    """What is wrong."""

    MISSING = "missing variant"
    STALE = "stale variant"
    ORPHAN = "orphaned variant"
    LEFTOVER = "variant of another recipe"
    NO_RECORD = "no record"
    NOT_DONE = "not done"
    OUTDATED = "done by another recipe"
    WRONG = "wrong picture"
    NOT_RENDERED = "cannot be rendered again"


class Fine(StrEnum):
    """What is not wrong, and no finished image either."""

    REJECTED = "rejected"
    PENDING = "on its way"
    FOLDER = "folders"
    ARCHIVED = "archived"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: with a source, or with a variant under its own key in the variants bucket.

    ``source`` is what a message mends; ``etag`` is the variant's where a DELETE does.
    """

    kind: Kind
    key: str
    detail: str = ""
    source: Found | None = None
    etag: str = ""


@dataclass
class Tally:
    """What was looked at, and what was found."""

    objects: int = 0
    variants: int = 0
    rendered: int = 0  # objects, again
    found: Counter[Kind] = field(default_factory=Counter)
    fine: Counter[Fine] = field(default_factory=Counter)
