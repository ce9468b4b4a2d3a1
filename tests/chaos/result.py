"""What came of a chaos run."""

from collections import Counter
from dataclasses import dataclass, field

from tests.events.judgment import Judgment


@dataclass
class Result:
    """The lists are empty when ledger, buckets, dead letters and events agree with the uploads.

    Args:
        used_up: what became of the receives of what had to be redriven.
        compared: variants, with the engine's own, byte by byte.
        announced: the ends in the images table, compared with the events that a queue received.
        untrue: objects whose latest event is not about what the uploads bucket has.
        disagreements: all that is wrong.
    """

    objects: int = 0
    messages: int = 0
    deliveries: int = 0
    seconds: float = 0.0
    injected: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    redriven: int = 0
    used_up: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    compared: int = 0
    twice: list[str] = field(default_factory=list)
    too_soon: list[str] = field(default_factory=list)
    announced: Judgment = field(default_factory=Judgment)
    untrue: list[str] = field(default_factory=list)
    disagreements: list[str] = field(default_factory=list)
