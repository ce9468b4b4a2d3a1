"""The commands that only look: ``dlq groups``, ``dlq list`` and ``dlq show``."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from ops.dlq.advice import advice
from ops.dlq.causes import Case, Group, group
from ops.dlq.files import as_document, many, moment
from ops.dlq.filters import Filter, by_id, filtered
from ops.dlq.look import cases_of, looked_at
from ops.heads import head
from ops.stage import Stage, on_stage
from ops.terminal import AsJson, paper, print_json, table, words
from processing.aws import code_of
from processing.events import ObjectCreated

LIMIT = 50  # lines of a list


@on_stage
def groups(stage: Stage, as_json: AsJson = False) -> None:
    """Show what the dead letters died of, the most frequent cause first.

    Looking puts every letter back at once and counts as no attempt.

    Examples:

    darkroom dlq groups --stage prod

    darkroom dlq groups --stage prod --json | jq '.groups[].cause'
    """
    look = looked_at(stage)
    found = group(look.cases)
    if as_json:
        print_json(look.seen | {"groups": [_group_as_json(one) for one in found]})
    elif not found:
        words().print("No dead letter was seen." if look.hold.unseen else "No dead letters.")
    else:
        now = time.time()
        rows = [_group_row(one, now) for one in found]
        columns = ("count", "cause", "first", "last", "tries", "again", "code", "example")
        paper().print(table(columns, rows, right=("count", "tries", "again")))
        words().print("again: sent by a redrive before, and failed again. What mends a cause: darkroom dlq show ID")


@on_stage
@filtered
def list_letters(
    stage: Stage,
    chosen: Filter,
    limit: Annotated[int, typer.Option(min=1, help="Show at most so many.")] = LIMIT,
    as_json: AsJson = False,
) -> None:
    """List dead letters, the oldest first.

    Examples:

    darkroom dlq list --stage prod --cause CorruptImage --newer-than 2h

    darkroom dlq list --stage prod --where 'images/2026/*' --json
    """
    look = looked_at(stage)
    cases = chosen.choose(look.cases)
    if as_json:
        letters = [as_document(case) for case in cases[:limit]]
        print_json(look.seen | {"chosen": len(cases), "letters": letters})
    elif cases:
        now = time.time()
        rows = [_case_row(case, now) for case in cases[:limit]]
        shown = table(("id", "age", "cause", "tries", "key", "why"), rows, right=("tries",))
        for column in shown.columns[:4]:
            column.no_wrap = True
        paper().print(shown)
    words().print(many(len(cases)) + (f", {limit} shown" if len(cases) > limit else ""))


@on_stage
def show(
    stage: Stage, letter: Annotated[str, typer.Argument(metavar="ID", help="A letter's id.")], as_json: AsJson = False
) -> None:
    """Show one dead letter: its message, the ledger's record, the object as it is now, and what mends it.

    Examples:

    darkroom dlq show 3f2a91bc --stage prod
    """
    case = by_id(letter, cases_of(stage))
    document = as_document(case) | {"object_now": _object_now(stage, case), "advice": asdict(advice(case.cause))}
    if as_json:
        print_json(document)
        return
    for title, facts in _sections(document):
        shown = table(("", ""), [(f"  {name}", value) for name, value in facts.items() if value != ""])
        shown.show_header = False
        paper().print(title, style="bold")
        paper().print(shown)
    paper().print("body", style="bold")
    paper().print(_readable(case.letter.body))


def age(seconds: float) -> str:
    """How long ago, for people, in the unit that says enough."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _group_as_json(one: Group) -> dict[str, Any]:
    return {
        "cause": one.cause.id,
        "letters": len(one.cases),
        "first_seen": moment(one.first_seen),
        "last_seen": moment(one.last_seen),
        "attempts": one.attempts,
        "redriven_before": one.redriven,
        "code_versions": list(one.code_versions),
        "example": {"id": one.example.letter.id, "key": one.example.key, "why": one.example.message},
        "advice": asdict(advice(one.cause)),
    }


def _group_row(one: Group, now: float) -> tuple[object, ...]:
    times = (age(now - one.first_seen), age(now - one.last_seen))
    code = " ".join(version[:7] for version in one.code_versions)
    return len(one.cases), one.cause.id, *times, one.attempts, one.redriven, code, one.example.letter.id


def _case_row(case: Case, now: float) -> tuple[object, ...]:
    attempts = case.record.attempts if case.record else 0
    return case.letter.id, age(now - case.letter.sent_at), case.cause.id, attempts, case.key, case.message


def _object_now(stage: Stage, case: Case) -> dict[str, Any]:
    """What the uploads bucket holds under the letter's key now."""
    if not case.version:
        return {"state": "not looked for: the letter names no object of this stage"}
    try:
        answer = head(stage.client("s3"), case.bucket, case.key)
    except ClientError as error:
        return {"state": f"unknown: HeadObject was refused ({code_of(error)})"}
    if answer is None:
        return {"state": "gone"}
    same = isinstance(case.event, ObjectCreated) and case.event.etag == answer["ETag"]
    facts = {"etag": answer["ETag"], "bytes": answer["ContentLength"], "content_type": answer.get("ContentType", "")}
    return {"state": "as it was" if same else "another version is there"} | facts


def _readable(body: str) -> str:
    """JSON with its fields one below the other; what is no JSON as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


def _sections(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield "letter", {name: document[name] for name in ("id", "key", "sent_at", "cause", "why", "redrive")}
    record = {name: value for name, value in (document["record"] or {}).items() if value}
    shown = ("status", "attempts", "code_version", "recipe", "fingerprint", "request_id", "uploaded_at")
    yield "ledger", {name: record[name] for name in shown if name in record} or {"record": "none"}
    yield "object now", document["object_now"]
    yield "what it means, and what mends it", document["advice"]
