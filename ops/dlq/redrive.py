"""A redrive: a few letters first, then the rest, for as long as what was sent does not fail again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ops.dlq.causes import ENDED, Case
from ops.dlq.files import many
from ops.dlq.sender import Sender
from ops.dlq.watch import Watch
from ops.errors import UsageError
from ops.recipes import read_recipe
from ops.settings import Consumer
from ops.stage import Stage

DONE: Final = "done"
NAMELESS: Final = "name no object of this stage, so nothing tells how they end"
Result = tuple[str, str]
"""``DONE`` or in a few words how it ended, and why."""


@dataclass(frozen=True, slots=True)
class Terms:
    """When a redrive goes on.

    Args:
        canary: send so many first, and the rest only if all of them pass.
        stop_after: stop when so many have failed again.
        wait: follow every letter to its end.
        timeout: seconds to wait for ends, of the canaries and in the end.
    """

    canary: int = 0
    stop_after: int | None = None
    wait: bool = False
    timeout: float = 300


@dataclass(slots=True)
class Redrive:
    """One redrive; ``tell`` is given each sentence worth saying."""

    sender: Sender
    watch: Watch
    terms: Terms
    tell: Callable[[str], object]
    _followed: int = field(default=0, init=False)

    def run(self, cases: Sequence[Case]) -> Result:
        """Send them, and say how it ended."""
        rest = list(cases)
        if self.terms.canary:
            canaries, rest = _split(cases, self.terms.canary)
            if why := self._send_first(canaries):
                return "stopped at the canary", why
        self.sender.send(rest, stop=self._is_enough)
        unknown = self._wait_for_ends() if self.terms.wait else ""
        if self._is_enough():
            return "stopped", f"{len(self.watch.failed_again)} failed again"
        return ("sent, not followed", unknown) if unknown else (DONE, "")

    def _send_first(self, canaries: Sequence[Case]) -> str:
        """Send a few and wait for their ends; returns why the rest is not to be sent, empty when it is."""
        self.sender.send(canaries)
        if refused := self.sender.tally.refused:
            return f"SQS refused {len(refused)} of {len(canaries)} ({refused[0][1]})"
        self.tell(f"canary: {len(canaries)} sent, waiting for their ends in the ledger")
        self._follow()
        ended = self.watch.wait(self.terms.timeout)
        if self.watch.failed_again:
            case, now = self.watch.failed_again[0]
            return f"{case.key} failed again ({now.cause}: {now.message})"
        if not ended:
            return f"{len(self.watch.pending)} of {len(canaries)} have no end after {self.terms.timeout:g} s"
        self.tell(f"canary: {len(canaries)} passed")
        return ""

    def _wait_for_ends(self) -> str:
        """Follow what was sent; returns of what the end is not known, empty when of nothing."""
        self._follow()
        if not self.watch.wait(self.terms.timeout, until=self._is_enough):
            return f"{len(self.watch.pending)} have no end after {self.terms.timeout:g} s"
        return f"{len(self.watch.never_told)} {NAMELESS}" if self.watch.never_told else ""

    def _follow(self) -> None:
        """Have the watch follow what was sent since the last time."""
        sent = self.sender.tally.sent[self._followed :]
        self._followed += len(sent)
        self.watch.add(sent)

    def _is_enough(self) -> bool:
        if self.terms.stop_after is None:
            return False
        self._follow()
        self.watch.look()
        return len(self.watch.failed_again) >= self.terms.stop_after


def failing_code(stage: Stage, cases: Sequence[Case]) -> tuple[str, str, int]:
    """The code that is deployed, the recipe of this checkout, and how many of the cases failed with both."""
    code, recipe = Consumer.of(stage).code_version, read_recipe().fingerprint
    failed = [case for case in cases if case.record and case.record.status not in ENDED]
    same = [case for case in failed if case.record and (case.record.code_version, case.record.recipe) == (code, recipe)]
    return code, recipe, len(same)


def check_canaries(cases: Sequence[Case]) -> None:
    """Refuse to send some first where the end of none can be known.

    Raises:
        UsageError: each of them names no object of this stage.
    """
    if cases and not any(case.version for case in cases):
        raise UsageError(
            f"none of {many(len(cases))} can be a canary: they {NAMELESS}, and a redrive does not mend them. "
            "Keep them with `darkroom dlq export`, then delete them with `darkroom dlq purge`"
        )


def _split(cases: Sequence[Case], canaries: int) -> tuple[list[Case], list[Case]]:
    """Those to send first, such as can fail again before others, and the rest; no canary is without an object."""
    ordered = sorted(cases, key=lambda case: (case.version is None, case.record is None or case.record.status in ENDED))
    count = min(canaries, sum(case.version is not None for case in cases))
    return ordered[:count], ordered[count:]
