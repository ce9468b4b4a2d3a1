"""What a redrive checks and warns of before it sends anything, and its entry in the history."""

from collections.abc import Sequence
from typing import Final

from ops.cli.dlq.causes import IGNORED, Diagnosis, count_by_cause
from ops.cli.dlq.history import Entry, new_entry
from ops.cli.dlq.selection import Filter
from ops.cli.settings import Consumer
from ops.cli.stage import Stage
from ops.cli.terminal import stderr
from ops.errors import UsageError

UNTRACKED: Final = "refer to no object of this stage, so their outcome cannot be tracked"


def begin(stage: Stage, chosen: Filter, selected: Sequence[Diagnosis], unseen: int) -> Entry:
    """A new entry; warns of messages for which nothing has changed since they failed."""
    code = Consumer.of(stage).code_version
    failed = [each.record for each in selected if each.record and not each.is_over]
    if same := sum(record.code_version == code for record in failed):
        stderr().print(
            f"warning: {same} of {len(selected)} failed with the code and the recipe that are deployed ({code}): "
            "they will fail again, unless the cause was elsewhere and is fixed"
        )
    if untracked := sum(each.version is None for each in selected):
        stderr().print(f"warning: {untracked} of {len(selected)} {UNTRACKED}. Export them, then purge.")
    if ignored := sum(each.cause == IGNORED for each in selected):
        stderr().print(f"note: {ignored} of {len(selected)} are ignored by the recipe: the ledger has no end of them")
    known = {"messages": len(selected), "unseen": unseen, "causes": count_by_cause(selected), "code_version": code}
    return new_entry(stage, "redrive", str(chosen), **known)


def check_canaries(selected: Sequence[Diagnosis], canaries: int) -> None:
    """Refuse to send some first where no outcome can be known.

    Raises:
        UsageError: each of them refers to no object of this stage, or is ignored.
    """
    if canaries and selected and not any(each.is_tracked for each in selected):
        raise UsageError(
            f"these messages {UNTRACKED}, or are ignored by the recipe: none can be a canary. Export them, then purge."
        )
