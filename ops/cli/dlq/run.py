"""One redrive: some messages first, and the rest for as long as what was sent does not fail again."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ops.cli.dlq.causes import Diagnosis
from ops.cli.dlq.history import DONE
from ops.cli.follow import End, Follower
from ops.cli.queues import BulkSender, OutgoingMessage
from ops.cli.terminal import stderr
from processing.ledger import ImagesTable

UNTRACKED: Final = "refer to no object of this stage, so their outcome cannot be tracked"


@dataclass(frozen=True, slots=True)
class RedriveOptions:
    """When a redrive goes on: see the options of the command."""

    canary: int = 0
    stop_after: int | None = None
    wait: bool = False
    timeout: float = 300


@dataclass
class Redrive:
    """One redrive.

    Args:
        mark: its id in the history, which each message is given.
        print_line: called with each sentence to print.
    """

    sender: BulkSender[Diagnosis]
    mark: str
    table: ImagesTable
    options: RedriveOptions
    print_line: Callable[[str], object]
    passed: int = field(default=0, init=False)
    failed_again: list[End[Diagnosis]] = field(default_factory=list, init=False)
    _followed: int = field(default=0, init=False)
    _untracked: int = field(default=0, init=False)

    def run(self, diagnoses: Sequence[Diagnosis]) -> tuple[str, str]:
        """Send them; returns `DONE` or in a few words how it ended, and why."""
        rest = list(diagnoses)
        if self.options.canary:
            canaries, rest = _split(diagnoses, self.options.canary)
            if why := self._send_canaries(canaries):
                return "stopped at the canary", why
        self.sender.send(outgoing(rest, self.mark), self._is_enough)
        unknown = self._wait_for_ends() if self.options.wait else ""
        if self._is_enough():
            return "stopped", f"{len(self.failed_again)} failed again"
        return ("sent, not followed", unknown) if unknown else (DONE, "")

    @cached_property
    def _follower(self) -> Follower[Diagnosis]:
        return Follower(self.table, on_end=self._count)

    def _count(self, end: End[Diagnosis]) -> None:
        if end.is_good:
            self.passed += 1
        else:
            self.failed_again.append(end)

    def _send_canaries(self, canaries: Sequence[Diagnosis]) -> str:
        """Send a few and wait for their ends; returns why the rest is not to be sent, empty when it is."""
        self.sender.send(outgoing(canaries, self.mark))
        if refused := self.sender.refused:
            return f"SQS refused {len(refused)} of {len(canaries)} ({refused[0][1]})"
        self.print_line(f"canary: {len(canaries)} sent, waiting for their ends in the ledger")
        self._follow()
        ended = self._follower.wait(self.options.timeout)
        if self.failed_again:
            end = self.failed_again[0]
            return f"{end.subject.key} failed again ({end.cause}: {end.record.message if end.record else ''})"
        if not ended:
            return f"{self._follower.pending} of {len(canaries)} have no end after {self.options.timeout:g} s"
        self.print_line(f"canary: {len(canaries)} passed")
        return ""

    def _wait_for_ends(self) -> str:
        """Follow what was sent; returns what has no known end, empty when nothing."""
        self._follow()
        if not self._follower.wait(self.options.timeout, until=self._is_enough):
            return f"{self._follower.pending} have no end after {self.options.timeout:g} s"
        return f"{self._untracked} {UNTRACKED}" if self._untracked else ""

    def _follow(self) -> None:
        """Follow what was sent since the last time."""
        sent = self.sender.sent[self._followed :]
        self._followed += len(sent)
        for each in sent:
            if each.version:
                self._follower.add(each, each.version, attempts_before=each.attempts)
            else:
                self._untracked += 1

    def _is_enough(self) -> bool:
        if self.options.stop_after is None:
            return False
        self._follow()
        self._follower.poll()
        return len(self.failed_again) >= self.options.stop_after


def outgoing(diagnoses: Sequence[Diagnosis], mark: str) -> Iterator[tuple[Diagnosis, OutgoingMessage]]:
    """Each with the message that is sent again."""
    return ((each, each.message.outgoing(mark)) for each in diagnoses)


def print_refused(sender: BulkSender[Diagnosis]) -> None:
    """Print each message that SQS refused, and why."""
    for each, why in sender.refused:
        stderr().print(f"refused: {each.message.id} {each.key}: {why}")


def _split(diagnoses: Sequence[Diagnosis], canaries: int) -> tuple[list[Diagnosis], list[Diagnosis]]:
    """Those to send first, such as can fail again before others, and the rest; no canary is without an object."""
    ordered = sorted(diagnoses, key=lambda each: (each.version is None, each.record is None or each.is_over))
    count = min(canaries, sum(each.version is not None for each in diagnoses))
    return ordered[:count], ordered[count:]
