"""The commands that only read: ``dlq groups``, ``dlq list`` and ``dlq show``; and a message as a JSON document."""

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Final

import typer
from botocore.exceptions import ClientError

from ops.cli.dlq.causes import Diagnosis
from ops.cli.dlq.groups import Group, group
from ops.cli.dlq.report import check_result
from ops.cli.dlq.runbook import runbook_of
from ops.cli.dlq.selection import Everything, Filter, by_id, check_all, filtered, read_queue
from ops.cli.logs.reading import Traceback, traceback_of
from ops.cli.stage import Stage, on_stage
from ops.cli.tables import Grid, Whole, advise, facts, lines, table
from ops.cli.terminal import AsJson, age, many, moment, print_json, stderr, stdout, to_json
from processing.events import ObjectCreated
from processing.ledger import Record
from processing.storage.objects import head
from processing.storage.refusals import code_of

LIMIT: Final = 50  # lines of a list


@on_stage
def groups(stage: Stage, as_json: AsJson = False) -> None:
    """Show why messages failed, the most frequent cause first, and how long ago the first and the last died.

    Every message is returned to the queue at once, which does not count as an attempt. Exit code 1 when all are hidden.

    Examples:

    darkroom dlq groups --stage prod

    darkroom dlq groups --stage prod --json | jq '.groups[].cause'
    """
    queue = read_queue(stage)
    found = group(queue.diagnoses)
    if as_json:
        print_json(queue.seen | {"groups": [_group_as_json(one, stage) for one in found]})
    elif found:
        stdout().print(table_of_groups(found, time.time()))
        for one in found:
            if one.where:
                stderr().print(f"{one.cause.id} is raised at {one.where}")
        advise("first, last: how long ago a message died; again: how many failed again after a redrive")
        advise(f"To read what a cause means, and what to do: {stage.command('dlq', 'show', 'ID')}")
    check_result(queue.held, queue.diagnoses, is_filtered=False)


@on_stage
@filtered
def list_messages(
    stage: Stage,
    chosen: Filter,
    everything: Everything = False,
    limit: Annotated[int, typer.Option(min=1, help="Show at most this many.")] = LIMIT,
    as_json: AsJson = False,
) -> None:
    """List the messages of the dead-letter queue, the oldest first; without a filter all of them.

    Exit code 1 when no message matches the filter, or when all are hidden because another command has them.

    Examples:

    darkroom dlq list --stage prod --cause CorruptImage --newer-than 2h

    darkroom dlq list --stage prod --where 'images/2026/*' --json
    """
    check_all(chosen, everything=everything)
    queue = read_queue(stage)
    selected = chosen.choose(queue.diagnoses, stage)
    if as_json:
        messages = [as_document(each) for each in selected[:limit]]
        print_json(queue.seen | {"chosen": len(selected), "messages": messages})
    elif selected:
        stdout().print(table_of_messages(selected[:limit], time.time()))
    if selected:
        stderr().print(many(len(selected), "message") + (f", {limit:,} shown" if len(selected) > limit else ""))
    check_result(queue.held, selected, is_filtered=bool(chosen))


@on_stage
def show(
    stage: Stage, message: Annotated[str, typer.Argument(metavar="ID", help="A message's id.")], as_json: AsJson = False
) -> None:
    """Show one message: its body, the image's record, the object as it is now, what the cause means and what to do.

    For a bug, it also shows the traceback from the function's log.

    Examples:

    darkroom dlq show 3f2a91bc --stage prod
    """
    found = by_id(message, read_queue(stage).diagnoses, stage)
    trace = traceback_of(stage, found.record) if found.record else None
    document = as_document(found) | {
        "object_now": _object_now(stage, found),
        "runbook": asdict(runbook_of(found, stage)),
    }
    document |= {"traceback": asdict(trace) if trace else None}
    if as_json:
        print_json(document)
        return
    print_message(document, found, trace)


def table_of_groups(found: Sequence[Group], now: float) -> Grid:
    """A row for each cause."""
    columns = ("count", "cause", "first", "last", "tries", "again", "code", "example")
    rows = [_group_row(one, now) for one in found]
    return table(columns, rows, right=("count", "tries", "again"), drop=("code", "tries"))


def table_of_messages(diagnoses: Sequence[Diagnosis], now: float) -> Grid:
    """A row for each message; how long ago it died, and its object was uploaded."""
    columns = ("id", "died", "uploaded", "cause", "tries", "key", "why")
    rows = [_row(each, now) for each in diagnoses]
    return table(columns, rows, right=("tries",), whole=("key",), prose=("why",))


def print_message(document: Mapping[str, Any], diagnosis: Diagnosis, trace: Traceback | None = None) -> None:
    """All that is known of one message, for people."""
    say = stdout().print
    for title, found in _sections(document, diagnosis.record):
        say(title, style="bold")
        say(facts(((name, _whole(name, value)) for name, value in found.items() if value), indent=2))
    if trace:
        _print_traceback(trace)
    say("body", style="bold")
    say(lines(_indented(diagnosis.message.body)))


def _print_traceback(trace: Traceback) -> None:
    stdout().print(f"traceback ({trace.group}{f', {trace.stream}' if trace.stream else ''})", style="bold")
    for line in (trace.text or trace.why).rstrip("\n").split("\n"):
        stdout().print(f"  {line}")


def as_document(diagnosis: Diagnosis) -> dict[str, Any]:
    """A message and what is known of it, as JSON; binary attributes are in base64."""
    message, event = diagnosis.message, diagnosis.event
    return {
        "id": message.message_id,
        "cause": diagnosis.cause.id,
        "why": diagnosis.why,
        "bucket": diagnosis.bucket,
        "key": diagnosis.key,
        "etag": event.etag if isinstance(event, ObjectCreated) else "",
        "sent_at": moment(message.sent_at),
        "died_at": moment(diagnosis.died_at),
        "redrive": message.redrive,
        "again": diagnosis.again,
        "body": message.body,
        "attributes": dict(message.attributes),
        "message_attributes": {name: _encoded(value) for name, value in message.message_attributes.items()},
        "record": asdict(diagnosis.record) if diagnosis.record else None,
    }


def _group_as_json(one: Group, stage: Stage) -> dict[str, Any]:
    return {
        "cause": one.cause.id,
        "messages": len(one.members),
        "first_death": moment(one.first_death),
        "last_death": moment(one.last_death),
        "attempts": one.attempts,
        "redriven_before": one.redriven,
        "code_versions": list(one.code_versions),
        "where": one.where,
        "example": {"id": one.example.message.id, "key": one.example.key, "why": one.example.why},
        "runbook": asdict(runbook_of(one.example, stage)),
    }


def _group_row(one: Group, now: float) -> tuple[object, ...]:
    times = (age(now - one.first_death), age(now - one.last_death))
    code = " ".join(version[:7] for version in one.code_versions)
    return len(one.members), one.cause.id, *times, one.attempts, one.redriven, code, one.example.message.id


def _row(each: Diagnosis, now: float) -> tuple[object, ...]:
    ages = age(now - each.died_at), age(now - each.uploaded_at)
    return each.message.id, *ages, each.cause.id, each.attempts, each.key, each.why


def _object_now(stage: Stage, diagnosis: Diagnosis) -> dict[str, Any]:
    """What the uploads bucket has under the message's key now."""
    if not diagnosis.version:
        return {"state": "not checked: the message refers to no object of this stage"}
    try:
        answer = head(stage.client("s3"), diagnosis.bucket, diagnosis.key)
    except ClientError as error:
        return {"state": f"unknown: HeadObject was refused ({code_of(error)})"}
    if answer is None:
        return {"state": "gone"}
    unchanged = diagnosis.version.etag == answer["ETag"]
    facts = {"etag": answer["ETag"], "bytes": answer["ContentLength"], "content_type": answer.get("ContentType", "")}
    return {"state": "unchanged" if unchanged else "replaced by another version"} | facts


def _indented(body: str) -> str:
    """JSON with a line for each field; anything else as it is."""
    try:
        return to_json(json.loads(body), indent=2)
    except ValueError:
        return body


def _encoded(value: Mapping[str, Any]) -> dict[str, Any]:
    return {
        kind: base64.b64encode(content).decode() if isinstance(content, bytes) else content
        for kind, content in value.items()
    }


def _sections(document: Mapping[str, Any], record: Record | None) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "message", {name: document[name] for name in ("id", "key", "sent_at", "died_at", "cause", "why", "redrive")}
    yield "images table", _record_facts(record) if record else {"record": "none"}
    yield "object now", document["object_now"]
    yield "runbook", document["runbook"]


def _whole(name: str, value: object) -> str:
    """A value as it is shown: names of things stay whole."""
    return Whole(value) if name in ("id", "key", "etag", "request_id") else str(value)


def _record_facts(record: Record) -> Mapping[str, Any]:
    return {
        "status": record.status,
        "attempts": record.attempts,
        "code_version": record.code_version,
        "fingerprint": record.reason.fingerprint if record.reason else "",
        "where": record.reason.where if record.reason else "",
        "request_id": record.reason.request_id if record.reason else "",
        "uploaded_at": moment(record.uploaded_at),
    }
