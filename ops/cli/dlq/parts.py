"""A redrive of all messages, part by part: SQS gives fewer at a time, and memory holds fewer, than a queue may have."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from ops.cli.dlq.causes import Diagnosis, count_by_cause
from ops.cli.dlq.history import DONE, UNFINISHED, Entry, History
from ops.cli.dlq.report import warn_of_unseen
from ops.cli.dlq.selection import HeldQueue
from ops.cli.stage import Stage

PART: Final = 20_000  # messages that are held at once, of 3 KB each


def following_parts(stage: Stage, queue: HeldQueue, entry: Entry, first: list[Diagnosis]) -> Iterator[list[Diagnosis]]:
    """Each next part, until there is none or something is wrong; who takes it redrives it before the next.

    What this redrive sent and failed again is left out, and stays hidden until the queue is released.

    Args:
        first: the part that was redriven, which is let go: no two are held at a time.
    """
    first.clear()
    queue.diagnoses.clear()
    while entry.result == DONE and not (entry.refused or entry.left or entry.failed_again):
        if not (diagnoses := queue.following(stage)):
            break
        part = [each for each in diagnoses if each.message.redrive != entry.id]
        diagnoses.clear()
        entry.causes = Counter(entry.causes) + Counter(count_by_cause(part))
        entry.messages, entry.unseen, entry.result = entry.messages + len(part), queue.held.unseen, UNFINISHED
        yield part
        part.clear()
    if entry.unseen != queue.held.unseen:
        entry.unseen = queue.held.unseen
        History(stage).write(entry)
    if entry.result == DONE:
        warn_of_unseen(queue.held)
