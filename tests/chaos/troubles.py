"""What may happen to a request on its way: what a bad day of AWS looks like from a client."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Protocol

Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""

RATE: Final = 0.03  # of the requests of every service but EventBridge
PAUSES: Final = (0, 0, 1, 2)  # requests of EventBridge between two troubles
BUS: Final = "events"


class Trouble(StrEnum):
    """What happens to a request; the names are those of the report."""

    REFUSED = "503 or throttled"
    UNHEARD = "connection closed before the request was read"
    LOST = "response lost after the effect"
    HANGS = "no answer until the client gives up"
    PARTLY = "some entries of a request refused"
    KILLED_BEFORE = "SIGKILL of the announcer, before the effect of its request"
    KILLED_AFTER = "SIGKILL of the announcer, after the effect of its request"


WEIGHTS: Final = {Trouble.REFUSED: 6, Trouble.UNHEARD: 3, Trouble.LOST: 3, Trouble.HANGS: 0.15}
DECK: Final = (
    *(Trouble.PARTLY, Trouble.KILLED_AFTER, Trouble.LOST, Trouble.PARTLY),
    *(Trouble.KILLED_BEFORE, Trouble.REFUSED, Trouble.UNHEARD),
)
"""EventBridge has few requests, so each trouble has its turn; the one that lasts seconds comes once in a while."""


class Troubles(Protocol):
    """Draws what happens to the next request to a service."""

    def __call__(self, service: str) -> Trouble | None: ...


def troubles(seed: int) -> Troubles:
    """For all services; EventBridge is in trouble much more often, as it gets one request for many images."""
    rng = random.Random(seed)
    of_the_bus = _of_the_bus(random.Random(f"{seed} {BUS}"))

    def draw(service: str) -> Trouble | None:
        if service == BUS:
            return next(of_the_bus)
        if rng.random() >= RATE:
            return None
        return rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]

    return draw


def _of_the_bus(rng: random.Random) -> Iterator[Trouble | None]:
    while True:
        deck = [*DECK, *([Trouble.HANGS] if rng.random() < 0.2 else [])]
        for trouble in rng.sample(deck, len(deck)):
            yield from [None] * rng.choice(PAUSES)
            yield trouble


def refusal(service: str) -> Answer:
    """The answer of a service that has too much to do."""
    if service == "s3":
        text = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
        return 503, [("Content-Type", "application/xml")], text
    names = {"dynamodb": "ProvisionedThroughputExceededException", BUS: "ThrottlingException"}
    text = f'{{"__type": "{names.get(service, "RequestThrottled")}", "message": "slow down"}}'.encode()
    return 400, [("Content-Type", "application/x-amz-json-1.0")], text


@dataclass(frozen=True)
class PartOfEvents:
    """A PutEvents of which the bus takes only some entries.

    Args:
        refused: the positions of the others; one at least.
    """

    entries: list[dict[str, Any]]
    refused: frozenset[int]

    @classmethod
    def of(cls, body: bytes, rng: random.Random) -> "PartOfEvents":
        """Draw the entries that are refused."""
        entries = json.loads(body)["Entries"]
        chosen = rng.sample(range(len(entries)), rng.randint(1, len(entries)))
        return cls(entries, frozenset(chosen))

    @property
    def rest(self) -> bytes:
        """The request with the entries that are taken; empty where there is none."""
        taken = [entry for place, entry in enumerate(self.entries) if place not in self.refused]
        return json.dumps({"Entries": taken}).encode() if taken else b""

    def answer(self, answered: bytes) -> bytes:
        """The answer to the whole request, from that to its rest."""
        taken = iter(json.loads(answered)["Entries"] if answered else [])
        refused = {"ErrorCode": "ThrottlingException", "ErrorMessage": "slow down"}
        results = [refused if place in self.refused else next(taken) for place in range(len(self.entries))]
        return json.dumps({"FailedEntryCount": len(self.refused), "Entries": results}).encode()
