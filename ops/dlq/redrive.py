"""A redrive: a few letters first, then the rest, for as long as what was sent does not fail again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from ops.dlq.causes import ENDED, Case
from ops.dlq.sender import Sender
from ops.dlq.watch import Watch
from ops.recipes import read_recipe
from ops.stage import Stage

DONE: Final = "done"
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
        if self.terms.wait:
            self._follow()
            if not self.watch.wait(self.terms.timeout, until=self._is_enough):
                return "sent, not followed", f"{len(self.watch.pending)} have no end after {self.terms.timeout:g} s"
        return ("stopped", f"{len(self.watch.failed_again)} failed again") if self._is_enough() else (DONE, "")

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
    answer = stage.client("lambda").get_function_configuration(FunctionName=stage.consumer)
    code = str(answer.get("Environment", {}).get("Variables", {}).get("CODE_VERSION", ""))
    recipe = read_recipe().fingerprint
    failed = [case for case in cases if case.record and case.record.status not in ENDED]
    same = [case for case in failed if case.record and (case.record.code_version, case.record.recipe) == (code, recipe)]
    return code, recipe, len(same)


def _split(cases: Sequence[Case], canaries: int) -> tuple[list[Case], list[Case]]:
    """Those to send first, which are such as can fail again, and the rest."""
    ordered = sorted(cases, key=lambda case: case.record is None or case.record.status in ENDED)
    return ordered[:canaries], ordered[canaries:]
