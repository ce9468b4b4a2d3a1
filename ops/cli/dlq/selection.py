"""The messages that a command works on, which are held meanwhile: read, and made ready to be sent again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ops.cli.dlq.causes import Diagnosis, join
from ops.cli.dlq.filters import Filter
from ops.cli.dlq.messages import HeldMessages
from ops.cli.dlq.report import check_result, print_chosen, warn_of_unseen
from ops.cli.queues import BulkSender, OutgoingMessage
from ops.cli.stage import Stage
from ops.cli.terminal import counting, stderr
from ops.errors import UsageError

UNTRACKED = "refer to no object of this stage, so their outcome cannot be tracked"


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


def outgoing(diagnoses: Sequence[Diagnosis], mark: str) -> Iterator[tuple[Diagnosis, OutgoingMessage]]:
    """Each with the message that is sent again."""
    return ((each, each.message.outgoing(mark)) for each in diagnoses)


def print_refused(sender: BulkSender[Diagnosis]) -> None:
    """Print each message that SQS refused, and why."""
    for each, why in sender.refused:
        stderr().print(f"refused: {each.message.id} {each.key}: {why}")


def split_canaries(diagnoses: Sequence[Diagnosis], canaries: int) -> tuple[list[Diagnosis], list[Diagnosis]]:
    """Those to send first, such as can fail again before others, and the rest; no canary is without an object."""
    ordered = sorted(diagnoses, key=lambda each: (not each.is_tracked, each.record is None or each.is_over))
    count = min(canaries, sum(each.is_tracked for each in diagnoses))
    return ordered[:count], ordered[count:]


def check_canaries(selected: Sequence[Diagnosis], canaries: int) -> None:
    """Refuse to send some first where no outcome can be known.

    Raises:
        UsageError: each of them refers to no object of this stage, or is ignored.
    """
    if canaries and selected and not any(each.is_tracked for each in selected):
        raise UsageError(
            f"these messages {UNTRACKED}, or are ignored by the recipe: none can be a canary. Export them, then purge."
        )


def _read(stage: Stage, held: HeldMessages, most: int | None) -> list[Diagnosis]:
    with counting("messages") as count:
        messages = held.read(count, most=most)
    if most is None and held.unseen:
        warn_of_unseen(held)
    return join(stage, messages)


def print_plan(queue: HeldQueue, selected: Sequence[Diagnosis], verb: str, chosen: Filter, *, as_json: bool) -> None:
    """The messages that a command would work on; exit code 1 where there should be some and are none."""
    print_chosen(selected, verb, as_json=as_json, **queue.seen)
    check_result(queue.held, selected, is_filtered=bool(chosen))
