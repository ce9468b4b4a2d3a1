"""``dlq redrive``: a few messages first, then the rest, for as long as what was sent does not fail again.

Nothing is ever deleted that SQS did not report as sent. A command that dies between the two leaves a message in both
queues, and the images table absorbs the duplicate. The message stays as it was, but for an attribute that names the
redrive, so that a message which fails again is known, and a message group, by which live uploads overtake.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated

import typer

from ops.cli.dlq.causes import IGNORED, DeadMessage, Diagnosis, count_by_cause
from ops.cli.dlq.history import DONE, Entry, finish, new_entry, recorded
from ops.cli.dlq.native import move_all
from ops.cli.dlq.parts import PART, following_parts
from ops.cli.dlq.selection import (
    UNTRACKED,
    Everything,
    Filter,
    HeldQueue,
    check_canaries,
    check_chosen,
    filtered,
    hold_queue,
    outgoing,
    print_plan,
    print_refused,
    split_canaries,
)
from ops.cli.follow import End, Follower
from ops.cli.queues import BulkSender, RateLimiter, Sender
from ops.cli.settings import Consumer
from ops.cli.stage import Stage, on_stage
from ops.cli.terminal import AsJson, DryRun, counting, stderr
from ops.errors import UsageError
from processing.ledger import ImagesTable

RateOption = Annotated[
    float | None, typer.Option("--rate", min=0.1, help="Messages a second.", show_default="unlimited")
]

NativeOption = Annotated[
    bool, typer.Option("--native", help="Have SQS move them (message move task): with --all, and no option but --rate.")
]


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
        self.print_line(f"canary: {len(canaries)} sent, waiting for their outcomes{self._waited_for()}")
        ended = self._follower.wait(self.options.timeout)
        if self.failed_again:
            end, *others = self.failed_again
            more = f", and {len(others)} more" if others else ""
            return f"{end.subject.key} failed again ({end.cause}: {end.record.message if end.record else ''}){more}"
        if not ended:
            after = f"{self.options.timeout:g} s{self._waited_for()}"
            return f"{self._follower.pending} of {len(canaries)} have no final status after {after}"
        self.print_line(f"canary: {len(canaries)} passed")
        return ""

    def _wait_for_ends(self) -> str:
        """Follow what was sent; returns what has no known end, empty when nothing."""
        self._follow()
        with counting("passed", "failed again", "without a final status") as show:

            def is_enough() -> bool:
                show(self.passed, len(self.failed_again), self._follower.pending)
                return self._is_enough()

            ended = self._follower.wait(self.options.timeout, until=is_enough)
        if not ended:
            return f"{self._follower.pending} have no final status after {self.options.timeout:g} s{self._waited_for()}"
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


@on_stage
@filtered
def redrive(
    stage: Stage,
    chosen: Filter,
    everything: Everything = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Send at most this many, the oldest first.")] = None,
    rate: RateOption = None,
    canary: Annotated[int, typer.Option(min=0, help="Send this many first; continue only if all of them pass.")] = 0,
    stop_after: Annotated[int | None, typer.Option(min=1, help="Stop when this many have failed again.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for each message's final status.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds without a final status to stop waiting after.")] = 300,
    native: NativeOption = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send messages from the dead-letter queue to the uploads queue again; they get their full number of attempts.

    Deletes only messages that SQS reported as sent: if it is killed, it leaves duplicates, which have no effect.
    Exit code 1 when it stopped, or a message was refused, failed again or was hidden, or none matches the filter.

    Examples:

    darkroom dlq redrive --stage prod --cause AccessDenied --canary 2

    darkroom dlq redrive --stage prod --where 'images/2026/*' --rate 50 --stop-after 10
    """
    check_chosen(chosen, everything=everything)
    options = RedriveOptions(canary, stop_after, wait, timeout)
    if native:
        if chosen or limit or dry_run or options != RedriveOptions(timeout=timeout):
            raise UsageError("--native has SQS move every message: give it --all, and no other option but --rate")
        finish(move_all(stage, rate), as_json=as_json)
        return
    in_parts = everything and not (limit or stop_after or dry_run)
    with hold_queue(stage, most=PART if in_parts else None) as queue:
        selected = chosen.choose(queue.diagnoses, stage)[:limit]
        queue.keep_only(selected)
        check_canaries(selected, canary)
        if dry_run or not selected:
            print_plan(queue, selected, "sent", chosen, as_json=as_json)
            return
        entry, limiter = _begin(stage, chosen, selected, queue.held.unseen), RateLimiter(rate)
        _redrive(stage, queue, selected, entry, limiter, options)
        for part in following_parts(stage, queue, entry, selected) if in_parts else ():
            _redrive(stage, queue, part, entry, limiter, replace(options, canary=0))
    finish(entry, as_json=as_json)


def _begin(stage: Stage, chosen: Filter, selected: Sequence[Diagnosis], unseen: int) -> Entry:
    """A new entry; warns of messages for which nothing has changed since they failed."""
    code = Consumer.of(stage).code_version
    failed = [each.record for each in selected if each.record and not each.is_over]
    if same := sum(record.code_version == code for record in failed):
        stderr().print(
            f"warning: {same} of {len(selected)} failed with the code and the recipe that are deployed ({code}): "
            "they will fail again, unless a cause outside the code was fixed"
        )
    if untracked := sum(each.version is None for each in selected):
        stderr().print(f"warning: {untracked} of {len(selected)} {UNTRACKED}. Export them, then purge.")
    if ignored := sum(each.cause == IGNORED for each in selected):
        stderr().print(f"note: {ignored} of {len(selected)} are ignored by the recipe, and have no outcome")
    known = {"messages": len(selected), "unseen": unseen, "causes": count_by_cause(selected), "code_version": code}
    return new_entry(stage, "redrive", str(chosen), **known)


def _redrive(
    stage: Stage,
    queue: HeldQueue,
    selected: Sequence[Diagnosis],
    entry: Entry,
    limiter: RateLimiter,
    options: RedriveOptions,
) -> None:
    """Send the messages, delete what was sent, and record the result."""
    left: list[DeadMessage] = []

    def delete(sent: Sequence[Diagnosis]) -> None:
        left.extend(queue.held.delete([each.message for each in sent]))

    before = replace(entry)
    sender = BulkSender(Sender(stage.client("sqs"), stage.queue_url), limiter, delete)
    table = ImagesTable(stage.client("dynamodb"), stage.images_table)
    run = Redrive(sender, entry.id, table, options, stderr().print)
    with recorded(stage, entry) as history:
        try:
            result, why = run.run(selected)
        finally:
            entry.sent, entry.refused = before.sent + len(sender.sent), before.refused + len(sender.refused)
            entry.passed, entry.left = before.passed + run.passed, before.left + len(left)
            entry.failed_again = before.failed_again + len(run.failed_again)
        history.end(entry, result, why)
    print_refused(sender)
