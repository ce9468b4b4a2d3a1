"""The commands that write messages to a file and send them from one: ``dlq export``, ``dlq import``, ``dlq purge``.

A file has JSON lines, one a message: what ``dlq list --json`` shows of each, so that other tools can filter them.
"""

import base64
import binascii
import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, TextIO

import typer

from ops.cli.dlq.causes import Cause, DeadMessage, Diagnosis, count_by_cause
from ops.cli.dlq.history import DONE, Entry, finish, new_entry, recorded
from ops.cli.dlq.redrive import RateOption
from ops.cli.dlq.report import check_result, print_chosen
from ops.cli.dlq.selection import (
    Everything,
    Filter,
    HeldQueue,
    check_all,
    check_chosen,
    filtered,
    hold_queue,
    outgoing,
    print_plan,
    print_refused,
    read_queue,
)
from ops.cli.dlq.view import as_document
from ops.cli.queues import BulkSender, RateLimiter, Sender
from ops.cli.stage import Stage, on_stage
from ops.cli.terminal import AsJson, DryRun, Yes, ask_number, many, print_json, stderr, to_json
from ops.errors import UsageError

OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="The file to write; it must not exist.")]


@on_stage
@filtered
def export(
    stage: Stage, chosen: Filter, everything: Everything = False, out: OutOption = None, as_json: AsJson = False
) -> None:
    """Write messages as JSON lines, to standard output or a file; they stay in the dead-letter queue.

    Without a filter all are written. Exit code 1 when no message matches the filter, or when all are hidden.

    Examples:

    darkroom dlq export --stage prod --out messages.jsonl

    darkroom dlq export --stage prod --cause CorruptImage | jq -r .key
    """
    check_all(chosen, everything=everything)
    queue = read_queue(stage)
    selected = chosen.choose(queue.diagnoses, stage)
    if out is None:
        write_lines(selected, sys.stdout)
    else:
        save(selected, out)
        if as_json:
            print_json({"messages": len(selected), "file": str(out)} | queue.seen)
    stderr().print(many(len(selected), "message") + (f" written to {out}" if out else ""))
    check_result(queue.held, selected, is_filtered=bool(chosen))


@on_stage
def import_messages(
    stage: Stage,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An export; - is standard input.")],
    to_queue: Annotated[
        bool, typer.Option("--to-queue", help="Send them to the uploads queue, not to the dead-letter queue.")
    ] = False,
    rate: RateOption = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send the messages of an export, to the dead-letter queue or to the uploads queue.

    Every line is read before the first is sent. The file stays; sending it twice is harmless: the images table absorbs
    that. Exit code 1 when it has no message.

    Examples:

    darkroom dlq import messages.jsonl --stage prod

    grep '"images/2026/' messages.jsonl | darkroom dlq import - --to-queue --rate 20 --stage prod
    """
    diagnoses = _read_file(file)
    if dry_run or not diagnoses:
        print_chosen(diagnoses, "sent", as_json=as_json)
        if not diagnoses:
            stderr().print(f"{'standard input' if str(file) == '-' else file} has no message: nothing to send")
            raise typer.Exit(1)
        return
    entry = new_entry(
        stage,
        "import to the queue" if to_queue else "import",
        str(file),
        messages=len(diagnoses),
        causes=count_by_cause(diagnoses),
    )
    sender = Sender(stage.client("sqs"), stage.queue_url if to_queue else stage.dlq_url)
    bulk: BulkSender[Diagnosis] = BulkSender(sender, RateLimiter(rate))
    with recorded(stage, entry) as history:
        try:
            bulk.send(outgoing(diagnoses, entry.id if to_queue else ""))
        finally:
            entry.sent, entry.refused = len(bulk.sent), len(bulk.refused)
        history.end(entry, DONE)
    print_refused(bulk)
    finish(entry, as_json=as_json)


@on_stage
@filtered
def purge(
    stage: Stage,
    chosen: Filter,
    everything: Everything = False,
    out: OutOption = None,
    yes: Yes = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Delete messages from the dead-letter queue, after writing them to a file and asking for their number.

    The file is an export: `darkroom dlq import` restores them. Exit code 1 when no message matches the filter, when
    all or, with --all, some are hidden because another command has them, or when one could not be deleted.

    Examples:

    darkroom dlq purge --stage prod --cause done

    darkroom dlq purge --stage prod --older-than 10d --out old.jsonl --yes 120
    """
    check_chosen(chosen, everything=everything)
    with hold_queue(stage) as queue:
        selected = chosen.choose(queue.diagnoses, stage)
        queue.keep_only(selected)
        if dry_run or not selected:
            print_plan(queue, selected, "deleted", chosen, as_json=as_json)
            return
        path = out or Path(f"dlq-{stage.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.jsonl")
        save(selected, path)
        stderr().print(f"{many(len(selected), 'message')} written to {path}")
        _confirm(len(selected), yes, path)
        entry = _purge(stage, queue, selected, str(chosen))
    finish(entry, as_json=as_json, verb="deleted")


def write_lines(diagnoses: Iterable[Diagnosis], file: TextIO) -> None:
    """Write one line a message."""
    for each in diagnoses:
        file.write(to_json(as_document(each), ascii_only=True) + "\n")


def save(diagnoses: Iterable[Diagnosis], path: Path) -> None:
    """Write a new file, which is on the disk and whole when this returns.

    Raises:
        UsageError: there is such a file already, or it cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        if path.exists():
            raise FileExistsError(17, "it exists already")
        with part.open("x", encoding="ascii") as file:
            write_lines(diagnoses, file)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be written ({error.strerror}): name another file with --out") from error


def read_lines(file: TextIO) -> list[Diagnosis]:
    """The messages of an export, in its order.

    Raises:
        UsageError: a line is not a message; names the line.
    """
    return [_read_line(number, line) for number, line in enumerate(file, start=1) if line.strip()]


def _read_line(number: int, line: str) -> Diagnosis:
    try:
        document = json.loads(line)
        attributes = {name: _decoded(value) for name, value in document.get("message_attributes", {}).items()}
        body, name = document["body"], document.get("id", "")
        if not isinstance(body, str) or not body:
            raise TypeError("body is not text")
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise UsageError(
            f"line {number} is not a message of an export ({type(error).__name__}: {error}): nothing was sent"
        ) from error
    return Diagnosis(DeadMessage(name, "", body, {}, attributes), Cause(document.get("cause", "")))


def _decoded(value: Mapping[str, Any]) -> dict[str, Any]:
    return {kind: base64.b64decode(content) if kind == "BinaryValue" else content for kind, content in value.items()}


def _read_file(file: Path) -> list[Diagnosis]:
    if str(file) == "-":
        return read_lines(sys.stdin)
    try:
        with file.open(encoding="utf-8") as lines:
            return read_lines(lines)
    except OSError as error:
        raise UsageError(f"{file} cannot be read ({error.strerror}): name an export") from error


def _confirm(count: int, yes: int | None, export: Path) -> None:
    """Have the number of messages typed.

    Raises:
        UsageError: it was another one.
        Abort: there was no answer.
    """
    kept = f"nothing was deleted; the messages are also in {export}"
    typed = yes if yes is not None else ask_number(f"Type {count} to delete them", otherwise=kept)
    if typed != count:
        raise UsageError(f"the number of messages is {count}, not {typed}: {kept}")


def _purge(stage: Stage, queue: HeldQueue, selected: Sequence[Diagnosis], chosen: str) -> Entry:
    known = {"messages": len(selected), "unseen": queue.held.unseen, "causes": count_by_cause(selected)}
    entry = new_entry(stage, "purge", chosen, **known)
    with recorded(stage, entry) as history:
        try:
            left = queue.held.delete_all([each.message for each in selected])
        finally:
            entry.sent = queue.held.deleted
        entry.refused = len(left)
        history.end(entry, DONE)
    for message in left:
        stderr().print(f"not deleted: {message.id}")
    return entry
