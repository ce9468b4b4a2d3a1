"""The messages that a command works on: the queue is held meanwhile; and what is said of those that were chosen."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import typer

from ops.cli.dlq.causes import Diagnosis, count_by_cause, join
from ops.cli.dlq.filters import Filter
from ops.cli.dlq.messages import HeldMessages
from ops.cli.queues import BulkSender, OutgoingMessage
from ops.cli.stage import Stage
from ops.cli.tables import table
from ops.cli.terminal import counting, print_json, stderr, stdout
from ops.cli.text import many, moment


@dataclass(frozen=True, slots=True)
class HeldQueue:
    """Every message of the dead-letter queue with its diagnosis, hidden from others."""

    held: HeldMessages
    diagnoses: list[Diagnosis]
    most: int | None = None

    def following(self, stage: Stage) -> list[Diagnosis]:
        """The next messages of a queue that is read in parts, after those before were deleted or stay hidden."""
        return _read(stage, self.held, self.most)

    @property
    def seen(self) -> dict[str, int]:
        """How many messages were seen, and about how many were not: part of every command's JSON."""
        return {"seen": len(self.diagnoses), "unseen": self.held.unseen}

    def keep_only(self, chosen: Sequence[Diagnosis]) -> None:
        """Put the others back."""
        kept = {each.message.message_id for each in chosen}
        self.held.release(each.message for each in self.diagnoses if each.message.message_id not in kept)


@contextmanager
def hold_queue(stage: Stage, *, most: int | None = None) -> Iterator[HeldQueue]:
    """Receive and join every message, hide them while the block runs, and put back what is left of them.

    Args:
        most: read the queue in parts of about so many; None for all at once.
    """
    with HeldMessages(stage.client("sqs"), stage.dlq_url) as held:
        yield HeldQueue(held, _read(stage, held, most), most)
    if held.escaped:
        stderr().print(f"{held.escaped} could not be kept hidden: another command may have had them at the same time")


def read_queue(stage: Stage) -> HeldQueue:
    """The same; all messages are back in the queue when this returns."""
    with hold_queue(stage) as queue:
        return queue


def check_result(queue: HeldQueue, selected: Sequence[Diagnosis], chosen: Filter) -> None:
    """Say why no message was chosen; exit code 1 where there are some, or where a filter matched none.

    A script would take 0 for a queue that it has worked through. An empty queue is no failure without a filter.
    """
    if selected:
        return
    if queue.held.unseen:
        stderr().print(f"Nothing was done: {hidden(queue.held)}.")
        raise typer.Exit(1)
    if not chosen:
        stderr().print("No dead letters.")
        return
    stderr().print(f"No message matches: {many(queue.held.seen, 'dead letter')} in the queue.")
    raise typer.Exit(1)


def hidden(held: HeldMessages) -> str:
    """How many messages others have received, and until when they are hidden."""
    until = moment(time.time() + held.longest)
    return (
        f"{many(held.unseen, 'message')} hidden, because another command or program has received them; visible again "
        f"by {until}, unless that prolongs it"
    )


def print_chosen(diagnoses: Sequence[Diagnosis], verb: str, *, as_json: bool, **seen: int) -> None:
    """The messages that a command would work on, by cause; for programs also how much of the queue was seen."""
    causes = count_by_cause(diagnoses)
    if as_json:
        print_json({"messages": len(diagnoses), "causes": causes} | seen)
    elif diagnoses:
        stderr().print(f"{many(len(diagnoses), 'message')} would be {verb}")
        rows = [(count, cause) for cause, count in causes.items()]
        stdout().print(table(("messages", "cause"), rows, right=("messages",)))


def outgoing(diagnoses: Sequence[Diagnosis], mark: str) -> Iterator[tuple[Diagnosis, OutgoingMessage]]:
    """Each with the message that is sent again."""
    return ((each, each.message.outgoing(mark)) for each in diagnoses)


def print_refused(sender: BulkSender[Diagnosis]) -> None:
    """Print each message that SQS refused, and why."""
    for each, why in sender.refused:
        stderr().print(f"refused: {each.message.id} {each.key}: {why}")


def split_canaries(diagnoses: Sequence[Diagnosis], canaries: int) -> tuple[list[Diagnosis], list[Diagnosis]]:
    """Those to send first, such as can fail again before others, and the rest; no canary is without an object."""
    ordered = sorted(diagnoses, key=lambda each: (each.version is None, each.record is None or each.is_over))
    count = min(canaries, sum(each.version is not None for each in diagnoses))
    return ordered[:count], ordered[count:]


def _read(stage: Stage, held: HeldMessages, most: int | None) -> list[Diagnosis]:
    with counting("messages") as count:
        messages = held.read(count, most=most)
    if most is None:
        warn_of_unseen(held)
    return join(stage, messages)


def warn_of_unseen(held: HeldMessages) -> None:
    """Say that SQS has counted more messages than it gave."""
    if held.unseen > held.elsewhere:
        stderr().print(
            f"ONLY A PART WAS SEEN: {held.seen:,} of about {many(held.seen + held.unseen, 'dead letter')}. SQS lets "
            "about 120,000 be received at a time, and its counts lag by up to a minute: redrive or purge these, then "
            "run it again",
            style="bold red",
        )
    elif held.unseen and held.seen:
        stderr().print(f"Not all were seen: {hidden(held)}.")
