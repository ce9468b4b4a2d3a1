"""How long frames are shown, in the whole units that a format stores."""

from collections.abc import Sequence
from typing import Final

IGNORED: Final = 10  # milliseconds: browsers show a frame of so short a time for 100


def in_units(durations: Sequence[float], unit: int) -> list[int]:
    """Milliseconds in units of so many; what one frame loses by rounding, the next one gets.

    A frame whose time browsers ignore, or one whose time they keep, stays one.
    """
    found, owed = [], 0.0
    for duration in durations:
        wanted = duration + owed
        units, ignored = round(wanted / unit), IGNORED // unit
        units = max(units, ignored + 1) if duration > IGNORED else min(units, ignored)
        owed = wanted - units * unit
        if abs(owed) > unit / 2:
            owed = 0.0
        found.append(units)
    return found
