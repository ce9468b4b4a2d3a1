"""What is said of the messages that a command would work on, and of those that it has not seen."""

import time
from collections.abc import Sequence

import typer

from ops.cli.dlq.causes import Diagnosis, count_by_cause
from ops.cli.dlq.messages import HeldMessages
from ops.cli.tables import table
from ops.cli.terminal import many, moment, print_json, stderr, stdout


def check_result(held: HeldMessages, selected: Sequence[Diagnosis], *, is_filtered: bool) -> None:
    """Say why no message was chosen; exit code 1 where there are some, or where a filter matched none.

    A script would take 0 for a queue that it has worked through. An empty queue is no failure without a filter.
    """
    if selected:
        return
    if held.unseen:
        stderr().print(f"No message was seen: {hidden(held)}.")
        raise typer.Exit(1)
    if not is_filtered:
        stderr().print("No dead letters.")
        return
    stderr().print(f"No message matches: {many(held.seen, 'dead letter')} in the queue.")
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
