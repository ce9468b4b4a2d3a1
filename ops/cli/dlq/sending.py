"""One redrive: a few messages first, and the rest for as long as what was sent does not fail again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ops.cli.dlq.causes import Diagnosis
from ops.cli.dlq.history import DONE
from ops.cli.dlq.selection import UNTRACKED, outgoing, split_canaries
from ops.cli.follow import End, Follower
from ops.cli.queues import BulkSender
from ops.cli.terminal import counting
from processing.ledger import ImagesTable


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
            canaries, rest = split_canaries(diagnoses, self.options.canary)
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
        self._follow()
        self.print_line(f"canary: {len(canaries)} sent, waiting for their ends in the ledger{self._waited_for()}")
        ended = self._follower.wait(self.options.timeout)
        if self.failed_again:
            end, *others = self.failed_again
            more = f", and {len(others)} more" if others else ""
            return f"{end.subject.key} failed again ({end.cause}: {end.record.message if end.record else ''}){more}"
        if not ended:
            after = f"{self.options.timeout:g} s{self._waited_for()}"
            return f"{self._follower.pending} of {len(canaries)} have no end after {after}"
        self.print_line(f"canary: {len(canaries)} passed")
        return ""

    def _wait_for_ends(self) -> str:
        """Follow what was sent; returns what has no known end, empty when nothing."""
        self._follow()
        with counting("passed", "failed again", "without an end") as show:

            def is_enough() -> bool:
                show(self.passed, len(self.failed_again), self._follower.pending)
                return self._is_enough()

            ended = self._follower.wait(self.options.timeout, until=is_enough)
        if not ended:
            return f"{self._follower.pending} have no end after {self.options.timeout:g} s{self._waited_for()}"
        return f"{self._untracked} {UNTRACKED}" if self._untracked else ""

    def _waited_for(self) -> str:
        """The names of some that have no end yet, for the end of a sentence."""
        names = [version.key for version in self._follower.waited_for()]
        more = self._follower.pending - len(names)
        return f": {', '.join(names)}{f' and {more} more' if more else ''}" if names else ""

    def _follow(self) -> None:
        """Follow what was sent since the last time."""
        sent = self.sender.sent[self._followed :]
        self._followed += len(sent)
        for each in sent:
            if each.version and each.is_tracked:
                self._follower.add(each, each.version, attempts_before=each.attempts)
            elif each.version is None:
                self._untracked += 1

    def _is_enough(self) -> bool:
        if self.options.stop_after is None:
            return False
        self._follow()
        self._follower.poll()
        return len(self.failed_again) >= self.options.stop_after
