"""The alarms of a stage, by what their names end with."""

from collections.abc import Mapping
from typing import Final

ALARMS: Final = (
    *("dlq-depth", "queue-age", "no-sandbox", "bugs"),
    *("consumer-errors", "consumer-throttles", "consumer-duration"),
    *("api-errors", "api-throttles", "api-duration", "api-5xx", "table-throttles"),
)
"""Those of resources/observability.yml, which every stage has."""
SWITCHED_ALARMS: Final = {
    "AnnouncerFunction": ("announcer-late", "announcer-errors", "events-dlq"),
    "EraserFunction": ("erasures-dlq", "erasures-age", "eraser-errors"),
}
"""Those of resources/switches, by an output that the stack has where they are switched on."""
ONLY_HERE: Final = ("workflow-dlq",)
"""That of a switch without such an output."""


def alarms_of(outputs: Mapping[str, str]) -> list[str]:
    """The alarms of a stack with these outputs."""
    switched = (names for output, names in SWITCHED_ALARMS.items() if output in outputs)
    return [*ALARMS, *(name for names in switched for name in names)]


def all_alarms() -> list[str]:
    """The alarms that a stage can have."""
    return [*ALARMS, *(name for names in SWITCHED_ALARMS.values() for name in names), *ONLY_HERE]
